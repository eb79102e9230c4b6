"""What is clean is remembered: keys and values that never change are computed once and found again by their cause.

A cause is (segment, what it sees, words it sees, rule, state of the weights and adapters). Entries live exactly as long
as some prepared row holds them, so there is nothing to clear and nothing to configure.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from refrain.attention.isa.known import Known
from refrain.attention.tiles import Tiles
from refrain.sequence import Rule, Sequence


@dataclass(frozen=True)
class Cause:
    """All that something depends on: `key` says which objects and in what state.

    `of` are these objects; they are held as long as the cause is, so that no other can take over their identity.
    """

    key: Hashable
    of: tuple[object, ...] = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Kept:
    """Keys (after norm and rotation) and values for every block."""

    layers: "list[Held]"

    def at(self, number: int, device: torch.device) -> "Held":
        """Keys and values of block `number`, brought back to `device` if they were put aside."""
        held = self.layers[number]
        if isinstance(held, Known):
            return held.to(device)
        return held[0].to(device, non_blocking=True), held[1].to(device, non_blocking=True)

    def tensors(self) -> list[Tensor]:
        """All that takes memory."""
        return [x for held in self.layers for x in (held.tensors() if isinstance(held, Known) else held)]

    def size(self) -> int:
        """Bytes."""
        return sum(x.nbytes for x in self.tensors())


Held = tuple[Tensor, Tensor] | Known
"""Keys and values of a segment in one block: [B, L, H, D] each, or laid in tiles."""


class Memory:
    """All that the living rows of one denoiser remember."""

    def __init__(self) -> None:
        self._entries: WeakValueDictionary[Cause, Kept] = WeakValueDictionary()

    def recall(self, cause: Cause) -> Kept | None:
        return self._entries.get(cause)

    def keep(self, cause: Cause, kept: Kept) -> Kept:
        self._entries[cause] = kept
        return kept

    def __len__(self) -> int:
        return len(self._entries)


def reach(row: Sequence, rule: Rule, numbers: Iterable[int]) -> dict[int, list[int]]:
    """Of each of these segments, by its number in the row, itself, all that it sees, all that these see, and so on."""
    sees = [{j for j, key in enumerate(row) if rule(segment, key)} for segment in row]
    found: dict[int, list[int]] = {}
    for i in numbers:
        reached, frontier = {i}, [i]
        while frontier:
            new = sees[frontier.pop()] - reached
            reached |= new
            frontier += new
        found[i] = sorted(reached)
    return found


def identity(tensor: Tensor | None) -> Hashable:
    """Which tensor this is, and how often it was written to in place."""
    return None if tensor is None else (id(tensor), 0 if tensor.is_inference() else tensor._version)


def weights_cause(*modules: nn.Module, apart: frozenset[str] = frozenset()) -> Cause:
    """Changes whenever a weight is written, moved or cast, and an adapter comes, goes, is scaled, switched or merged.

    apart: adapters that do not count. torch itself does not see writes through `.data`; whoever writes so calls
    `WanDenoiser.forget` and prepares anew.
    """
    passed = {f"lora_{which}.{name}." for which in "AB" for name in apart}
    weights = tuple(
        weight
        for module in modules
        for name, weight in module.named_parameters()
        if not any(mark in name for mark in passed)
    )
    parts = [part for module in modules for part in module.modules() if hasattr(part, "active_adapters")]
    states = (_adapters(part, apart) for part in parts if hasattr(part, "scaling"))
    adapters = tuple(state for state in states if state is not None)
    return Cause((tuple((identity(w), w.data_ptr(), w.dtype) for w in weights), adapters), weights)


def _adapters(part: Any, apart: frozenset[str]) -> Hashable:
    """The state of one layer's adapters; None where none of them counts."""
    active, merged = (
        [name for name in names if name not in apart] for names in (part.active_adapters, part.merged_adapters)
    )
    scaling = [(name, scale) for name, scale in part.scaling.items() if name not in apart]
    return (tuple(active), tuple(scaling), part.disable_adapters, tuple(merged)) if scaling else None


def predicted_size(tokens: Iterable[int], width: int, bytes_each: int, batch: int = 1) -> int:
    """Bytes that remembering segments of so many tokens will take in one block, before anything is computed."""
    return 2 * sum(tokens) * width * bytes_each * batch


def predicted_tiles(tiles: Tiles, width: int, head: int, each: torch.dtype, order: int, batch: int = 1) -> int:
    """The same of one segment that is laid in tiles: its slots, two means a tile, and its slope at order 1."""
    wide = torch.promote_types(each, torch.float32).itemsize
    means = wide * width * (2 * len(tiles) + (head if order else 0))
    return batch * (2 * tiles.slots * len(tiles) * width * each.itemsize + means)
