"""Laws of the Triton kernels, run by `test_triton.py` in a process of their own: in Triton's interpreter where there is
no GPU, and that must be chosen before Triton is first imported.

Everything is poisoned: slots beyond a tile's length hold NaN, and so does every fresh tensor.
"""

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Ordered
from dataclasses import fields
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import triton.runtime.interpreter as interpreter
from torch import Tensor
from triton import knobs

from refrain.attention import Isa, Plan
from refrain.attention.isa import reference
from refrain.attention.isa import run as isa
from refrain.attention.isa import triton as kernel
from refrain.attention.isa.job import Job
from refrain.attention.isa.statistics import Means, means_of
from refrain.attention.tiles import Tiles
from refrain.attention.tiling import Tiling
from refrain.errors import Unsupported
from refrain.sequence import RULES, Segment, Sequence, grid

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
HALF = [torch.float16, torch.bfloat16] if DEVICE.type == "cuda" else [torch.float16]  # bf16 products are wrong there
GONE, MEAN, EXACT = 0, 1, 2
ASKING, HELD = (20, 7, 13), (33, 40, 5, 40, 17)
NEAR = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}  # of sums, in log2


class Item(type):
    """`int` as the interpreter needs it: since numpy 2.4 an array of one number is no index."""

    def __call__(cls, x: Any) -> int:
        return int(x.item()) if hasattr(x, "item") else int(x)

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, int)


class Int(metaclass=Item):
    pass


