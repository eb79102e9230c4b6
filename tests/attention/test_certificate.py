"""Laws of the certificate beside the bound's: the estimate goes with the error; how a job is walked says nothing."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from attention.heads import draw
from refrain.attention import Isa, Plan
from refrain.attention.isa import certificate
from refrain.attention.isa.certificate import bound, estimate, identity, tail
from refrain.attention.isa.job import Job
from refrain.attention.isa.run import job_of
from refrain.attention.isa.select import EXACT, GONE
from refrain.sequence import RULES, Segment, Sequence, grid

ROW = Sequence([Segment("source", 0, grid(4, 8, 8)), Segment("target", 2, grid(4, 8, 8))])
TILE = (2, 4, 4)


def job_for(kind: str, spec: Isa, times: float = 1.0, heads: int = 4, width: int = 32, seed: int = 0) -> Job:
    q, k, v = draw(kind, ROW, heads, width, seed)
    return job_of(times * q, k, v, Plan.of(ROW, RULES["isolated"], tile=TILE), spec)


def spearman(a: Tensor, b: Tensor) -> float:
    """The correlation of two orders [L]."""
    both = torch.stack([x.argsort().argsort().double() for x in (a, b)])
    return float(torch.corrcoef(both)[0, 1])


@pytest.mark.parametrize("kind", ["smooth", "content"])
@pytest.mark.parametrize("spec", [Isa(), Isa(order=1), Isa(keep=1 / 4), replace(Isa.published(), tile=TILE)])
def test_the_estimate_orders_queries_as_the_error_does(kind: str, spec: Isa) -> None:
    job = job_for(kind, spec)
    size, guess = identity(job).norm(dim=-1), estimate(job)
    orders = [spearman(size[0, h].flatten(), guess[0, h].flatten()) for h in range(4)]
    assert sum(orders) / 4 > 0.5


@pytest.mark.parametrize("kind", ["noise", "smooth", "content", "long keys"])
@pytest.mark.parametrize("times", [0.5, 1, 2, 4])
@pytest.mark.parametrize("spec", [Isa(), Isa(order=1), replace(Isa.published(), tile=TILE)])
def test_the_estimate_is_of_the_size_of_the_error(kind: str, times: float, spec: Isa) -> None:
    """Within a factor of three, rms over a head's queries, also where logits spread far beyond leading order."""
    job = job_for(kind, spec, times)
    size, guess = (x.square().mean((0, 2, 3)).sqrt() for x in (identity(job).norm(dim=-1), estimate(job)))
    assert (guess / size).log().abs().max() < math.log(3)


def test_where_one_key_outweighs_its_tile_the_estimate_knows() -> None:
    """Logits that spread by 8: as if tiles grew by exp(sigma^2 / 2) without end, it would be a fifth too large."""
    job = job_for("noise", Isa(keep=1 / 2), times=8)
    size, guess = (x.square().mean().sqrt() for x in (identity(job).norm(dim=-1), estimate(job)))
    assert float(guess / size) == pytest.approx(1, abs=0.12)


def test_where_all_weigh_alike_the_estimate_is_the_error() -> None:
    """Small queries and nothing exact: what is left is the mean slope, whose direction is kept; the rest cancels."""
    job = job_for("smooth", Isa(keep=0), times=1e-4)
    torch.testing.assert_close(estimate(job), identity(job).norm(dim=-1), rtol=2e-2, atol=0)


def test_the_tail_is_what_is_not_exact() -> None:
    """Equal keys weigh alike, so the tail is a share of tokens."""
    job = job_for("noise", Isa(keep=1 / 4), times=0)
    tokens = (job.state[0, 0] == EXACT).double() @ job.held.lengths.double()  # [N]
    seen = job.tiling.sees.double() @ job.held.lengths.double()
    torch.testing.assert_close(tail(job)[0, 0], (1 - tokens / seen)[:, None].expand(-1, job.q.shape[3]))


@pytest.mark.parametrize("look", [identity, bound, estimate, tail])
def test_parts_and_batches_and_shared_heads_change_nothing(look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sequences of four heads on two of keys, a tile at a time: as each head by itself, all at once."""
    q, k, v = (torch.cat([draw("smooth", ROW, 4, 8, seed)[n] for seed in (0, 1)]) for n in range(3))
    plan = Plan.of(ROW, RULES["isolated"], tile=TILE)
    k, v = k[:, :, :2], v[:, :, :2]
    alone = [
        [look(job_of(*(x[b : b + 1, :, n : n + 1] for x, n in ((q, h), (k, h // 2), (v, h // 2))), plan, Isa()))
         for h in range(4)]
        for b in range(2)
    ]  # fmt: skip
    monkeypatch.setattr(certificate, "ROOM", 1)
    together = look(job_of(q, k, v, plan, Isa()))
    torch.testing.assert_close(together, torch.cat([torch.cat(heads, dim=1) for heads in alone]))


def test_the_estimate_answers_in_the_precision_of_statistics() -> None:
    q, k, v = (x.bfloat16() for x in draw("smooth", ROW, 2, 8, 0))
    job = job_of(q, k, v, Plan.of(ROW, RULES["isolated"], tile=TILE), Isa())
    assert estimate(job).dtype == torch.float32
    assert identity(job).dtype == bound(job).dtype == torch.float64
    wide = replace(job, q=job.q.double(), k=job.k.double(), v=job.v.double())
    torch.testing.assert_close(estimate(job).double(), estimate(wide), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(bound(job), bound(wide))


@pytest.mark.parametrize("lost", [GONE, EXACT])
def test_with_equal_logits_a_tile_that_is_gone_errs_by_its_mean(lost: int) -> None:
    """q = 0: every token weighs the same, so the error is the share of what is gone times how its mean differs."""
    job = job_for("noise", Isa(keep=1), times=0)
    state = job.state.clone()
    state[..., 0] = lost
    job = replace(job, state=torch.where(job.tiling.sees, state, GONE))
    row = 8  # a tile of the target, which sees all
    values = job.v[0, 0].double()  # [M, S', D]
    expected = values.flatten(0, 1).mean(0) - values[1 if lost == GONE else 0 :].flatten(0, 1).mean(0)
    assert bool(job.tiling.sees[row].all())
    torch.testing.assert_close(identity(job)[0, 0, row, 0], expected)
