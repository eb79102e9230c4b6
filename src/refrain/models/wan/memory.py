"""What is clean is remembered: keys and values that never change are computed once and found again by their cause.

A cause is (segment, what it sees, words it sees, rule, state of the weights and adapters). Entries live exactly as long
as some prepared row holds them, so there is nothing to clear and nothing to configure.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Cause:
    """All that something depends on: `key` says which objects and in what state.

    `of` are these objects; they are held as long as the cause is, so that no other can take over their identity.
    """

    key: Hashable
    of: tuple[object, ...] = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Kept:
    """Keys (after norm and rotation) and values, [B, L, H, D] for every block."""

    layers: list[tuple[Tensor, Tensor]]

    def at(self, number: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Keys and values of block `number`, brought back to `device` if they were put aside."""
        k, v = self.layers[number]
        return k.to(device, non_blocking=True), v.to(device, non_blocking=True)

    def size(self) -> int:
        """Bytes."""
        return sum(k.nbytes + v.nbytes for k, v in self.layers)


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


def identity(tensor: Tensor | None) -> Hashable:
    """Which tensor this is, and how often it was written to in place."""
    return None if tensor is None else (id(tensor), 0 if tensor.is_inference() else tensor._version)


def weights_cause(*modules: nn.Module) -> Cause:
    """Changes whenever a weight is written, moved or cast, and an adapter comes, goes, is scaled, switched or merged.

    torch itself does not see writes through `.data`; whoever writes so calls `WanDenoiser.forget` and prepares anew.
    """
    weights = tuple(weight for module in modules for weight in module.parameters())
    adapters = tuple(
        (tuple(part.active_adapters), tuple(part.scaling.items()), part.disable_adapters, tuple(part.merged_adapters))
        for module in modules
        for part in module.modules()
        if hasattr(part, "scaling") and hasattr(part, "active_adapters")
    )
    return Cause((tuple((identity(w), w.data_ptr(), w.dtype) for w in weights), adapters), weights)


def predicted_size(tokens: Iterable[int], blocks: int, width: int, bytes_each: int, batch: int = 1) -> int:
    """Bytes that remembering segments of so many tokens will take in one expert, before anything is computed."""
    return 2 * sum(tokens) * blocks * width * bytes_each * batch
