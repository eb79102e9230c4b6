"""Laws of the plan: sights are a partition of those who ask, and they say what the rule says."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.attention import Dense, Plan, attend
from refrain.errors import BadInput
from refrain.sequence import RULES, Kind, Segment, Sequence, grid

KINDS: list[Kind] = ["source", "reference", "answer", "target"]
segments = st.builds(
    lambda kind, beat, n: Segment(kind, 2 * beat + (kind == "answer"), grid(n, 1, 1)),
    st.sampled_from(KINDS),
    st.integers(0, 2),
    st.integers(1, 4),
)
layouts = st.lists(segments, min_size=1, max_size=7).map(Sequence)
rules = st.sampled_from(sorted(RULES))


@given(layouts, rules)
def test_sights_partition_the_queries_and_say_what_the_rule_says(row: Sequence, name: str) -> None:
    plan, rule = Plan.of(row, RULES[name]), RULES[name]
    assert sorted(i for sight in plan.sights for i in sight.queries) == list(range(len(row.segments)))
    assert len({sight.keys for sight in plan.sights}) == len(plan.sights)
    for sight in plan.sights:
        for i in sight.queries:
            assert sight.keys == tuple(j for j, k in enumerate(row) if rule(row.segments[i], k))


@given(layouts, rules, st.data())
def test_a_restricted_plan_is_the_whole_one_for_those_who_ask(row: Sequence, name: str, data: st.DataObject) -> None:
    asking = data.draw(st.sets(st.integers(0, len(row.segments) - 1), min_size=1))
    whole, part = Plan.of(row, RULES[name]), Plan.of(row, RULES[name], asking)
    assert part.queries == tuple(sorted(asking))
    sees = {i: sight.keys for sight in whole.sights for i in sight.queries}
    assert {i: sight.keys for sight in part.sights for i in sight.queries} == {i: sees[i] for i in asking}
    assert part.keys == tuple(sorted({j for i in asking for j in sees[i]}))


@given(layouts, rules)
def test_the_area_counts_the_pairs_that_the_rule_allows(row: Sequence, name: str) -> None:
    pairs = sum(len(q) * len(k) for q in row for k in row if RULES[name](q, k))
    assert Plan.of(row, RULES[name]).area() == pairs


def test_who_sees_nothing_is_named() -> None:
    row = Sequence([Segment("source", 0, grid(2, 1, 1))])
    with pytest.raises(BadInput, match=r"Segment 0 \(source, beat 0\) sees nothing"):
        Plan.of(row, lambda query, key: False)


def test_tensors_that_do_not_fit_are_refused() -> None:
    plan = Plan.of(Sequence([Segment("source", 0, grid(2, 1, 1))]), RULES["full"])
    with pytest.raises(BadInput, match="q of 2"):
        attend(torch.zeros(1, 3, 1, 4), torch.zeros(1, 2, 1, 4), torch.zeros(1, 2, 1, 4), plan, Dense())


def test_a_spec_that_nothing_answers_to_is_refused() -> None:
    plan = Plan.of(Sequence([Segment("source", 0, grid(2, 1, 1))]), RULES["full"])
    with pytest.raises(TypeError, match="answers"):
        attend(*torch.zeros(3, 1, 2, 1, 4), plan, "dense")  # type: ignore[arg-type]
