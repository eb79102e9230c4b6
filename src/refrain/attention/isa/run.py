"""One sparse attention from beginning to end: cut, take means, choose, compute, put back in order."""

from importlib.util import find_spec

import torch
from torch import Tensor

from refrain.attention import flex
from refrain.attention.plan import Plan
from refrain.attention.spec import Isa
from refrain.errors import BadInput, Unsupported

from . import flex as compiled
from . import gather, reference
from .job import Job
from .select import pooled, select
from .statistics import mean, means_of


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Isa, gate: Tensor | None = None) -> Tensor:
    """q [B, Lq, H, D], k, v [B, Lk, H / G, D] -> [B, Lq, H, D]. gate: [B, Lq, 1 or H], with `coarse_gate`."""
    job = job_of(q, k, v, plan, spec)
    out = job.asking.unlay(compute(kernel_of(spec, q, k, v), job))
    return out if gate is None else out + gate[..., None].to(out.dtype) * _coarse(job)


def job_of(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Isa) -> Job:
    """Lay the row in tiles, take their statistics, and choose."""
    if len(spec.budgets) > 1:
        raise BadInput(f"The budgets are for {len(spec.budgets)} layers; say which with spec.at(layer, t).")
    if spec.budgets and len(spec.budgets[0]) != q.shape[2]:
        raise BadInput(f"The budgets are for {len(spec.budgets[0])} heads; there are {q.shape[2]}.")
    tiling = plan.tiling(spec.tile, q.device)
    laid_q, laid_k, laid_v = tiling.queries.lay(q), tiling.keys.lay(k), tiling.keys.lay(v)
    means = means_of(laid_k, laid_v, tiling.keys, spec.order)
    return Job(laid_q, laid_k, laid_v, means, select(laid_q, means, tiling, spec), tiling)


def _coarse(job: Job) -> Tensor:
    """The coarse attention over tile means, [B, Lq, H, D]: every token of a tile hears the same."""
    mass = pooled(mean(job.q, job.asking), job.means, job.tiling)  # [B, H, N, M]
    heard = mass @ job.means.v.repeat_interleave(job.shared, dim=1)  # [B, H, N, D]
    return job.asking.unlay(heard[..., None, :].expand(job.q.shape)).to(job.q.dtype)


def compute(kernel: str, job: Job) -> Tensor:
    """[B, H, N, S, D], by the implementation of that name."""
    match kernel:
        case "reference":
            return reference.attend(job)
        case "gather":
            return gather.attend(job)
        case "flex":
            return compiled.attend(job)
        case "triton":
            if find_spec("triton") is None:
                raise Unsupported("The triton kernel needs Triton, which is not installed: pip install triton (Linux).")
            from . import triton  # not above: nothing imports Triton unless it is asked for

            return triton.attend(job)
        case _:
            raise Unsupported(f"No kernel is called {kernel!r}.")


def kernel_of(spec: Isa, *tensors: Tensor) -> str:
    """The implementation that `spec.kernel` means for these queries, and keys and values where they are at hand."""
    q, grad = tensors[0], torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
    return chosen_kernel(spec, q.device, q.dtype, q.shape[-1], grad)


def chosen_kernel(spec: Isa, device: torch.device, dtype: torch.dtype, head_dim: int, grad: bool = False) -> str:
    """The implementation that `spec.kernel` means; `auto` is settled here. `grad`: whether a gradient is wanted.

    On CUDA with Triton installed: `triton` for what it takes; else `flex`, if it can be built and neither a gradient
    nor the first-order term is wanted. Everywhere else `gather`.
    """
    if spec.kernel != "auto":
        return spec.kernel
    if device.type == "cuda" and find_spec("triton") is not None and dtype in flex.FLOATS:
        if head_dim in (64, 128):
            return "triton"
        if not grad and not spec.order and flex.compiler(device) is not None:
            return "flex"
    return "gather"
