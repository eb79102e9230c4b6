"""Exact attention without a mask: for each sight, gather what is seen and attend to it all."""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from . import bfloat
from .plan import Plan


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> Tensor:
    """q [B, Lq, H, D], k, v [B, Lk, H, D] -> [B, Lq, H, D]; one fast, unmasked call per sight."""
    if len(plan.sights) == 1:
        return look(q, k, v)
    asked, keys, values = (
        _Cut.of(x, those, plan.lengths) for x, those in ((q, plan.queries), (k, plan.keys), (v, plan.keys))
    )
    parts: dict[int, Tensor] = {}
    for sight in plan.sights:
        answer = look(asked.gather(sight.queries), keys.gather(sight.keys), values.gather(sight.keys))
        each = torch.split(answer, [plan.lengths[i] for i in sight.queries], dim=1)
        parts.update(zip(sight.queries, each))
    return torch.cat([parts[i] for i in plan.queries], dim=1)  # [B, Lq, H, D]


def look(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Unmasked attention, [B, L, H, D] in and out, by whatever is fastest for these on this machine."""
    if bfloat.serves(q, k, v):
        return bfloat.attend(q, k, v)
    if bfloat.teaches(q, k, v):
        return bfloat.learn(q, k, v)
    return F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), enable_gqa=q.shape[2] != k.shape[2]
    ).transpose(1, 2)


@dataclass(frozen=True, eq=False)
class _Cut:
    """A row [B, L, H, D] and its segments, by number: where each starts and stops, and its piece."""

    row: Tensor
    spans: dict[int, tuple[int, int]]
    pieces: dict[int, Tensor]

    @staticmethod
    def of(row: Tensor, segments: Ordered[int], lengths: Ordered[int]) -> "_Cut":
        """Of a row that holds just these segments, in this order; lengths are those of all there are."""
        each = [lengths[i] for i in segments]
        stops = list(accumulate(each))
        spans = {i: (stop - length, stop) for i, stop, length in zip(segments, stops, each)}
        return _Cut(row, spans, dict(zip(segments, torch.split(row, each, dim=1))))

    def gather(self, segments: Ordered[int]) -> Tensor:
        """Some segments side by side: a view where they are neighbours, or else a copy.

        Where gradients flow it is a copy too, since those of a view are as long as the whole row.
        """
        if len(segments) == 1:
            return self.pieces[segments[0]]
        spans = [self.spans[i] for i in segments]
        if not (self.row.requires_grad and torch.is_grad_enabled()) and all(
            a[1] == b[0] for a, b in zip(spans, spans[1:])
        ):
            return self.row[:, spans[0][0] : spans[-1][1]]
        return torch.cat([self.pieces[i] for i in segments], dim=1)
