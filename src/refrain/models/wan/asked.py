"""One self-attention of a row: what is asked, of whom, and how it is shown to who watches."""

from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor

from refrain.attention import Isa, Plan
from refrain.attention.attend import check_numbers
from refrain.attention.isa.known import Known
from refrain.attention.tiles import Cut

from .memory import Held


@dataclass(frozen=True, eq=False)
class Seen:
    """One self-attention, as it is asked: block `layer`, noise time t (0 where only clean segments ask).

    q: [B, Lq, H, D]. k, v: [B, Lk, H, D]. They hold the segments `plan.queries` and `plan.keys`.
    """

    layer: int
    t: float
    q: Tensor
    k: Tensor
    v: Tensor
    plan: Plan


SMALL = 1 << 26
"""Bytes up to which the keys and values that a row's target sees lie behind one another for every block at once."""


@dataclass(eq=False)
class Laid:
    """Keys and values [B, H, L, D] behind one another, and the keys that lie there, each with its first place."""

    k: Tensor
    v: Tensor
    parts: list[tuple[int, Tensor]] = field(default_factory=list[tuple[int, Tensor]])


@dataclass(frozen=True, eq=False)
class Room:
    """Where the blocks of a row on a CPU lay keys and values behind one another, head by head, as attention reads them.

    Up to `SMALL` bytes every block has room of its own: what is remembered is laid there, and looked through for NaN,
    once, and at every step only the target is. Beyond, the blocks take turns in one room, since memory that the system
    hands out anew for each, page by page, takes three times as long as the copy itself.
    """

    blocks: int
    held: dict[int, Laid] = field(default_factory=dict[int, Laid])

    def laid(self, block: int, parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Keys and values, in parts [B, L, H, D], as [B, L, H, D]; they stand until the next ones are laid.

        Raises BadInput for NaN and infinity among them.
        """
        like = parts[0][0]
        shape = (like.shape[0], like.shape[2], sum(k.shape[1] for k, _ in parts), like.shape[3])
        slot = block if 2 * self.blocks * prod(shape) * like.element_size() <= SMALL else 0
        here = self.held.get(slot)
        closed = here is not None and here.k.is_inference() and not torch.is_inference_mode_enabled()
        if here is None or here.k.shape != shape or here.k.dtype != like.dtype or closed:
            here = self.held[slot] = Laid(like.new_empty(shape), like.new_empty(shape))
        there, here.parts, start = here.parts, list[tuple[int, Tensor]](), 0
        for n, (k, v) in enumerate(parts):
            if n >= len(there) or there[n][0] != start or there[n][1] is not k:
                check_numbers({"k": k, "v": v})
                for place, part in ((here.k, k), (here.v, v)):
                    place[:, :, start : start + k.shape[1]] = part.transpose(1, 2)
            here.parts.append((start, k))
            start += k.shape[1]
        return here.k.transpose(1, 2), here.v.transpose(1, 2)


@dataclass(frozen=True, eq=False)
class Asked:
    """What segments bring to one self-attention: q [B, Lq, H, D], their gate [B, Lq, 1 or H] where there is one.

    held: keys and values of every segment that is seen, by its number; [B, L, H, D], or laid in tiles.
    """

    q: Tensor
    gate: Tensor | None
    held: dict[int, Held]

    def of(self, rows: Tensor) -> "Asked":
        """Some tokens only; rows: bool [Lq]."""
        return Asked(self.q[:, rows], None if self.gate is None else self.gate[:, rows], self.held)

    def example(self, n: int, plan: Plan, cut: Cut) -> "Asked":
        """One example of the batch."""
        one = slice(n, n + 1)
        held: dict[int, Held] = {j: (k[one], v[one]) for j, (k, v) in self._plain(plan, cut).items()}
        return Asked(self.q[one], None if self.gate is None else self.gate[one], held)

    def keys(self, plan: Plan, cut: Cut, block: int = 0, room: Room | None = None) -> tuple[Tensor, Tensor, bool]:
        """Keys and values [B, Lk, H, D] of `plan.keys`, in row order, and whether they were looked through for NaN.

        cut: how those that are in tiles were laid. room: where those of `block` may lie, if nobody looks at them later.
        """
        held = self._plain(plan, cut)
        parts = [held[j] for j in plan.keys]
        if len(parts) == 1:
            return *parts[0], False
        dtypes = {x.dtype for part in parts for x in part}
        if room is not None and self.q.device.type == "cpu" and len(dtypes) == 1 and not torch.is_grad_enabled():
            return *room.laid(block, parts), True
        return torch.cat([k for k, _ in parts], dim=1), torch.cat([v for _, v in parts], dim=1), False

    def known(self, plan: Plan, spec: Isa) -> list[Known]:
        """All of `plan.keys` in tiles, one part a segment; what is not laid yet is laid now."""
        device, found = self.q.device, [self.held[j] for j in plan.keys]
        return [
            one if isinstance(one, Known) else Known.of(*one, plan.tiles(j, spec.tile, device), spec.order)
            for j, one in zip(plan.keys, found)
        ]

    def _plain(self, plan: Plan, cut: Cut) -> dict[int, tuple[Tensor, Tensor]]:
        """Everything as tokens."""
        plain: dict[int, tuple[Tensor, Tensor]] = {}
        for j, one in self.held.items():
            if isinstance(one, Known):
                tiles = plan.tiles(j, cut, self.q.device)
                plain[j] = tiles.unlay(one.k), tiles.unlay(one.v)
            else:
                plain[j] = one
        return plain
