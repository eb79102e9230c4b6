"""Exact-or-mean attention by torch's compiled `flex_attention`: the means are tiles of keys beside the others.

Fast where one plan is used many times, on CPUs and GPUs; no gradients, and no first-order term. See
`refrain.attention.flex` for what compiling costs.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from refrain.attention import flex
from refrain.errors import Unsupported

from .job import Job
from .select import EXACT, MEAN


def attend(job: Job) -> Tensor:
    """[B, H, N, S, D] of the dtype of q; slots beyond a tile's length hold answers of no meaning."""
    if job.means.slope is not None:
        raise Unsupported("Flex has no first-order term: use order=0, or kernel='gather' or 'triton'.")
    flex.refuse(job.q, job.k, job.v)
    q, k, v = (flex.wide(x) for x in (job.q, job.k, job.v))
    slots = k.shape[3]
    k, v = (torch.cat([x, _tiled(means, slots).to(x.dtype)], 2) for x, means in ((k, job.means.k), (v, job.means.v)))

    shift = job.held.lengths.float().log().where(job.state == MEAN, -torch.inf)  # [B, H, N, M]
    shift = pad(shift, (0, -shift.shape[-1] % slots), value=-torch.inf)
    some = (shift.view(*shift.shape[:3], -1, slots) > -torch.inf).any(-1)
    wanted = torch.cat([job.state == EXACT, some], -1)
    empty = pad(flex.empty(job.held, slots), (0, shift.shape[-1]))
    found = flex.look(q, k, v, flex.Look(*flex.listed(wanted), empty, shift))
    return found[:, :, :, : job.q.shape[3]]


def _tiled(means: Tensor, slots: int) -> Tensor:
    """[B, H, M, D] -> [B, H, tiles, slots, D]."""
    padded = pad(means, (0, 0, 0, -means.shape[2] % slots))
    return padded.view(*means.shape[:2], -1, slots, means.shape[3])
