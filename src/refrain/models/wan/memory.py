"""What is clean is remembered: keys and values that never change are computed once and found again by their cause.

A cause is (segment, what it sees, words it sees, expert, state of the weights and adapters). Entries live exactly as
long as some prepared row holds them, so there is nothing to clear and nothing to configure.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn


@dataclass(eq=False)
class Kept:
    """Keys (after norm and rotation) and values, [B, L, H, D] for every block, and the objects that caused them.

    The causes are held so that their identity, which is part of the key, cannot be taken over by another object.
    """

    layers: list[tuple[Tensor, Tensor]]
    causes: tuple[object, ...]

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
        self._entries: WeakValueDictionary[Hashable, Kept] = WeakValueDictionary()

    def recall(self, cause: Hashable) -> Kept | None:
        return self._entries.get(cause)

    def keep(self, cause: Hashable, kept: Kept) -> Kept:
        self._entries[cause] = kept
        return kept

    def __len__(self) -> int:
        return len(self._entries)


def identity(tensor: Tensor) -> tuple[int, int]:
    """Which tensor this is, and how often it was written to in place."""
    return id(tensor), 0 if tensor.is_inference() else tensor._version


def weights_state(module: nn.Module) -> Hashable:
    """Changes whenever a weight is written, an adapter comes, goes, is scaled, switched off or merged."""
    adapters = tuple(
        (tuple(part.active_adapters), tuple(part.scaling.items()), part.disable_adapters, tuple(part.merged_adapters))
        for part in module.modules()
        if hasattr(part, "scaling") and hasattr(part, "active_adapters")
    )
    return hash((tuple(identity(weight) for weight in module.parameters()), adapters))


def predicted_size(tokens: Iterable[int], blocks: int, width: int, bytes_each: int, batch: int = 1) -> int:
    """Bytes that remembering segments of so many tokens will take in one expert, before anything is computed."""
    return 2 * sum(tokens) * blocks * width * bytes_each * batch
