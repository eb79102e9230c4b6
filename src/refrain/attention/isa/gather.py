"""Exact-or-mean attention in plain PyTorch: gather the chosen tiles beside the means, one softmax over both.

Works on any device, in any float dtype, and carries gradients to everything but the choice. Nothing of the size of the
logits is kept for the way back: each chunk is gathered and computed anew, and differentiated there and then, so memory
grows with the tokens and not with the pairs. On a CPU a chunk is as many query tiles as gather what a cache holds,
often one; its two matrix products run as fast as the machine multiplies.

Query tiles of different sights share no chunk, and a chunk holds nothing that its sight does not see, nor has a width
that depends on it. So what a clean token hears is the same to the last bit, whatever noise says.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.utils.rnn import pad_sequence

from .job import Job
from .select import EXACT, MEAN

CACHE, MEMORY = 1 << 17, 1 << 26  # numbers that a chunk gathers of keys, at most: on a CPU, elsewhere


@dataclass(frozen=True, eq=False)
class Chunk:
    """R query tiles of head h of batch b, which look at m means and then at up to n exact tiles.

    rows:  [R] the query tiles.
    seen:  [m] the tiles that their sight sees.
    exact: [R, n] the exact ones among these; any tile where a row has fewer.
    bias:  [R, m] log(length) for a mean, -inf for what is exact or gone.
    blank: [R, n S'] -inf for slots that hold nothing, else 0; None where all are full.
    """

    b: int
    h: int
    rows: Tensor
    seen: Tensor
    exact: Tensor
    bias: Tensor
    blank: Tensor | None


def attend(job: Job) -> Tensor:
    """[B, H, N, S, D] of the dtype of q; slots beyond a tile's length hold answers of no meaning."""
    tensors = job.q, job.k, job.v, job.means.k, job.means.v, job.means.slope
    return cast(Tensor, _Gather.apply(job, *tensors))  # pyright: ignore[reportUnknownMemberType]


class _Gather(torch.autograd.Function):
    """All chunks, and on the way back all of them again."""

    @staticmethod
    def forward(ctx: Any, job: Job, *tensors: Tensor | None) -> Tensor:
        ctx.job = job
        ctx.save_for_backward(*tensors)
        out = torch.empty_like(job.q)
        for chunk in _chunks(job):
            out[chunk.b, chunk.h].index_copy_(0, chunk.rows, _answer(job, chunk, *_gathered(job, chunk)))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        q, k, v, mean_k, mean_v, slope = ctx.saved_tensors
        job = replace(ctx.job, q=q, k=k, v=v, means=replace(ctx.job.means, k=mean_k, v=mean_v, slope=slope))
        return None, *_gradients(job, given)


def _gradients(job: Job, given: Tensor) -> list[Tensor | None]:
    """Of q, k, v, mean_k, mean_v and slope, each of its own dtype; summed in float32 or better, in a fixed order."""
    inputs = [job.q, job.k, job.v, job.means.k, job.means.v, job.means.slope]
    wide = torch.promote_types(job.q.dtype, torch.float32)
    sums = [None if x is None else torch.zeros_like(x, dtype=wide) for x in inputs]
    for chunk in _chunks(job):
        leaves = [x.detach().requires_grad_() for x in _gathered(job, chunk)]
        with torch.enable_grad():
            out = _answer(job, chunk, *leaves)
        wanted = torch.autograd.grad(out, leaves, given[chunk.b, chunk.h].index_select(0, chunk.rows))
        _add(chunk, job, [x.to(wide) for x in wanted], [x for x in sums if x is not None])
    return [None if s is None or x is None else s.to(x.dtype) for s, x in zip(sums, inputs)]


def _add(chunk: Chunk, job: Job, grads: list[Tensor], sums: list[Tensor]) -> None:
    """Bring the gradients of what was gathered for a chunk to where it came from."""
    b, g, m = chunk.b, chunk.h // job.shared, len(chunk.seen)
    sums[0][b, chunk.h].index_copy_(0, chunk.rows, grads[0])
    for grad, tokens, means in zip(grads[1:3], sums[1:3], sums[3:5]):
        means[b, g].index_add_(0, chunk.seen, grad[:, :m].sum(0))
        for tiles, part in zip(chunk.exact, grad[:, m:]):
            tokens[b, g].index_add_(0, tiles, part.view(-1, *tokens.shape[3:]))
    for grad, slopes in zip(grads[3:], sums[5:]):
        slopes[b, g] += grad


def _answer(job: Job, chunk: Chunk, q: Tensor, keys: Tensor, values: Tensor, slopes: Tensor | None = None) -> Tensor:
    """[R, S, D] of the queries [R, S, D] that look at keys and values [R, m + n S', D]."""
    m, scale = len(chunk.seen), job.scale
    product = torch.baddbmm(q.new_zeros(()), q, keys.mT, beta=0, alpha=scale)  # [R, S, m + n S']
    logits = product.to(chunk.bias.dtype)
    logits[..., :m].add_(chunk.bias[:, None])
    if chunk.blank is not None:
        logits[..., m:].add_(chunk.blank[:, None])
    p = logits.softmax(-1).to(q.dtype)
    out = p @ values
    if slopes is None:
        return out
    which = job.means.which[chunk.seen]
    for number in sorted(set(_ints(which))):
        mass = p[..., :m][..., which == number].sum(-1, keepdim=True)  # [R, S, 1]
        out = out + mass * (q @ (slopes[number] * scale))
    return out


def _gathered(job: Job, chunk: Chunk) -> list[Tensor]:
    """Queries [R, S, D], then keys and values [R, m + n S', D], means first; at order 1 the slopes, too."""
    b, g = chunk.b, chunk.h // job.shared
    found = [job.q[b, chunk.h].index_select(0, chunk.rows)]
    for tokens, means in ((job.k[b, g], job.means.k[b, g]), (job.v[b, g], job.means.v[b, g])):
        m, (_, slots, width) = len(chunk.seen), tokens.shape
        x = tokens.new_empty(len(chunk.rows), m + chunk.exact.shape[1] * slots, width)
        x[:, :m] = means.index_select(0, chunk.seen)
        for tiles, into in zip(chunk.exact, x[:, m:]):  # straight to its place: a gather and a copy would move it twice
            torch.index_select(tokens, 0, tiles, out=into.view(len(tiles), slots, width))
        found.append(x)
    return found if job.means.slope is None else [*found, job.means.slope[b, g].to(job.q.dtype)]


def _chunks(job: Job) -> Iterator[Chunk]:
    """Every query tile of every head, once."""
    batch, heads, _, _, width = job.q.shape
    room = CACHE if job.q.device.type == "cpu" else MEMORY
    for sight in range(int(job.tiling.sight.max()) + 1):
        rows = (job.tiling.sight == sight).nonzero().flatten()  # [n]
        seen = job.tiling.sees[rows[0]].nonzero().flatten()  # [m]
        state = job.state[:, :, rows][..., seen]  # [B, H, n, m]
        lengths = job.held.lengths[seen].to(torch.promote_types(job.q.dtype, torch.float32))
        bias = lengths.log().where(state == MEAN, -torch.inf)
        exact = state == EXACT
        lists = torch.split(seen[exact.nonzero()[:, -1]], _ints(exact.sum(-1).flatten()))  # of B H n
        ragged = bool((lengths < job.held.slots).any())
        for n, (b, h) in enumerate(product(range(batch), range(heads))):
            mine = lists[n * len(rows) : (n + 1) * len(rows)]
            size = max(1, room // ((len(seen) + max(map(len, mine)) * job.held.slots) * width))
            for i in range(0, len(rows), size):
                tiles, blank = _listed(job, mine[i : i + size], int(seen[0]), ragged)
                yield Chunk(b, h, rows[i : i + size], seen, tiles, bias[b, h, i : i + size], blank)


def _listed(job: Job, lists: Ordered[Tensor], pad: int, ragged: bool) -> tuple[Tensor, Tensor | None]:
    """Lists of R rows as one table [R, n], and what is blank where its tiles have empty slots or rows fewer tiles."""
    most = max(map(len, lists))
    uneven = any(len(tiles) < most for tiles in lists)
    table = pad_sequence(list(lists), True, pad) if uneven else torch.stack(list(lists))
    if not (ragged or uneven):
        return table, None
    real = job.held.filled[table]  # [R, n, S']
    if uneven:
        count = torch.tensor([len(tiles) for tiles in lists], device=table.device)
        real &= (torch.arange(most, device=table.device) < count[:, None])[..., None]
    wide = torch.promote_types(job.q.dtype, torch.float32)
    return table, torch.zeros_like(real, dtype=wide).masked_fill_(~real, -torch.inf).flatten(1)


def _ints(x: Tensor) -> list[int]:
    return cast(list[int], x.tolist())  # pyright: ignore[reportUnknownMemberType]
