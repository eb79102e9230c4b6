"""Exact-or-mean attention in Triton, for CUDA: forward and backward, without atomics, so that two runs are equal.

On a CPU the same kernels run in Triton's interpreter (`TRITON_INTERPRET=1`), and are held to the reference there.
"""
# pyright: reportArgumentType=false, reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from triton import knobs

from refrain.errors import Unsupported

from .job import Job
from .select import EXACT
from .triton_backward import Felt, Heard, columns, means, rows, slopes
from .triton_forward import Counts, Laid, Lists, Sizes, compact, forward

WIDTHS = (64, 128)
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
CHUNK = 64  # means at a time
PRECISION = "ieee"  # float32 is for checking; half precisions are for speed
SHARES = 16  # partial sums of a slope's gradient


def attend(job: Job) -> Tensor:
    """[B, H, N, S, D] of the dtype of q; slots beyond a tile's length are 0.

    Raises Unsupported for a head width or dtype that there is no kernel for, and where there is no CUDA device.
    """
    return answer(job)[0]


def answer(job: Job) -> tuple[Tensor, Tensor]:
    """What `attend` returns, and log2 of the sum of every query's weights, float32 [B, H, N, S], without gradients."""
    _check(job)
    told = job.means
    return cast(tuple[Tensor, Tensor], _ExactOrMean.apply(job.q, job.k, job.v, told.k, told.v, told.slope, job))


