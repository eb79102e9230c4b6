"""Weighing says of every choice what `attend` would have said."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from refrain.attention import Dense, Isa, Plan, attend
from refrain.attention.isa.run import job_of
from refrain.attention.isa.select import EXACT
from refrain.editing.ways import Way, weigh
from refrain.errors import BadInput
from refrain.sequence import RULES, Segment, Sequence, coarsen, grid
from rows import some

HEADS, WIDTH = 2, 8


def row() -> Sequence:
    """A coarse source, its first frame, the end of the last answer, and a target of 3 x 8 x 10."""
    return Sequence(
        [
            Segment("source", 2, coarsen(3, 8, 10)),
            Segment("source", 2, grid(1, 8, 10)),
            Segment("answer", 1, grid(1, 8, 10)),
            Segment("target", 2, grid(3, 8, 10)),
        ]
    )


def call(rule: str = "isolated", memory: bool = True, shared: int = 1) -> tuple[Tensor, Tensor, Tensor, Plan]:
    """Queries, keys and values that vary smoothly, so that some tiles are nearly constant."""
    laid = row()
    plan = Plan.of(laid, RULES[rule], [3] if memory else None, tile=(2, 4, 4))
    places = torch.cat([s.canvas for s in laid])
    waves = torch.sin(places @ some(3, HEADS * WIDTH, seed=3)) + 0.3 * some(len(laid), HEADS * WIDTH, seed=4)
    k = waves.reshape(1, len(laid), HEADS, WIDTH)[:, :, : HEADS // shared]
    v = torch.cos(2 * places @ some(3, k.shape[2] * WIDTH, seed=5)).reshape(k.shape)
    asked = sum(plan.lengths[i] for i in plan.queries)
    return 2 * waves[-asked:].reshape(1, asked, HEADS, WIDTH), k, v, plan


WAYS = [
    Isa(keep=0.3), Isa(keep=0.2, order=1), Isa(keep=0), Isa(keep=(0.1, 0.5)), Isa(budgets=((0.1, 0.6),)),
    Isa(routing="threshold", keep=0.6, mass=0.7), Isa(keep=0.2, neighbours=False, aligned=False, order=1),
    replace(Isa.published(), tile=None),
]  # fmt: skip


@pytest.mark.parametrize("spec", WAYS)
@pytest.mark.parametrize(
    ("rule", "memory", "shared"), [("isolated", True, 1), ("full", False, 1), ("isolated", False, 2)]
)
def test_a_weighed_error_is_that_of_attend(spec: Isa, rule: str, memory: bool, shared: int) -> None:
    q, k, v, plan = call(rule, memory, shared)
    found = weigh(q, k, v, plan, [Way("one", 0, Isa(keep=0.5)), Way("two", 1, spec)])
    target = slice(q.shape[1] - plan.lengths[3], None)
    truth = attend(q, k, v, plan, Dense())[:, target].double()
    wrong = attend(q, k, v, plan, replace(spec, kernel="reference"))[:, target].double() - truth
    expected = (wrong.square().sum((0, 1, 3)) / truth.square().sum((0, 1, 3))).sqrt()  # [H]
    torch.testing.assert_close(found.error[1].double(), expected, rtol=1e-3, atol=1e-6)
    assert expected.min() > 1e-3, "nothing was approximated"


def test_a_cut_in_raster_order_is_weighed_too() -> None:
    q, k, v, plan = call()
    published = Isa.published()
    found = weigh(q, k, v, plan, [Way("published", 0, published)])
    truth = attend(q, k, v, plan, Dense())
    wrong = attend(q, k, v, plan, replace(published, kernel="reference")) - truth
    torch.testing.assert_close(found.error[0], (wrong.square().sum((0, 1, 3)) / truth.square().sum((0, 1, 3))).sqrt())


def test_all_kept_costs_what_dense_costs_and_errs_by_nothing() -> None:
    q, k, v, plan = call()
    found = weigh(
        q, k, v, plan, [Way("isa", 1, Isa(keep=1)), Way("isa", 0, Isa(keep=0)), Way("bent", 0, Isa(keep=0, order=1))]
    )
    assert found.error[0].max() < 1e-6
    torch.testing.assert_close(found.costs[0], torch.ones(HEADS))
    tiling = plan.tiling(None, q.device)
    means = len(tiling.keys) / int(tiling.keys.lengths.sum())
    torch.testing.assert_close(found.costs[1], torch.full((HEADS,), means))
    slopes = 4 * WIDTH / 2 / int(tiling.keys.lengths.sum())
    torch.testing.assert_close(found.costs[2], torch.full((HEADS,), means + slopes))


def test_cost_counts_the_exact_keys() -> None:
    q, k, v, plan = call()
    spec = Isa(keep=0.25)
    job = job_of(q, k, v, plan, spec)
    exact = job.state == EXACT  # [1, H, N, M]
    work = (exact * job.held.lengths).sum(-1) + (~exact).sum(-1)
    cost = (work * job.asking.lengths).sum(-1) / (job.asking.lengths.sum() * job.held.lengths.sum())
    torch.testing.assert_close(weigh(q, k, v, plan, [Way("isa", 0.25, spec)]).costs, cost)


def test_context_is_the_share_of_attention_on_clean_keys() -> None:
    q, k, v, plan = call()
    share = torch.einsum("blhd,bmhd->bhlm", q, k).mul(WIDTH**-0.5).softmax(-1)
    clean = share[..., : k.shape[1] - plan.lengths[3]].sum(-1).mean(-1)[0]  # [H]
    found = weigh(q, k, v, plan, [Way("isa", 0.5, Isa(keep=0.5))])
    torch.testing.assert_close(found.context.sum((1, 2)) / plan.lengths[3], clean)


def test_drawn_tiles_are_some_of_all_and_say_the_same() -> None:
    q, k, v, plan = call()
    ways = [Way("isa", 0.25, Isa(keep=0.25)), Way("isa", 0.5, Isa(keep=0.5))]
    every, some_, again, other = (weigh(q, k, v, plan, ways, n, seed) for n, seed in ((0, 0), (4, 1), (4, 1), (4, 2)))
    assert len(some_.numbers) == 4 and len(every.numbers) > 4
    torch.testing.assert_close(some_.wrong, every.wrong[:, :, some_.numbers])
    assert torch.equal(some_.numbers, again.numbers) and not torch.equal(some_.numbers, other.numbers)


@pytest.mark.parametrize("wrong", ["cuts", "batch"])
def test_what_cannot_be_weighed_is_refused(wrong: str) -> None:
    q, k, v, plan = call()
    ways: list[Any] = [Way("a", 0, Isa()), Way("b", 0, Isa(tile=64 if wrong == "cuts" else None))]
    if wrong == "batch":
        q, k, v = (x.expand(2, -1, -1, -1) for x in (q, k, v))
    with pytest.raises(BadInput, match="one cut" if wrong == "cuts" else "not on a batch of 2"):
        weigh(q, k, v, plan, ways)