@pytest.fixture(autouse=True)
def _poison(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(interpreter, "int", Int, raising=False)
    torch.use_deterministic_algorithms(True)  # torch then fills what it calls empty with NaN
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_answers_and_sums_are_those_of_the_reference(dtype: torch.dtype, width: int, order: int) -> None:
    job = job_of(dtype, width, order)
    o, lse = kernel.answer(poisoned(job))
    real = job.asking.filled
    assert not o.isnan().any() and not o.cpu()[..., ~real, :].any()
    near(o.cpu()[:, :, real], exact(job)[:, :, real], naive(job)[:, :, real])
    torch.testing.assert_close(
        lse.cpu()[:, :, real], sums(job)[:, :, real], rtol=0, atol=NEAR[dtype], check_dtype=False
    )


@pytest.mark.parametrize("loud", [1, 4, 16])
def test_means_that_outgrow_all_before_them_are_weighed_right(loud: float) -> None:
    means, width = 150, 64
    along = F.normalize(torch.randn(width, generator=seeded(1)), dim=0) * width**0.5
    held = tiles([2] * means, [n // 80 for n in range(means)])
    k, v = torch.randn(2, 1, 1, means, 2, width, generator=seeded(2))
    k = along * torch.linspace(-1, 1, means)[:, None, None] + k / 8
    q = (along * loud / 4).expand(1, 1, 1, 3, width).clone()
    state = torch.full((1, 1, 1, means), MEAN, dtype=torch.int8)
    state[..., :2] = EXACT
    job = Job(q, k, v, means_of(k, v, held, 1), state, tiling(tiles([3], [0]), held))
    near(kernel.attend(on(job)).cpu(), exact(job), naive(job))


def test_a_full_list_is_dense_attention() -> None:
    job = job_of(torch.float32, 64, 0)
    job.state.fill_(EXACT)
    k, v = (x[:, :, job.held.filled].repeat_interleave(job.shared, 1) for x in (job.k, job.v))
    dense = F.scaled_dot_product_attention(job.q.flatten(2, 3), k, v).unflatten(2, job.q.shape[2:4])
    real = job.asking.filled
    torch.testing.assert_close(kernel.attend(poisoned(job)).cpu()[:, :, real], dense[:, :, real], rtol=0, atol=2e-6)


def test_who_sees_nothing_hears_nothing() -> None:
    job = job_of(torch.float32, 64, 0)
    job.state[:, :, 0] = GONE
    assert not kernel.attend(on(job))[:, :, 0].any()


@pytest.mark.parametrize(
    ("dtype", "width", "order"),
    [(torch.float32, 64, 0), (torch.float32, 128, 1), *((half, 64, 1) for half in HALF)],
)
def test_gradients_are_those_of_the_reference(dtype: torch.dtype, width: int, order: int) -> None:
    keeps_gradients(job_of(dtype, width, order, held=HELD[:4]))


@pytest.mark.parametrize("width", [64, 128])
def test_tiles_of_full_size_are_no_exception(width: int) -> None:
    many = 4 if DEVICE.type == "cuda" else 1  # only tiles of 64 meet the products that are Hopper's own
    job = job_of(HALF[-1], width, 1, asking=(60, 48)[:many] * many, held=(64, 60) * (1 + 20 * (many - 1)))
    mine, real = kernel.attend(poisoned(job)).cpu(), job.asking.filled
    near(mine[:, :, real], exact(job)[:, :, real], naive(job)[:, :, real])
    keeps_gradients(job)


def keeps_gradients(job: Job) -> None:
    change = torch.randn(job.q.shape, generator=seeded(9)).to(job.q.dtype)
    real, filled = job.asking.filled, job.held.filled
    got = gradients(poisoned(job), kernel.attend, change.masked_fill(~real[..., None], torch.nan))
    want = gradients(wide(job), reference.attend, change * real[..., None])
    rough = gradients(job, naive, change * real[..., None])
    assert not got[0][:, :, ~real].any() and not got[1][:, :, ~filled].any() and not got[2][:, :, ~filled].any()
    for mine, true, low in zip(got, want, rough):
        near(mine, true, low)


def test_two_runs_are_bit_equal() -> None:
    job = on(job_of(torch.float16, 64, 1, held=HELD[:3]))
    first, second = (gradients(job, kernel.attend, torch.ones_like(job.q)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second))


def test_the_statistics_carry_gradients_on_to_keys_and_values() -> None:
    row = Sequence([Segment("source", 0, grid(1, 4, 6)), Segment("target", 2, grid(1, 4, 6))])
    plan = Plan.of(row, RULES["isolated"], tile=16)
    q, k, v = torch.randn(3, 1, len(row), 1, 64, generator=seeded(5)).to(DEVICE)
    found: list[list[Tensor]] = []
    for name in ("triton", "reference"):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        out = isa.attend(*leaves, plan, Isa(keep=0.3, order=1, kernel=name))  # type: ignore[arg-type]
        out.square().sum().backward()
        found.append([out.detach(), *(x.grad for x in leaves if x.grad is not None)])
    for mine, true in zip(*found):
        torch.testing.assert_close(mine, true, rtol=0, atol=1e-5)


def test_what_has_no_kernel_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unsupported, match="width 64 or 128, not 32"):
        kernel.attend(job_of(torch.float32, 32, 0))
    with pytest.raises(Unsupported, match="not torch.float64"):
        kernel.attend(wide(job_of(torch.float32, 64, 0)))
    monkeypatch.setattr(knobs.runtime, "interpret", False)
    with pytest.raises(Unsupported, match="needs a CUDA device, not cpu"):
        kernel.attend(job_of(torch.float32, 64, 0))


# --- rows to try ---


def job_of(
    dtype: torch.dtype, width: int, order: int, asking: tuple[int, ...] = ASKING, held: tuple[int, ...] = HELD
) -> Job:
    """Four heads on two, ragged tiles of other sizes for queries and keys; lists empty, full, and of one tile alone."""
    random, n, m = seeded(7), len(asking), len(held)
    rows, keys = tiles(asking, [0] * n), tiles(held, [int(j > m // 2) for j in range(m)])
    q = torch.randn(1, 4, n, max(asking), width, generator=random).to(dtype)
    k, v = torch.randn(2, 1, 2, m, max(held), width, generator=random).to(dtype)
    state = torch.randint(3, (1, 4, n, m), generator=random, dtype=torch.int8)
    state[..., 1] = MEAN
    state[:, 0, 0], state[:, 1, 0], state[:, 2, 0] = MEAN, EXACT, GONE
    state[:, 2, 0, m // 2] = EXACT
    return Job(q, k, v, means_of(k, v, keys, order), state, tiling(rows, keys))


def tiles(lengths: Ordered[int], segment: Ordered[int]) -> Tiles:
    slots, which = torch.zeros(len(lengths), max(lengths), dtype=torch.long), torch.tensor(segment)
    runs = tuple(which.bincount().tolist())
    return part(Tiles, order=slots, lengths=torch.tensor(lengths), segment=which, which=which, runs=runs)


def tiling(queries: Tiles, keys: Tiles) -> Tiling:
    return part(Tiling, queries=queries, keys=keys)


def part(record: Any, **known: Any) -> Any:
    """A record of which only some fields matter."""
    return record(**{f.name: known.get(f.name, torch.zeros(0)) for f in fields(record)})


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def changed(job: Job, move: Callable[[Tensor], Tensor], q: Tensor, k: Tensor, v: Tensor) -> Job:
    """The job with other q, k, v, and its statistics moved."""
    slope = None if job.means.slope is None else move(job.means.slope)
    return Job(q, k, v, Means(move(job.means.k), move(job.means.v), slope, job.means.which), job.state, job.tiling)


def wide(job: Job) -> Job:
    return changed(job, Tensor.double, job.q.double(), job.k.double(), job.v.double())


def on(job: Job) -> Job:
    """The job on the device where the kernels run."""
    if DEVICE.type == "cpu":
        return job
    there = changed(job, lambda x: x.to(DEVICE), job.q.to(DEVICE), job.k.to(DEVICE), job.v.to(DEVICE))
    means = Means(there.means.k, there.means.v, there.means.slope, job.means.which.to(DEVICE))
    both = tiling(job.asking.to(DEVICE), job.held.to(DEVICE))
    return Job(there.q, there.k, there.v, means, job.state.to(DEVICE), both)


def poisoned(job: Job) -> Job:
    """The job on the device, NaN in every slot that holds no token."""
    q = job.q.masked_fill(~job.asking.filled[..., None], torch.nan)
    k, v = (x.masked_fill(~job.held.filled[..., None], torch.nan) for x in (job.k, job.v))
    return on(changed(job, lambda x: x, q, k, v))


# --- what they are held to ---


def exact(job: Job) -> Tensor:
    return reference.attend(wide(job))


def logits_of(job: Job) -> Tensor:
    """[B, H, N, S, M P + M], in the dtype of q."""
    k, mean_k = (x.repeat_interleave(job.shared, 1).to(job.q.dtype) for x in (job.k, job.means.k))
    fine = torch.einsum("bhnsd,bhmpd->bhnsmp", job.q, k) * job.scale
    coarse = torch.einsum("bhnsd,bhmd->bhnsm", job.q, mean_k) * job.scale + job.held.lengths.to(job.q.dtype).log()
    state = job.state[:, :, :, None]  # [B, H, N, 1, M]
    fine = fine.masked_fill(~((state == EXACT)[..., None] & job.held.filled), -torch.inf)
    return torch.cat([fine.flatten(-2), coarse.masked_fill(state != MEAN, -torch.inf)], dim=-1)


def sums(job: Job) -> Tensor:
    """[B, H, N, S] log2 of the sums of weights, in float64."""
    return logits_of(wide(job)).logsumexp(-1) / torch.tensor(2.0, dtype=torch.float64).log()


def naive(job: Job) -> Tensor:
    """The same attention, every step of it in the dtype of q: what a kernel may err twice as much as."""
    v, mean_v = (x.repeat_interleave(job.shared, 1).to(job.q.dtype) for x in (job.v, job.means.v))
    p = logits_of(job).softmax(-1)
    rest = p[..., -len(job.held) :]
    out = torch.einsum("bhnsk,bhkd->bhnsd", p, torch.cat([v.flatten(2, 3), mean_v], 2))
    if job.means.slope is not None:
        for number, slope in enumerate(job.means.slope.repeat_interleave(job.shared, 1).to(job.q.dtype).unbind(2)):
            mass = rest[..., job.means.which == number].sum(-1, keepdim=True)
            out = out + mass * torch.einsum("bhnsd,bhde->bhnse", job.q, slope) * job.scale
    return out


def gradients(job: Job, attend: Callable[[Job], Tensor], change: Tensor) -> list[Tensor]:
    """Gradients of q, k, v, mean_k, mean_v and, at order 1, slope."""
    first = [x.detach().clone().requires_grad_() for x in (job.q, job.k, job.v)]
    seen: list[Tensor] = []

    def leaf(x: Tensor) -> Tensor:
        seen.append(x.detach().clone().requires_grad_())
        return seen[-1]

    moved = changed(job, leaf, *first)
    out = attend(moved)
    moved_on = [moved.means.k, moved.means.v, *([] if moved.means.slope is None else [moved.means.slope])]
    return [g.cpu() for g in torch.autograd.grad(out, [*first, *moved_on], change.to(out))]


def near(mine: Tensor, true: Tensor, low: Tensor) -> None:
    """At most twice the error of the naive version of the same dtype (and a rounding of float32)."""
    error, allowed = ((x.double() - true.double()).abs().max() for x in (mine, low))
    assert error <= 2 * allowed + 2e-6 * true.abs().max(), f"{error:.2e} against {allowed:.2e}"
