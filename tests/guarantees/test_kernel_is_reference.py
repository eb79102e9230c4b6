"""Every kernel says what the reference says: with an error no more than twice that of the plain way at its precision.

The rule is Block-Sparse-Attention's: max |out - truth| <= 2 max |naive - truth|, where the truth is computed in float64
from the same numbers, and naive is a masked softmax over all tokens and means in the kernel's own dtype (in float32 it
may be right by luck, so two roundings are free). What lies in empty slots, and what lay in the memory that answers are
written to, says nothing. Triton's kernels are held to the same, in its interpreter, by tests/attention/test_triton.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from refrain.attention import Isa, Plan
from refrain.attention.isa.job import Job
from refrain.attention.isa.run import compute, job_of
from refrain.attention.isa.select import EXACT, MEAN
from refrain.errors import Unsupported
from refrain.sequence import RULES, Segment, Sequence, coarsen, grid

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler loads what it has given up
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
SPECS = {
    "isa": Isa(keep=0.2, tile=(2, 2, 3)),
    "first order": Isa(keep=0.1, tile=(2, 2, 3), order=1),
    "means only": Isa(keep=0.0, tile=(2, 2, 2)),
    "all": Isa(keep=1.0, tile=5),
    "published": replace(Isa.published(), tile=5),
}
COMPILED = ("isa", "published")  # a case of flex takes half a minute to compile
CASES = pytest.mark.parametrize(
    ("kernel", "name"),
    [
        *((kernel, name) for kernel in ("reference", "gather") for name in SPECS),
        *(pytest.param("flex", name, marks=pytest.mark.slow) for name in COMPILED),
    ],
)
ROW = Sequence(
    [
        Segment("source", 0, coarsen(3, 5, 7)),
        Segment("answer", 1, grid(1, 5, 7)),
        Segment("target", 2, grid(3, 5, 7)),
    ]
)


def job(name: str, rule: str, seed: int, dtype: torch.dtype, times: float = 1.0, heads: int = 2) -> Job:
    """Odd lengths, and query heads that share keys."""
    g = torch.Generator().manual_seed(seed)
    q, (k, v) = torch.randn(1, len(ROW), heads, 16, generator=g), torch.randn(2, 1, len(ROW), 1, 16, generator=g)
    return job_of(*(x.to(dtype) for x in (times * q, k, v)), Plan.of(ROW, RULES[rule]), SPECS[name])


def run(kernel: str, made: Job) -> Tensor:
    """What the kernel says of every token, [B, L, H, D]."""
    try:
        with torch.no_grad():
            return made.asking.unlay(compute(kernel, made))
    except Unsupported as no:
        pytest.skip(str(no))


def truth(made: Job) -> Tensor:
    """In float64 from beginning to end, of the same numbers."""
    return run("reference", replace(made, q=made.q.double()))


def naive(made: Job) -> Tensor:
    """One masked softmax over all tokens and all means, nothing wider than the dtype; [B, L, H, D]."""
    k, v, mean_k, mean_v = (
        x.to(made.q.dtype).repeat_interleave(made.shared, dim=1)
        for x in (made.k.flatten(2, 3), made.v.flatten(2, 3), made.means.k, made.means.v)
    )
    q = made.q.flatten(2, 3) * made.scale  # [B, H, N S, D]
    exact = (made.state == EXACT).repeat_interleave(made.held.slots, dim=-1) & made.held.filled.flatten()
    seen = torch.cat([exact, made.state == MEAN], dim=-1).repeat_interleave(made.asking.slots, dim=2)
    weigh = torch.cat([torch.zeros(len(made.held.filled.flatten())), made.held.lengths.float().log()])
    logits = q @ torch.cat([k, mean_k], dim=2).mT + weigh.to(q.dtype)
    p = logits.masked_fill(~seen, -torch.inf).softmax(-1)
    out = p @ torch.cat([v, mean_v], dim=2)
    if made.means.slope is not None:
        for number, slope in enumerate(made.means.slope.to(q.dtype).unbind(2)):
            mass = p[..., k.shape[2] :][..., made.means.which == number].sum(-1, keepdim=True)
            out = out + mass * (q @ slope.repeat_interleave(made.shared, dim=1))
    return made.asking.unlay(out.unflatten(2, made.q.shape[2:4]))


@CASES
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(st.sampled_from(sorted(RULES)), st.integers(0, 99), st.sampled_from([0.3, 1.0, 4.0]))
@settings(max_examples=6)
def test_the_error_is_at_most_twice_that_of_the_plain_way(
    kernel: str, name: str, dtype: torch.dtype, rule: str, seed: int, times: float
) -> None:
    made = job(name, rule, seed, dtype, times)
    right = truth(made)
    error, plain = ((x.double() - right).abs().max() for x in (run(kernel, made), naive(made)))
    assert run(kernel, made).dtype == dtype
    # by luck the plain way may be nearer than an answer of this dtype can be counted on to be: half of its last digit
    least = max(2 * torch.finfo(torch.float32).eps, torch.finfo(dtype).eps / 2)
    assert error <= 2 * plain + least * right.abs().max()


@contextmanager
def poisoned_memory() -> Iterator[None]:
    """Whatever torch lends without having written to it is full of NaN."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        assert torch.empty(9).isnan().all()
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@CASES
@pytest.mark.parametrize("rule", sorted(RULES))
def test_what_lay_in_memory_says_nothing(kernel: str, name: str, rule: str) -> None:
    made = job(name, rule, 1, torch.float32)
    clean = run(kernel, made)
    with poisoned_memory():
        again = run(kernel, job(name, rule, 1, torch.float32))
    assert clean.isfinite().all() and torch.equal(clean, again)


def filled_with(made: Job, q: float, k: float, v: float) -> Job:
    """The same job, with other numbers in all empty slots."""
    asking, held = (~tiles.filled[..., None] for tiles in (made.asking, made.held))
    assert bool(held.any()) and bool(asking.any())
    return replace(made, q=made.q.masked_fill(asking, q), k=made.k.masked_fill(held, k), v=made.v.masked_fill(held, v))


@CASES
@pytest.mark.parametrize("rule", sorted(RULES))
def test_what_lies_in_empty_slots_says_nothing(kernel: str, name: str, rule: str) -> None:
    """A kernel may rely on their being numbers, for `Tiles.lay` puts copies of tokens there; NaN is the reference's."""
    made = job(name, rule, 1, torch.float32)
    poison = torch.nan if kernel == "reference" else 1e4
    assert torch.equal(run(kernel, made), run(kernel, filled_with(made, poison, poison, poison)))
    assert torch.equal(run(kernel, made), run(kernel, filled_with(made, torch.nan, -1e4, 1e4)))  # a query alone is lost


def test_a_slot_too_many_is_noticed_so_the_tests_above_can_fail() -> None:
    made = job("isa", "full", 1, torch.bfloat16)
    held = made.held
    longer = replace(held, lengths=(held.lengths + 1).clamp(max=held.slots))
    worse = replace(made, tiling=replace(made.tiling, keys=longer))
    plain = (naive(made).double() - truth(made)).abs().max()
    assert (run("gather", worse).double() - truth(made)).abs().max() > 2 * plain
