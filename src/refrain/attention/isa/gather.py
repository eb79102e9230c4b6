"""Exact-or-mean attention in plain PyTorch: gather the chosen tiles, one softmax over them and the means.

Works on any device and carries gradients; the choice itself is not differentiated.
"""

import torch
from torch import Tensor

from .job import Job
from .select import MEAN, lists

ROWS = 8  # query tiles at a time: what they gather should stay in the cache


def attend(job: Job) -> Tensor:
    """[B, H, N, S, D] of the dtype of q; slots beyond a tile's length hold answers of no meaning."""
    batch, heads, rows = job.q.shape[:3]
    numbers, count = lists(job.state, job.held)  # [B, H, N, most]
    parts = [
        torch.cat([_rows(job, b, h, part, numbers[b, h], count[b, h]) for part in _parts(job, rows)])
        for b in range(batch)
        for h in range(heads)
    ]
    order = torch.cat(list(_parts(job, rows))).argsort()
    return torch.stack(parts).index_select(1, order).unflatten(0, (batch, heads))


def _parts(job: Job, rows: int) -> list[Tensor]:
    """Query tiles, a few at a time; those of different sights never share a call."""
    numbers = torch.arange(rows, device=job.q.device)
    return [part for sight in job.tiling.sight.unique() for part in numbers[job.tiling.sight == sight].split(ROWS)]


def _rows(job: Job, b: int, h: int, rows: Tensor, numbers: Tensor, count: Tensor) -> Tensor:
    """[R, S, D] of some query tiles of one head."""
    g, most = h // job.shared, int(count[rows].max())
    wanted = numbers[rows, :most].long().clamp(max=len(job.held) - 1)  # [R, most]
    q = job.q[b, h, rows] * job.scale  # [R, S, D]
    k, v = job.k[b, g][wanted].flatten(1, 2), job.v[b, g][wanted].flatten(1, 2)  # [R, most S', D]
    mean_k, mean_v = (x[b, g].to(q.dtype) for x in (job.means.k, job.means.v))  # [M, D]

    listed = torch.arange(most, device=q.device) < count[rows, None]  # [R, most]
    real = (job.held.filled[wanted] & listed[..., None]).flatten(1)  # [R, most S']
    fine = (q @ k.transpose(-1, -2)).float().masked_fill(~real[:, None], -torch.inf)
    coarse = (q @ mean_k.T).float() + job.held.lengths.log()
    coarse = coarse.masked_fill((job.state[b, h, rows] != MEAN)[:, None], -torch.inf)  # [R, S, M]
    exact, rest = torch.cat([fine, coarse], dim=-1).softmax(-1).to(q.dtype).split([fine.shape[-1], coarse.shape[-1]], -1)
    out = exact @ v + rest @ mean_v
    if job.means.slope is not None:
        for number, slope in enumerate(job.means.slope[b, g].to(q.dtype)):
            out = out + rest[..., job.means.which == number].sum(-1, keepdim=True) * (q @ slope)
    return out
