"""No answer of exact-or-mean attention is further from the true one than the bound says, and the identity is exact.

A case is one query of one head. Every law here is tried on thousands: an example holds all queries of several heads.
"""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attention.heads import KINDS, draw
from refrain.attention import Dense, Isa, Plan, attend
from refrain.attention.isa.certificate import bound, identity
from refrain.attention.isa.job import Job
from refrain.attention.isa.run import compute, job_of
from refrain.attention.isa.select import EXACT, GONE, MEAN
from refrain.sequence import RULES, Segment, Sequence, grid

ROW = Sequence(
    [
        Segment("text", 0, grid(1, 1, 5)),
        Segment("source", 0, grid(2, 5, 3)),  # ragged under every cut below
        Segment("answer", 1, grid(1, 7, 2)),
        Segment("target", 2, grid(2, 5, 3)),
    ]
)
CUTS = ((2, 2, 2), (1, 3, 2), 7, 3, None)
SPECS = (
    Isa(), Isa(order=1), Isa(keep=0), Isa(keep=0, order=1), Isa(keep=1), Isa((1 / 2, 0)), Isa((0, 1 / 4), order=1),
    Isa(keep=3 / 4, routing="threshold", mass=0.6), Isa(context=1 / 2, drop_context=True, neighbours=False, order=1),
    Isa.published(), replace(Isa.published(), order=1),
)  # fmt: skip
ROUNDING = 1e-9  # of the size of what is compared: a bound is computed too, in float64


def job_for(spec: Isa, rule: str, cut: object, kind: str, times: float, seed: int) -> tuple[Job, Tensor]:
    """A job on four heads of queries that share two of keys, and what is true: [B, H, N, S, D]."""
    q, k, v = draw(kind, ROW, 4, 8, seed)
    q, k, v = times * q, k[:, :, ::2], v[:, :, ::2]
    plan = Plan.of(ROW, RULES[rule])
    job = job_of(q, k, v, plan, replace(spec, tile=cut))
    return job, job.asking.lay(attend(q, k, v, plan, Dense()))


def holds(job: Job, true: Tensor) -> None:
    """The laws, for one job."""
    filled = job.asking.filled
    wrong = true - compute("reference", job)  # [B, H, N, S, D]
    size = wrong.norm(dim=-1)
    room = ROUNDING * (true.norm(dim=-1) + size)  # values here are of size 1 to 10, so are their means
    for by in ("keys", "tiles"):
        limit = bound(job, by)
        assert limit.isfinite().all()
        assert not limit[:, :, ~filled].any()
        assert not ((size > limit * (1 + ROUNDING) + room) & filled).any()
    exact = identity(job)
    assert not exact[:, :, ~filled].any()
    assert (((exact - wrong).norm(dim=-1) <= room) | ~filled).all()


times = st.sampled_from([0.25, 1.0, 4.0, 16.0])
SEED = st.integers(0, 10_000)


@given(
    st.sampled_from(SPECS), st.sampled_from(sorted(RULES)), st.sampled_from(CUTS), st.sampled_from(KINDS), times, SEED
)
def test_whatever_is_chosen(spec: Isa, rule: str, cut: object, kind: str, times: float, seed: int) -> None:
    holds(*job_for(spec, rule, cut, kind, times, seed))


@given(st.sampled_from([0, 1]), st.sampled_from(CUTS), st.sampled_from(KINDS), times, SEED)
def test_whoever_chooses(order: int, cut: object, kind: str, times: float, seed: int) -> None:
    """Tiles are exact, means or gone by lot: also the best may be gone, and the worst exact."""
    job, true = job_for(Isa(order=order), "full", cut, kind, times, seed)
    state = torch.randint(3, job.state.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.int8)
    state[..., seed % state.shape[-1]] = EXACT if seed % 2 else MEAN  # something stays
    holds(replace(job, state=state), true)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("lost", [MEAN, GONE])
@pytest.mark.parametrize("times", [1, 16, 500])
def test_where_all_that_counts_is_not_exact(order: int, lost: int, times: float) -> None:
    """The least of a row's tiles is exact: logits of means, or of what is gone, exceed every exact one by far."""
    for kind in KINDS:
        job, true = job_for(Isa(keep=0, order=order), "full", (2, 2, 2), kind, times, 3)
        logits = torch.einsum("bhnsd,bhmd->bhnm", job.q, job.means.k.repeat_interleave(2, dim=1))
        state = torch.full_like(job.state, lost).scatter_(-1, logits.argmin(-1, keepdim=True), EXACT)
        holds(replace(job, state=state), true)


def test_nothing_left_out_is_bounded_by_nothing() -> None:
    job, _ = job_for(Isa(keep=1), "full", None, "noise", 4, 0)
    assert not bound(job).any() and not bound(job, "tiles").any() and not identity(job).any()


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("by", ["keys", "tiles"])
def test_the_bound_becomes_the_error_as_tiles_become_constant(order: int, by: str) -> None:
    """Keys drawn to the means of their tiles by ten, and ten again: the led part alone remains, and it is a vector."""
    job, _ = job_for(Isa(keep=1 / 4, order=order), "full", (2, 2, 2), "noise", 1, 5)
    over: list[float] = []
    for spread in (1, 1e-1, 1e-2, 1e-3):
        k = job.means.k[..., None, :] + spread * (job.k - job.means.k[..., None, :])
        tight = replace(job, k=k)
        over.append(float((bound(tight, by) / identity(tight).norm(dim=-1))[:, :, job.asking.filled].median()))
    assert over == sorted(over, reverse=True)
    assert over[0] > 2 and over[-1] < 1.02
