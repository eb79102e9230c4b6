"""One self-attention of a row: what is asked, of whom, and how it is shown to who watches."""

from dataclasses import dataclass

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

    def keys(self, plan: Plan, cut: Cut) -> tuple[Tensor, Tensor]:
        """Keys and values [B, Lk, H, D] of `plan.keys`, in row order; `cut` laid those that are in tiles."""
        held = self._plain(plan, cut)
        parts = [held[j] for j in plan.keys]
        k, v = (parts[0][n] if len(parts) == 1 else torch.cat([part[n] for part in parts], dim=1) for n in (0, 1))
        return k, v

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
