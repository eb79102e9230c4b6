"""Where everything is kept, sparse attention is dense attention: the answer, and the gradients."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from guarantees.test_tiles_hold_one_segment import CUTS, ROWS
from refrain.attention import Dense, Isa, Plan, Spec, attend
from refrain.attention.tiles import Cut
from refrain.sequence import RULES, Segment, Sequence, coarsen, grid

ROW = Sequence(
    [
        Segment("text", 0, grid(3, 1, 1)),
        Segment("source", 0, coarsen(2, 5, 5)),
        Segment("answer", 1, grid(1, 5, 5)),
        Segment("target", 2, grid(2, 5, 5)),
    ]
)
ALL = {
    "keep": Isa(keep=1.0),
    "keep apart": Isa(keep=(1.0, 1.0)),
    "first order": Isa(keep=1.0, order=1),
    "no place first": Isa(keep=1.0, neighbours=False, aligned=False),
    "budgets": Isa(budgets=((1.0, 1.0, 1.0, 1.0),)),
    "threshold": Isa(keep=1.0, routing="threshold", mass=1.0),
    "sharpness": Isa(keep=0.0, routing="sharpness", dense_share=1.0),
    "runs": Isa(keep=1.0, tile=7),
}
KERNELS = ("reference", "gather")


def told(spec: Spec, q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> list[Tensor]:
    """The answer, and the gradients of q, k and v."""
    parts = [x.clone().requires_grad_() for x in (q, k, v)]
    out = attend(*parts, plan, spec)  # type: ignore[call-arg]
    out.mul(torch.arange(out.numel()).reshape(out.shape).sin()).sum().backward()
    return [out.detach(), *(x.grad for x in parts if x.grad is not None)]


def given_to(row: Sequence, plan: Plan, groups: int, seed: int, heads: int = 4) -> list[Tensor]:
    """q of `heads` heads and k, v of `heads / groups`, of those who ask and those who are seen, in float64."""
    g = torch.Generator().manual_seed(seed)
    asking, seen = (sum(len(row.segments[i]) for i in held) for held in (plan.queries, plan.keys))
    shapes = [(2, asking, heads, 6), (2, seen, heads // groups, 6), (2, seen, heads // groups, 6)]
    return [1.5 * torch.randn(shape, generator=g, dtype=torch.float64) for shape in shapes]


def assert_equal(spec: Isa, row: Sequence, plan: Plan, groups: int, seed: int) -> None:
    tensors = given_to(row, plan, groups, seed)
    sparse, dense = told(spec, *tensors, plan), told(Dense(), *tensors, plan)
    assert len(sparse) == len(dense) == 4
    for a, b in zip(sparse, dense):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("rule", sorted(RULES))
def test_by_every_way_of_keeping_all(name: str, rule: str, kernel: str) -> None:
    spec = replace(ALL[name], kernel=kernel)
    for groups in (1, 4):
        assert_equal(spec, ROW, Plan.of(ROW, RULES[rule], tile=(1, 2, 3)), groups, seed=groups)


@pytest.mark.parametrize("kernel", KERNELS)
@given(ROWS, CUTS, st.sampled_from(sorted(RULES)), st.data())
@settings(max_examples=10)
def test_on_ragged_grids_and_for_some_who_ask(
    kernel: str, row: Sequence, cut: Cut, rule: str, data: st.DataObject
) -> None:
    asking = data.draw(st.sets(st.integers(0, len(row.segments) - 1), min_size=1))
    assert_equal(Isa(keep=1.0, tile=cut, kernel=kernel), row, Plan.of(row, RULES[rule], asking), groups=2, seed=1)


@pytest.mark.parametrize("kernel", KERNELS)
def test_less_than_all_is_not_dense_so_the_tests_above_can_fail(kernel: str) -> None:
    plan = Plan.of(ROW, RULES["full"], tile=(1, 2, 3))
    tensors = given_to(ROW, plan, 1, seed=1)
    sparse, dense = told(Isa(keep=0.9, kernel=kernel), *tensors, plan), told(Dense(), *tensors, plan)
    assert all((a - b).abs().max() > 1e-3 for a, b in zip(sparse, dense))
