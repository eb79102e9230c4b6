"""Laws of `gather`: it is the reference, in any precision and under any choice, and so are its gradients."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from refrain.attention import Dense, Isa, Plan, attend
from refrain.attention.isa import gather, run
from refrain.attention.tiles import Cut
from refrain.sequence import RULES, Segment, Sequence, grid

ROW = Sequence(
    [
        Segment("text", 0, torch.zeros(5, 3)),
        Segment("source", 0, grid(3, 5, 7)),
        Segment("reference", 0, grid(1, 4, 3)),
        Segment("target", 2, grid(3, 6, 5)),
    ]
)
CUT = (2, 2, 2)
SPECS = {
    "budget": Isa(tile=CUT),
    "two budgets": Isa(tile=CUT, keep=(0.3, 0.0)),
    "a budget a head": Isa(tile=CUT, budgets=((0.1, 0.5, 0.0, 1.0),)),
    "slope": Isa(tile=CUT, order=1),
    "means only": Isa(tile=CUT, keep=0.0, order=1),
    "threshold": Isa(tile=CUT, keep=0.6, routing="threshold", mass=0.5),
    "sharpness": Isa(tile=CUT, keep=0.1, routing="sharpness", dense_share=0.4),
    "published": replace(Isa.published(), tile=8),
    "dropped, sloped": Isa(tile=CUT, context=0.2, drop_context=True, order=1),
    "raster": Isa(tile=7, neighbours=False, aligned=False),
    "everything": Isa(tile=CUT, keep=1.0),
}
specs = st.sampled_from(sorted(SPECS)).map(SPECS.__getitem__)
rules = st.sampled_from(sorted(RULES)).map(RULES.__getitem__)
HEADS = st.sampled_from([1, 2, 4])
SEED = st.integers(0, 99)


def draw(plan: Plan, heads: int, seed: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """q of four heads, k and v of `heads`, [2, L, H, 8]."""
    g = torch.Generator().manual_seed(seed)
    q, k = (sum(plan.lengths[i] for i in held) for held in (plan.queries, plan.keys))
    shapes = (2, q, 4, 8), (2, k, heads, 8), (2, k, heads, 8)
    return tuple(torch.randn(shape, generator=g, dtype=torch.float64).to(dtype) for shape in shapes)  # type: ignore[return-value]


def both(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Isa) -> tuple[Tensor, Tensor]:
    """What gather answers, and what is true."""
    return tuple(attend(q, k, v, plan, replace(spec, kernel=name)) for name in ("gather", "reference"))  # type: ignore[return-value]


@settings(max_examples=25)
@given(specs, rules, HEADS, SEED)
def test_gather_is_the_reference(spec: Isa, rule, heads: int, seed: int) -> None:
    plan = Plan.of(ROW, rule)
    found, true = both(*draw(plan, heads, seed), plan, spec)
    torch.testing.assert_close(found, true, rtol=0, atol=1e-12)


@settings(max_examples=15)
@given(specs, rules, SEED)
def test_single_precision_adds_only_rounding(spec: Isa, rule, seed: int) -> None:
    plan = Plan.of(ROW, rule)
    found, true = both(*draw(plan, 2, seed, torch.float32), plan, spec)
    torch.testing.assert_close(found, true, rtol=0, atol=5e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loud", [1, 4])
def test_half_precision_errs_at_most_twice_as_much_as_the_naive_way(dtype: torch.dtype, loud: int) -> None:
    plan, spec = Plan.of(ROW, RULES["isolated"]), SPECS["slope"]
    q, k, v = draw(plan, 2, 0, dtype)
    job = run.job_of(q * loud, k, v, plan, replace(spec, order=0))
    true = run.compute("reference", replace(job, q=job.q.double()))
    errors = [(x - true)[:, :, job.asking.filled].abs().max() for x in (gather.attend(job), naive(job))]
    assert errors[0] <= 2 * errors[1]


def naive(job: run.Job) -> Tensor:
    """Exact or mean, every product and sum rounded to the dtype of q."""
    dtype, shared = job.q.dtype, job.shared
    k, v = (x.repeat_interleave(shared, 1) for x in (job.k, job.v))
    mean_k, mean_v = (x.to(dtype).repeat_interleave(shared, 1) for x in (job.means.k, job.means.v))
    fine = job.q @ k.flatten(2, 3)[:, :, None].mT * job.scale  # [B, H, N, S, M S']
    exact = (job.state == 2).repeat_interleave(k.shape[3], -1) & job.held.filled.flatten()
    coarse = job.q @ mean_k[:, :, None].mT * job.scale + job.held.lengths.log().to(dtype)
    logits = [fine.where(exact[..., None, :], -torch.inf), coarse.where((job.state == 1)[..., None, :], -torch.inf)]
    p = torch.cat(logits, -1).softmax(-1)
    return p @ torch.cat([v.flatten(2, 3), mean_v], 2)[:, :, None]


@settings(max_examples=15)
@given(rules, HEADS, SEED)
def test_all_tiles_kept_is_dense(rule, heads: int, seed: int) -> None:
    plan = Plan.of(ROW, rule)
    q, k, v = draw(plan, heads, seed)
    out = attend(q, k, v, plan, replace(SPECS["everything"], kernel="gather"))
    torch.testing.assert_close(out, attend(q, k, v, plan, Dense()), rtol=0, atol=1e-12)


@settings(max_examples=10)
@given(specs, rules, HEADS, SEED)
def test_gradients_are_those_of_the_reference(spec: Isa, rule, heads: int, seed: int) -> None:
    plan = Plan.of(ROW, rule)
    qkv = [x.requires_grad_() for x in draw(plan, heads, seed)]
    given_ = torch.randn(qkv[0].shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found, true = (torch.autograd.grad(out, qkv, given_) for out in both(*qkv, plan, spec))
    for mine, theirs in zip(found, true):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["slope", "threshold"])
def test_it_does_not_matter_how_many_tiles_go_together(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan.of(ROW, RULES["block_causal"])
    qkv = [x.requires_grad_() for x in draw(plan, 2, 0)]
    heard: list[tuple[Tensor, ...]] = []
    for room in (1 << 12, 1, 1 << 30):
        monkeypatch.setattr(gather, "CACHE", room)
        out = attend(*qkv, plan, replace(SPECS[name], kernel="gather"))
        heard.append((out, *torch.autograd.grad(out.square().sum(), qkv)))
    for other in heard[1:]:
        for mine, theirs in zip(other, heard[0]):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-11)


@settings(max_examples=15)
@given(specs, st.sampled_from(["isolated", "block_causal"]), SEED)
def test_noise_changes_no_bit_of_what_clean_tokens_hear(spec: Isa, rule: str, seed: int) -> None:
    plan = Plan.of(ROW, RULES[rule])
    q, k, v = draw(plan, 2, seed, torch.float32)
    clean = sum(len(s) for s in ROW if not s.noisy)
    spec = replace(spec, kernel="gather")
    calm = attend(q, k, v, plan, spec)[:, :clean]
    for x in (q, k, v):
        x[:, clean:] = 1e4 * torch.randn_like(x[:, clean:])
    assert torch.equal(attend(q, k, v, plan, spec)[:, :clean], calm)


@pytest.mark.parametrize("cut", [None, (3, 5, 4), 64])
def test_those_who_ask_alone_hear_the_same(cut: Cut) -> None:
    rule, spec = RULES["isolated"], Isa(tile=cut, kernel="gather")
    whole, part = Plan.of(ROW, rule), Plan.of(ROW, rule, [3])
    q, k, v = draw(whole, 2, 0)
    at = -len(ROW.segments[3])
    heard = attend(q[:, at:], k, v, part, spec)
    torch.testing.assert_close(heard, attend(q, k, v, whole, spec)[:, at:], rtol=0, atol=1e-12)
