"""Exact attention without a mask: for each sight, gather what is seen and attend to it all."""

from collections.abc import Sequence as Ordered

import torch
import torch.nn.functional as F
from torch import Tensor

from . import bfloat
from .plan import Plan


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> Tensor:
    """q [B, Lq, H, D], k, v [B, Lk, H, D] -> [B, Lq, H, D]; one fast, unmasked call per sight."""
    asked, held = _spans(plan.queries, plan.lengths), _spans(plan.keys, plan.lengths)
    if len(plan.sights) == 1:
        return look(q, k, v)
    parts: dict[int, Tensor] = {}
    for sight in plan.sights:
        rows, seen = [asked[i] for i in sight.queries], [held[j] for j in sight.keys]
        answer = look(_gather(q, rows), _gather(k, seen), _gather(v, seen))
        parts.update(zip(sight.queries, torch.split(answer, [b - a for a, b in rows], dim=1)))
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


def _spans(segments: Ordered[int], lengths: Ordered[int]) -> dict[int, tuple[int, int]]:
    """Where each of `segments` starts and stops in a tensor that holds just these, in row order."""
    spans: dict[int, tuple[int, int]] = {}
    start = 0
    for i in segments:
        spans[i] = (start, start + lengths[i])
        start += lengths[i]
    return spans


def _gather(x: Tensor, spans: Ordered[tuple[int, int]]) -> Tensor:
    """The rows of `spans`; a view where they are neighbours, a copy where they are not."""
    if all(a[1] == b[0] for a, b in zip(spans, spans[1:])):
        return x[:, spans[0][0] : spans[-1][1]]
    return torch.cat([x[:, a:b] for a, b in spans], dim=1)
