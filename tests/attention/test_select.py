"""The choice of tiles: how many are exact, which come first, and that none is lost."""

import math
from dataclasses import replace
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from guarantees.test_tiles_hold_one_segment import CUTS, ROWS
from refrain.attention import Isa, Plan
from refrain.attention.isa.job import Job
from refrain.attention.isa.run import job_of
from refrain.attention.isa.select import EXACT, GONE, MEAN, lists, pooled
from refrain.attention.isa.statistics import mean
from refrain.attention.spec import Routing
from refrain.sequence import RULES, Segment, Sequence, grid

RULE, SEED = st.sampled_from(sorted(RULES)), st.integers(0, 99)
SHARE = st.sampled_from([0.0, 0.05, 1 / 16, 1 / 8, 0.3, 0.5, 0.7, 1.0])
SPECS = st.builds(
    Isa,
    keep=st.one_of(SHARE, st.tuples(SHARE, SHARE)),
    neighbours=st.booleans(),
    aligned=st.booleans(),
    context=st.sampled_from([0.1, 0.5, 0.9]),
    drop_context=st.booleans(),
    tile=CUTS,
) | st.builds(Isa, keep=SHARE, neighbours=st.booleans(), aligned=st.booleans(), tile=CUTS)
some = settings(max_examples=15)


def job(row: Sequence, rule: str, spec: Isa, seed: int = 0, scale: float = 2.0, heads: int = 2) -> Job:
    q, k, v = scale * torch.randn(3, 1, len(row), heads, 4, generator=torch.Generator().manual_seed(seed))
    return job_of(q, k, v, Plan.of(row, RULES[rule]), spec)


def masses(made: Job) -> Tensor:
    """[B, H, N, M], by which tiles are ranked."""
    return pooled(mean(made.q, made.asking), made.means, made.tiling)


def picture(source: int = 6, target: int = 6) -> Sequence:
    """Square tiles of 2 x 2 make source / 2 squared and target / 2 squared of them."""
    return Sequence([Segment("source", 0, grid(1, source, source)), Segment("target", 0, grid(1, target, target))])


@given(ROWS, RULE, SPECS, SEED)
@some
def test_nothing_that_is_seen_is_gone_unless_the_context_is_dropped(
    row: Sequence, rule: str, spec: Isa, seed: int
) -> None:
    made = job(row, rule, spec, seed)
    gone = made.state == GONE
    assert bool(gone.masked_select(~made.tiling.sees).all())
    lost = gone & made.tiling.sees
    if not spec.drop_context:
        assert not bool(lost.any())
    assert not bool(lost[..., made.tiling.noisy].any())
    assert not bool((lost & (made.tiling.words > 0)).any())
    assert bool((~gone).any(-1).all())  # nobody is left with nothing


@given(ROWS, RULE, SPECS, SEED)
@some
def test_as_many_are_exact_as_the_budget_says(row: Sequence, rule: str, spec: Isa, seed: int) -> None:
    spec = replace(spec, context=1.0, drop_context=False)
    made = job(row, rule, spec, seed)
    sees, noisy = made.tiling.sees, made.tiling.noisy
    shares = spec.keep if isinstance(spec.keep, tuple) else (spec.keep,)
    among = (noisy, ~noisy) if isinstance(spec.keep, tuple) else (torch.ones_like(noisy),)
    for share, these in zip(shares, among):
        count = (made.state[..., these] == EXACT).sum(-1)  # [B, H, N]
        for i, visible in enumerate((sees & these).sum(-1).tolist()):
            want = 0 if not share or not visible else max(1, math.floor(share * visible + 1e-6))
            assert count[0, :, i].tolist() == [want, want]


@given(ROWS, RULE, SEED)
@some
def test_each_head_has_its_own_budget(row: Sequence, rule: str, seed: int) -> None:
    heads = (0.0, 0.2, 1.0)
    made = job(row, rule, Isa(budgets=(heads,), tile=(2, 2, 2)), seed, heads=3)
    count = (made.state == EXACT).sum(-1)[0]  # [H, N]
    for h, share in enumerate(heads):
        visible = made.tiling.sees.sum(-1)
        want = (share * visible.double() + 1e-6).floor().clamp(min=1 if share else 0).long()
        assert torch.equal(count[h], want)


