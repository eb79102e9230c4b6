"""Laws of what a session teaches: no target sees what it is to say, and each learns what it would learn alone."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from editing.lines import OFFSETS, TASKS, Plan, knowing, lesson, plans
from refrain.errors import BadInput
from refrain.models.protocols import Card
from refrain.sequence import Segment, Sequence
from refrain.training.lesson import NOTHING, Drops, Lesson, TaughtTurn, loss_of_lesson, rows_of
from rows import KINDS, latents, reach

LONG: Plan = [(True, 2), (False, 0), (True, 0)]


def with_card(**facts: Any) -> Any:
    """All that a row is laid by."""
    return SimpleNamespace(card=Card(kinds=KINDS, offsets=OFFSETS, prediction="change", **facts))


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=40, deadline=None)
@given(
    plans(), st.sampled_from(["block_causal", "isolated", "full"]), st.integers(0, 99),
    st.sampled_from(["edited", "text_then_image", "interleaved", "per_turn"]), st.sampled_from([0.0, 0.5]),
)  # fmt: skip
def test_no_target_of_a_lesson_sees_its_answer_or_a_later_one(
    plan: Plan, rule: str, seed: int, turns: str, share: float
) -> None:
    by = with_card(rule=rule, turns=turns)
    row, clean = rows_of(lesson(plan), by, drawn(seed), Drops(share, share, share, share))
    assert len(row.targets) == len(clean)
    if rule == "full":
        assert len(clean) == 1 and all(s.beat <= row.target.beat for s in row)
    for n, target in enumerate(row.targets):
        found = reach(target, row, by.card.sight())
        assert all(s.beat <= target.beat for s in found)
        told = [s.content for s in found if s.content is not None] + ([] if target.base is None else [target.base])
        assert not any(x is later for x in told for later in clean[n:])
    beats = [target.beat for target in row.targets]
    assert beats == sorted(beats) and all(beat % 2 == 0 for beat in beats)


def test_a_row_holds_every_turn_in_its_order_and_nothing_that_nobody_sees() -> None:
    row, clean = rows_of(lesson(LONG), with_card(rule="block_causal", turns="edited"), drawn(0), NOTHING)
    assert [target.beat for target in row.targets] == [0, 2, 4, 6, 8, 10, 12]
    assert [(s.kind, s.beat) for s in row if s.kind in ("mask", "answer")] == [
        ("mask", 1), ("mask", 3), ("answer", 5), ("answer", 7), ("mask", 9), ("mask", 11)]  # fmt: skip
    assert [s.beat for s in row if s.kind == "reference"] == [4, 4]
    bases = [target.base for target in row.targets]
    assert bases[2] is lesson(LONG).source.full or torch.equal(bases[2], latents(999))
    assert torch.equal(bases[3], clean[2]) and torch.equal(bases[6], clean[3]), "of the picture that stood"
    assert all(bases[n] is None for n in (0, 1, 4, 5)), "a mask is a change of nothing"


def outputs(wan: Any, plan: Plan, other: int = -1) -> list[torch.Tensor]:
    row, _ = rows_of(lesson(plan, other=other), wan, drawn(0), NOTHING)
    xs = [latents(70 + n) for n in range(len(row.targets))]
    return wan.prepare(row, memory=False).outputs(xs, [torch.tensor([0.2 + 0.1 * n]) for n in range(len(xs))])


@pytest.mark.parametrize("rule", ["block_causal", "isolated"])
@torch.no_grad()
def test_the_network_is_blind_to_the_answers_from_its_own_on(rule: str) -> None:
    wan = knowing(rule=rule, shows_base=False)
    plain = outputs(wan, LONG)
    for n in (0, 2, 5, 6):
        other = outputs(wan, LONG, other=n)
        assert all(torch.equal(a, b) for a, b in zip(plain[: n + 1], other[: n + 1]))
        assert n == 6 or not torch.equal(plain[n + 1], other[n + 1])


@pytest.mark.parametrize("rule", ["block_causal", "isolated"])
@torch.no_grad()
def test_each_target_of_a_row_says_what_it_says_alone(rule: str) -> None:
    wan = knowing("interleaved", rule)
    row, _ = rows_of(lesson(LONG), wan, drawn(0), NOTHING)
    for n, (target, said) in enumerate(zip(row.targets, outputs(wan, LONG))):
        before = [s for s in row if not s.noisy and s.beat <= target.beat]
        alone = wan.prepare(Sequence([*before, target])).output(latents(70 + n), torch.tensor([0.2 + 0.1 * n]))
        torch.testing.assert_close(said, alone, atol=2e-6, rtol=0)


@pytest.mark.parametrize("rule", ["block_causal", "full"])
def test_all_targets_teach_all_weights(rule: str) -> None:
    wan = knowing(rule=rule)
    net = wan.experts[0].transformer
    first = loss_of_lesson(wan, lesson(LONG), drawn(3))
    assert torch.equal(first, loss_of_lesson(wan, lesson(LONG), drawn(3)))
    first.backward()
    for name, weight in net.named_parameters():
        if ".attn1." in name or ".ffn." in name or "proj_out" in name:
            assert weight.grad is not None and bool(torch.isfinite(weight.grad).all()) and weight.grad.abs().max() > 0


def test_things_are_dropped_as_often_as_the_paper_says() -> None:
    by, generator, plan = with_card(rule="block_causal", turns="edited"), drawn(1), [(True, 0)] * 3
    taught, rows = lesson(plan), 600
    laid = {"answer": 0, "here": 0, "there": 0}
    masked = 0
    for _ in range(rows):
        row, clean = rows_of(taught, by, generator)
        masked += len(clean) == 9
        laid["answer"] += sum(s.kind == "answer" for s in row)
        for s in row:
            if s.kind == "mask":
                laid["here" if aside(s) == 20 else "there"] += 1
    assert masked / rows == pytest.approx(0.8, abs=0.05)
    assert laid["answer"] / (2 * rows) == pytest.approx(0.8, abs=0.04), "the last is seen by nobody, so is not laid"
    assert laid["here"] / (3 * masked) == pytest.approx(0.3, abs=0.04)
    assert laid["there"] / (3 * masked) == pytest.approx(0.3, abs=0.04)


def aside(segment: Segment) -> float:
    return float((segment.positions - segment.canvas)[0, 2])


def test_a_model_without_masks_learns_the_pictures_alone() -> None:
    by = SimpleNamespace(card=Card(kinds=("text", "source", "answer", "target"), turns="edited", rule="block_causal"))
    plain: Plan = [(True, 0), (False, 0)]
    row, clean = rows_of(lesson(plain), by, drawn(0), NOTHING)  # pyright: ignore[reportArgumentType]
    assert len(clean) == 2 and {s.kind for s in row} == {"text", "source", "answer", "target"}


def test_a_lesson_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="without turns"):
        Lesson(lesson(LONG).source, ())
    with pytest.raises(BadInput, match="a picture is one of them"):
        TaughtTurn({TASKS[0]: torch.zeros(1)}, {TASKS[0]: lesson(LONG).source})
