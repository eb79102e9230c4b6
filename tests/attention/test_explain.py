"""What `explain` says of a choice is what `attend` does."""

import pytest
import torch

from attention.heads import draw
from refrain.attention import Dense, Flex, Isa, Plan, Spec, attend, explain
from refrain.errors import BadInput
from refrain.sequence import RULES, Segment, Sequence, grid

ROW = Sequence(
    [Segment("source", 0, grid(3, 4, 5)), Segment("answer", 1, grid(1, 4, 5)), Segment("target", 2, grid(3, 4, 5))]
)
CUT = (2, 2, 2)
SPECS = [
    Isa(tile=CUT), Isa(1 / 4, CUT, order=1), Isa((1 / 2, 1 / 8), CUT), Isa(1, CUT, routing="threshold", mass=0.8),
    Isa(1 / 4, CUT, routing="sharpness", dense_share=1 / 2, context=1 / 4, drop_context=True, neighbours=False),
    Isa(tile=CUT, budgets=((1.0, 1 / 2, 0.0, 1 / 4),)),
]  # fmt: skip


def qkv(heads: int = 4, kind: str = "noise") -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two sequences; pairs of heads share keys."""
    q, k, v = (torch.cat([draw(kind, ROW, heads, 8, seed)[n] for seed in (0, 1)]) for n in range(3))
    return q, k[:, :, ::2], v[:, :, ::2]


@pytest.mark.parametrize("rule", ["isolated", "full"])
@pytest.mark.parametrize("spec", SPECS)
def test_the_error_is_the_error(spec: Isa, rule: str) -> None:
    plan, (q, k, v) = Plan.of(ROW, RULES[rule]), qkv()
    report = explain(q, k, v, plan, spec)
    true = attend(q, k, v, plan, Dense())
    wrong = (attend(q, k, v, plan, spec) - true).square().sum(-1)  # [B, L, H]
    torch.testing.assert_close(report.output, true.square().sum(-1).mean(1).sqrt())
    torch.testing.assert_close(report.relative * report.output, wrong.mean(1).sqrt())
    tiles = report.queries
    whose = tiles.back // tiles.slots  # [L] the tile of each token
    for tile in range(len(tiles)):
        here = wrong[:, whose == tile]
        torch.testing.assert_close(report.error[:, :, tile], here.mean(1).sqrt(), atol=1e-9, rtol=1e-6)
        assert (report.bound[:, :, tile] * (1 + 1e-9) + 1e-9 >= here.amax(1).sqrt()).all()
    assert (report.on_means >= 0).all() and (report.on_means <= 1).all()
    assert report.estimate.isfinite().all() and report.estimate.shape == report.error.shape


@pytest.mark.parametrize("spec", [Dense(), Flex(), Flex(CUT)])
def test_what_is_exact_is_said_to_be(spec: Spec) -> None:
    plan, (q, k, v) = Plan.of(ROW, RULES["isolated"], tile=CUT), qkv()
    report = explain(q, k, v, plan, spec)
    assert report.cost == report.flops == 1
    assert not report.error.any() and not report.bound.any() and not report.estimate.any() and not report.on_means.any()
    assert torch.equal(report.kept, report.seen.expand(2, 4, -1))
    torch.testing.assert_close(report.output, attend(q, k, v, plan, Dense()).square().sum(-1).mean(1).sqrt())


@pytest.mark.parametrize("rule", ["isolated", "full"])
@pytest.mark.parametrize("spec", SPECS)
def test_the_cost_counts_pairs(spec: Isa, rule: str) -> None:
    """Token by token: an exact key is one pair, a mean is one pair for all of its tile."""
    plan, (q, k, v) = Plan.of(ROW, RULES[rule]), qkv()
    report = explain(q, k, v, plan, spec)
    pairs = 0
    for row, asking in enumerate(report.queries.lengths.tolist()):
        for column, held in enumerate(report.keys.lengths.tolist()):
            states = report.state[:, :, row, column].flatten().tolist()
            pairs += asking * sum((0, 1, held)[state] for state in states)
    assert report.cost == pytest.approx(pairs / (2 * 4 * plan.area()))
    assert report.flops > report.cost
    assert torch.equal(report.kept, (report.state == 2).sum(-1))


def test_all_that_is_exact_costs_what_dense_costs() -> None:
    plan, tensors = Plan.of(ROW, RULES["isolated"]), qkv()
    report = explain(*tensors, plan, Isa(1, CUT))
    assert report.cost == 1 and not report.error.any() and not report.bound.any()


def test_the_map_can_be_drawn() -> None:
    """Every tile says whose it is and where it lies, so kept tiles can be put on the canvas."""
    report = explain(*qkv(), Plan.of(ROW, RULES["isolated"]), Isa(1 / 4, CUT))
    count = (len(report.queries), len(report.keys))
    assert report.state.shape == (2, 4, *count)
    assert report.queries.segment.shape == (count[0],) and report.queries.place.shape == (count[0], 3)
    assert report.keys.segment.tolist() == sorted(report.keys.segment.tolist())


@pytest.mark.parametrize("spec", [Dense(), *SPECS])
def test_the_summary_is_a_few_plain_lines(spec: Spec) -> None:
    lines = str(explain(*qkv(kind="smooth"), Plan.of(ROW, RULES["isolated"], tile=CUT), spec)).splitlines()
    assert [line.split()[0] for line in lines] == ["cost", "exact", "on", "error", "estimate", "bound"]
    assert all(len(line) < 120 and "nan" not in line for line in lines)


def test_half_precision_is_explained_as_if_nothing_were_rounded() -> None:
    plan, (q, k, v) = Plan.of(ROW, RULES["isolated"]), (x.bfloat16() for x in qkv(kind="smooth"))
    report = explain(q, k, v, plan, Isa(1 / 4, CUT))
    wide = explain(q.float(), k.float(), v.float(), plan, Isa(1 / 4, CUT))
    torch.testing.assert_close(report.error, wide.error)
    torch.testing.assert_close(report.bound, wide.bound)


def test_what_attend_refuses_is_refused() -> None:
    plan, (q, k, v) = Plan.of(ROW, RULES["isolated"]), qkv()
    with pytest.raises(BadInput, match="q of"):
        explain(q[:, 1:], k, v, plan, Isa())
    with pytest.raises(BadInput, match="NaN"):
        explain(q * torch.nan, k, v, plan, Isa())
    with pytest.raises(TypeError, match="answers"):
        explain(q, k, v, plan, "isa")  # type: ignore[arg-type]