class _ExactOrMean(torch.autograd.Function):
    """Gradients flow to q, k, v and to the statistics; from these torch carries them on to k and v."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
        *statistics, job = rest
        x, z, state = _laid(job, q, k, v, statistics), _sizes(job), job.state.contiguous()
        o, lse = torch.empty_like(x.q), q.new_empty(q.shape[:-1], dtype=torch.float32)
        with torch.cuda.device_of(q):
            lists = lists_of(state, x.held, 1)
            forward[q.shape[2], q.shape[0] * q.shape[1]](
                x, state, lists, o, lse, _counts(x, lists), z, **launch("forward", q)
            )
        ctx.save_for_backward(*x, state, *lists, o, lse)
        ctx.sizes = z
        ctx.mark_non_differentiable(lse)
        return o, lse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved, do = ctx.saved_tensors, grad_outputs[0].contiguous()
        x, state, lists, heard = Laid(*saved[:11]), saved[11], Lists(*saved[12:15]), Heard(saved[15], do, saved[16])
        with torch.cuda.device_of(do):
            return (*_gradients(x, state, lists, heard, ctx.sizes, ctx.needs_input_grad), None)


def _gradients(
    x: Laid, state: Tensor, lists: Lists, heard: Heard, z: Sizes, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Gradients of q, k, v, mean_k, mean_v and slope; None of those that nobody wants."""
    batch, heads, n, s, d = x.q.shape
    held, m = x.k.shape[1:3]
    segments, shares = len(x.bounds) - 1, min(n, SHARES)

    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, dtype=torch.float32, device=x.q.device)

    dq, dk, dv, dmean_k, dmean_v, dslope = torch.empty_like(x.q), None, None, None, None, None
    delta = empty(batch, heads, n, s)
    felt = Felt(delta, *(empty(batch, heads, n, segments, s) if z.ORDER else delta for _ in range(2)))
    rows[n, batch * heads](x, state, lists, heard, dq, felt, _counts(x, lists), z, **launch("rows", x.q))
    if wanted[1] or wanted[2]:
        dk, dv = torch.empty_like(x.k), torch.empty_like(x.v)
        turned = lists_of(state.transpose(2, 3), x.asking, z.GROUP)
        columns[m, batch * held](x, turned, heard, delta, dk, dv, _counts(x, turned), z, **launch("columns", x.q))
    if wanted[3] or wanted[4]:
        dmean_k, dmean_v = empty(batch, held, m, d), empty(batch, held, m, d)
        means[-(-m // CHUNK), batch * held](
            x, state, heard, felt, dmean_k, dmean_v, _counts(x, lists), z, **launch("means", x.q)
        )
    if wanted[5]:
        parts = empty(batch, held, segments, shares, d, d)
        slopes[shares, batch * held * segments](
            x, heard.do, felt.rest, parts, shares, _counts(x, lists), z, **launch("slopes", x.q)
        )
        dslope = parts.sum(3)
    return dq, dk, dv, dmean_k, dmean_v, dslope


def _counts(x: Laid, lists: Lists) -> Counts:
    return Counts(x.q.shape[2], x.k.shape[2], len(x.bounds) - 1, lists.entries.shape[-1])


def lists_of(state: Tensor, lengths: Tensor, shared: int) -> Lists:
    """The exact tiles of each row of states [B, H, rows, columns]; `shared` heads are taken up one after another."""
    state = state.contiguous()
    count = (state == EXACT).sum(-1, dtype=torch.int32)  # [B, H, rows]
    most = 16 * max(1, -(-int(count.max()) // 16))  # kernels are compiled anew for numbers that 16 does not divide
    entries = count.new_empty(*count.shape, most)
    compact[count.numel(),](state, lengths, entries, count, state.shape[-1], most, BLOCK=256)
    batch, heads, rows = count.shape
    together = count.reshape(batch, heads // shared, shared, rows).sum(2)  # [B, H / shared, rows]
    return Lists(entries, count, together.argsort(dim=-1, descending=True, stable=True).int())


def _check(job: Job) -> None:
    """Refuse by name what there is no kernel for."""
    if job.q.shape[-1] not in WIDTHS:
        raise Unsupported(f"The triton kernel has heads of width 64 or 128, not {job.q.shape[-1]}: take `gather`.")
    if job.q.dtype not in DTYPES:
        raise Unsupported(f"The triton kernel takes float16, bfloat16 or float32, not {job.q.dtype}: take `gather`.")
    if job.q.device.type != "cuda" and not knobs.runtime.interpret:
        raise Unsupported(f"The triton kernel needs a CUDA device, not {job.q.device}: take `gather` or `flex`.")


def _laid(job: Job, q: Tensor, k: Tensor, v: Tensor, statistics: list[Tensor | None]) -> Laid:
    """What the kernels read: contiguous, and the statistics of the dtype of q."""
    mean_k, mean_v, slope = (None if part is None else part.to(q.dtype).contiguous() for part in statistics)
    assert mean_k is not None
    which = job.means.which.int() if slope is not None else torch.zeros_like(job.means.which, dtype=torch.int32)
    edges = torch.arange(2 if slope is None else slope.shape[2] + 1, device=q.device, dtype=torch.int32)
    return Laid(
        q.contiguous(), k.contiguous(), v.contiguous(), mean_k, mean_v,
        slope=mean_k if slope is None else slope,  # not read at order 0
        bias=job.held.lengths.float().log2(),
        which=which,
        bounds=torch.searchsorted(which, edges, out_int32=True),  # tiles of a segment are neighbours, see `tiles_of`
        asking=job.asking.lengths.int(),
        held=job.held.lengths.int(),
    )  # fmt: skip


def _sizes(job: Job) -> Sizes:
    s, p, d = job.q.shape[3], job.k.shape[3], job.q.shape[4]
    sp, sq = (1 << (max(16, size) - 1).bit_length() for size in (p, s))
    order = int(job.means.slope is not None)
    return Sizes(d, s, p, sq, sp, CHUNK, job.shared, order, job.scale, job.scale * math.log2(math.e), PRECISION)


def launch(kernel: str, q: Tensor) -> dict[str, int]:
    """Warps and stages, fixed: tuning on the fly would change the order of sums from run to run.

    Chosen by what the compiler reports for Hopper (registers, shared memory, spills), not yet by the clock. With fewer
    than three stages nothing that waits for an entry of a list is fetched ahead.
    """
    if q.dtype == torch.float32:
        return {"num_warps": 8, "num_stages": 1}
    return {"num_warps": 8 if q.shape[-1] == 128 and kernel != "forward" else 4, "num_stages": 3}
