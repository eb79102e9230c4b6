"""One sparse attention from beginning to end: cut, take means, choose, compute, put back in order."""

from torch import Tensor

from refrain.attention.plan import Plan
from refrain.attention.spec import Isa
from refrain.errors import BadInput, Unsupported

from . import gather, reference
from .job import Job
from .select import pooled, select
from .statistics import mean, means_of


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Isa, gate: Tensor | None = None) -> Tensor:
    """q [B, Lq, H, D], k, v [B, Lk, H / G, D] -> [B, Lq, H, D]. gate: [B, Lq, 1 or H], with `coarse_gate`."""
    job = job_of(q, k, v, plan, spec)
    out = job.asking.unlay(compute(kernel_of(spec, q), job))
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
        case "triton":
            from . import triton  # not above: nothing imports Triton unless it is asked for

            return triton.attend(job)
        case _:
            raise Unsupported(f"No kernel is called {kernel!r}.")


def kernel_of(spec: Isa, q: Tensor) -> str:
    """The implementation that `spec.kernel` means for these queries; what cannot be honoured is refused by name."""
    if spec.kernel == "auto":
        return "gather"
    return spec.kernel
