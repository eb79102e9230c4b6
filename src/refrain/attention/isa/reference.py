"""The truth: exact-or-mean attention in float64, one head at a time, with nothing clever in it.

For a query q, exact tiles S and mean tiles U of lengths b, with s = 1 / sqrt(D):

    o = (sum_S e^{s q.k} v + sum_U b e^{s q.kbar} (vbar + s H^T q)) / (sum_S e^{s q.k} + sum_U b e^{s q.kbar})

H is the slope of the tile's segment, and absent at order 0 (LIVEditor, arXiv 2605.04569, Eq. 4; PISA, 2602.01077).
"""

import torch
from torch import Tensor

from .job import Job
from .select import EXACT, MEAN


def attend(job: Job) -> Tensor:
    """[B, H, N, S, D] of the dtype of q; slots beyond a tile's length hold answers of no meaning."""
    out = torch.empty_like(job.q, dtype=torch.float64)
    for b in range(job.q.shape[0]):
        for h in range(job.q.shape[1]):
            out[b, h] = _head(job, b, h)
    return out.to(job.q.dtype)


def _head(job: Job, b: int, h: int) -> Tensor:
    """[N, S, D] of one head."""
    g = h // job.shared
    q = job.q[b, h].double() * job.scale  # [N, S, D]
    k = job.k[b, g].double()  # [M, S', D]
    v = (
        job.v[b, g].double().masked_fill(~job.held.filled[..., None], 0)
    )  # whatever is in empty slots counts for nothing
    mean_k, mean_v = job.means.k[b, g].double(), job.means.v[b, g].double()  # [M, D]
    state = job.state[b, h]  # [N, M]
    filled = job.held.filled.flatten()  # [M S']

    fine = q @ k.flatten(0, 1).T  # [N, S, M S']
    is_exact = (state == EXACT).repeat_interleave(k.shape[1], dim=1) & filled
    coarse = q @ mean_k.T + job.held.lengths.double().log()  # [N, S, M]
    logits = torch.cat(
        [
            fine.masked_fill(~is_exact[:, None], -torch.inf),
            coarse.masked_fill((state != MEAN)[:, None], -torch.inf),
        ],
        dim=-1,
    )
    p = logits.softmax(-1)
    exact, rest = torch.split(p, [fine.shape[-1], coarse.shape[-1]], dim=-1)
    out = exact @ v.flatten(0, 1) + rest @ mean_v  # [N, S, D]
    if job.means.slope is not None:
        for number, slope in enumerate(job.means.slope[b, g].double()):
            mass = rest[..., job.means.which == number].sum(-1, keepdim=True)  # [N, S, 1]
            out = out + mass * (q @ slope)
    return out