@pytest.mark.parametrize("share", [0.1, 0.7, 1 / 3, 7 / 12, 1.0])
@pytest.mark.parametrize("tiles", [10, 30, 108, 999])
def test_a_share_of_a_round_number_loses_none_by_rounding(share: float, tiles: int) -> None:
    """In float32, 7 / 12 of 108 is less than 63."""
    made = job(Sequence([Segment("target", 0, grid(1, 1, tiles))]), "full", Isa(keep=share, tile=1), heads=1)
    assert bool(((made.state == EXACT).sum(-1) == math.floor(share * tiles + 1e-9)).all())


def class_of(made: Job, spec: Isa) -> Tensor:
    """[N, M] who comes first: 3 a tile itself, 2 what is aligned and words (2.5 those beside), 1 beside, 0 the rest."""
    tiling = made.tiling
    first = tiling.first * spec.neighbours
    second = (tiling.aligned * spec.aligned > 0) | (tiling.words > 0)
    return torch.where(first == 8, 3, torch.where(second, 2 + (first == 2) / 2, 1.0 * (first == 2)))


@given(ROWS, RULE, SPECS, SEED)
@some
def test_own_then_aligned_then_beside_then_the_heaviest(row: Sequence, rule: str, spec: Isa, seed: int) -> None:
    spec = replace(spec, context=1.0, drop_context=False, keep=spec.keep if isinstance(spec.keep, float) else 0.3)
    made = job(row, rule, spec, seed, scale=1.0)
    rank, mass = class_of(made, spec).expand(made.state.shape), masses(made)
    score = 2 * rank + mass  # mass is at most 1, so a class never overtakes the next
    exact, mean_ = made.state == EXACT, made.state == MEAN
    worst = score.masked_fill(~exact, math.inf).amin(-1)
    best = score.masked_fill(~mean_, -math.inf).amax(-1)
    assert bool((worst >= best - 1e-6).all())


def test_the_order_of_own_aligned_and_beside_on_a_picture() -> None:
    """The middle tile of nine: itself first, then the source's tile beneath it, then the eight around it."""
    for count, want in [(1, {13}), (2, {13, 4}), (10, {4, *range(9, 18)})]:
        made = job(picture(), "isolated", Isa(keep=count / 18 + 1e-3, tile=(1, 2, 2), neighbours=True), heads=1)
        assert set((made.state[0, 0, 13] == EXACT).nonzero().flatten().tolist()) == want


@given(ROWS, RULE, st.sampled_from([0.3, 0.8, 0.99]), st.sampled_from([0.2, 1.0]), SEED)
@some
def test_a_threshold_takes_as_few_as_hold_the_mass(
    row: Sequence, rule: str, mass: float, keep: float, seed: int
) -> None:
    spec = Isa(keep=keep, routing="threshold", mass=mass, neighbours=False, aligned=False, tile=(2, 2, 2))
    made = job(row, rule, spec, seed, scale=1.0)
    words = (made.tiling.words > 0).expand(made.state.shape)
    exact, share = made.state == EXACT, masses(made)
    cap = (keep * made.tiling.sees.sum(-1) + 1e-6).floor().clamp(min=1)
    count, held = exact.sum(-1), (share * exact).sum(-1)
    assert bool(((held >= mass - 1e-5) | (count == cap)).all())
    lightest = share.masked_fill(~exact | words, math.inf).amin(-1).clamp(max=1)
    some_free = (exact & ~words).any(-1)
    assert bool(((held - lightest < mass + 1e-5) | ~some_free).all())  # without the last one it was not enough
    assert bool((count <= cap).all()) and bool((count >= 1).all())


