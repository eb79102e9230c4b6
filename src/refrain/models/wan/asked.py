"""One self-attention of a row: what is asked, of whom, and how it is shown to who watches."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from refrain.attention import Isa, Plan
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


@dataclass(frozen=True, eq=False)
class Room:
    """Where the blocks of a row lay keys and values behind one another, one block after the other.

    Without it a CPU's system would hand out so much memory anew for each block, page by page: three times as long as
    the copy itself.
    """

    held: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def laid(self, name: str, parts: list[Tensor]) -> Tensor:
        """Parts [B, L, H, D] behind one another; they stand until the next ones of this name are laid."""
        first, known = parts[0], self.held.get(name)
        if first.device.type != "cpu" or any(part.dtype != first.dtype for part in parts):
            return torch.cat(parts, dim=1)
        shape = (first.shape[0], sum(part.shape[1] for part in parts), *first.shape[2:])
        if known is None or known.shape != shape or known.dtype != first.dtype or known.is_inference():
            known = self.held[name] = first.new_empty(shape)
        return torch.cat(parts, dim=1, out=known)


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

    def keys(self, plan: Plan, cut: Cut, room: "Room | None" = None) -> tuple[Tensor, Tensor]:
        """Keys and values [B, Lk, H, D] of `plan.keys`, in row order; `cut` laid those that are in tiles.

        room: where they may lie, if nobody will look at them later.
        """
        held = self._plain(plan, cut)
        parts = [held[j] for j in plan.keys]
        if len(parts) == 1:
            return parts[0]
        k, v = ([part[n] for part in parts] for n in (0, 1))
        if room is None or torch.is_grad_enabled():
            return torch.cat(k, dim=1), torch.cat(v, dim=1)
        return room.laid("k", k), room.laid("v", v)

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
