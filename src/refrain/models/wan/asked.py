"""One self-attention of a row: what is asked, of whom, and how it is shown to who watches."""

from dataclasses import dataclass

import torch
from torch import Tensor

from refrain.attention import Plan


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

    held: keys and values [B, L, H, D] of every segment that is seen, by its number.
    """

    q: Tensor
    gate: Tensor | None
    held: dict[int, tuple[Tensor, Tensor]]

    def of(self, rows: Tensor) -> "Asked":
        """Some tokens only; rows: bool [Lq]."""
        return Asked(self.q[:, rows], None if self.gate is None else self.gate[:, rows], self.held)

    def example(self, n: int) -> "Asked":
        """One example of the batch."""
        one = slice(n, n + 1)
        held = {j: (k[one], v[one]) for j, (k, v) in self.held.items()}
        return Asked(self.q[one], None if self.gate is None else self.gate[one], held)

    def keys(self, plan: Plan) -> tuple[Tensor, Tensor]:
        """Keys and values [B, Lk, H, D] of `plan.keys`, in row order."""
        parts = [self.held[j] for j in plan.keys]
        k, v = (parts[0][n] if len(parts) == 1 else torch.cat([part[n] for part in parts], dim=1) for n in (0, 1))
        return k, v