@given(st.sampled_from([0.0, 0.25, 0.5, 1.0]), RULE, SEED)
@some
def test_the_sharpest_tiles_of_a_group_see_all_they_may(share: float, rule: str, seed: int) -> None:
    spec = Isa(keep=0.1, routing="sharpness", dense_share=share, tile=(1, 2, 2), neighbours=False, aligned=False)
    made = job(picture(10, 8), rule, spec, seed)
    all_exact = (made.state != MEAN).all(-1)  # [B, H, N]
    mass = masses(made)
    for group in made.tiling.groups:
        dense = all_exact[..., group.rows]
        assert bool((dense.sum(-1) == math.floor(share * len(group.rows))).all())
        spread = mass[:, :, group.rows][..., group.columns].var(-1)
        if 0 < share < 1:
            assert bool((spread.masked_fill(~dense, 1).amin(-1) >= spread.masked_fill(dense, 0).amax(-1)).all())


@given(RULE, st.booleans(), st.sampled_from([0.1, 0.3, 0.5, 0.99]), SEED)
@some
def test_a_head_selects_its_context_once_for_all_who_share_it(rule: str, drop: bool, context: float, seed: int) -> None:
    said = Segment("text", 0, grid(9, 1, 1))
    row = Sequence([said, *picture(10, 8), Segment("answer", 0, grid(1, 4, 4))])
    spec = Isa(keep=1.0, context=context, drop_context=drop, tile=(1, 2, 2))
    made = job(row, rule, spec, seed)
    exact = made.state == EXACT
    assert torch.equal(made.state == (GONE if drop else MEAN), ~exact & (made.tiling.sees if not drop else True))
    for group in made.tiling.groups:
        wordless = group.rows[(made.tiling.words[group.rows] == 0).any(-1)]
        if len(group.context) and len(wordless):
            taken = exact[:, :, wordless][..., group.context]
            assert bool((taken == taken[:, :, :1]).all())
            assert bool((taken[:, :, 0].sum(-1) == max(1, math.floor(context * group.whole))).all())
        noise = made.tiling.noisy & made.tiling.sees[group.rows[0]]
        assert bool(exact[:, :, group.rows][..., noise].all())


@given(ROWS, RULE, SPECS, SEED)
@some
def test_lists_say_what_states_say(row: Sequence, rule: str, spec: Isa, seed: int) -> None:
    made = job(row, rule, spec, seed)
    numbers, count = lists(made.state, made.held)
    assert numbers.dtype == count.dtype == torch.int32
    for number, n, state in zip(numbers.flatten(0, 2), count.flatten(), made.state.flatten(0, 2)):
        assert number[:n].tolist() == (state == EXACT).nonzero().flatten().tolist()
        assert bool((number[n:] == len(made.held)).all())


@pytest.mark.parametrize("routing", get_args(Routing))
@pytest.mark.parametrize("rule", sorted(RULES))
def test_where_all_tiles_are_alike_the_counts_still_hold(rule: str, routing: Routing) -> None:
    """Every mass is tied: a still, empty picture."""
    row, spec = picture(10, 8), Isa(keep=0.25, tile=(1, 2, 2), routing=routing, context=0.5)
    q, k, v = torch.ones(3, 1, len(row), 2, 4)
    made = job_of(q, k, v, Plan.of(row, RULES[rule]), spec)
    count, visible = (made.state == EXACT).sum(-1), (made.state != GONE).sum(-1)
    assert bool((visible == made.tiling.sees.sum(-1)).all())
    assert bool((count >= 1).all()) and bool((count <= 0.25 * visible).all())


def test_a_choice_carries_no_gradient() -> None:
    row = picture()
    q, k, v = torch.randn(3, 1, len(row), 2, 4, requires_grad=True)
    assert not job_of(q, k, v, Plan.of(row, RULES["full"]), Isa()).state.requires_grad


@given(SEED)
@some
def test_query_heads_that_share_keys_choose_each_for_itself(seed: int) -> None:
    row, spec = picture(10, 8), Isa(keep=0.2, tile=(1, 2, 2), neighbours=False)
    g = torch.Generator().manual_seed(seed)
    q, (k, v) = torch.randn(1, len(row), 4, 4, generator=g), torch.randn(2, 1, len(row), 2, 4, generator=g)
    plan = Plan.of(row, RULES["full"])
    grouped = job_of(q, k, v, plan, spec).state
    apart = job_of(q, *(x.repeat_interleave(2, dim=2) for x in (k, v)), plan, spec).state
    assert torch.equal(grouped, apart)
