"""Laws of a line of turns: what stands where, what a target can see, and what a turn computes."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from editing.lines import OFFSETS, TASKS, TOKENS, knowing, picture, words
from refrain.attention import Dense
from refrain.editing.compose import Seen, Window, compose
from refrain.editing.solve import Solver
from refrain.editing.turns import Line, Question, Task
from refrain.editing.walk import Walk
from refrain.errors import BadInput, Unsupported
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import WanDenoiser
from refrain.sequence import Sequence, grid
from rows import FRAMES, KINDS, denoiser, latents, reach

SCHEMES = ("edited", "text_then_image", "interleaved", "per_turn")
STEPS = 3


def walk(guidance: float = 3.0) -> Walk:
    return Walk(STEPS, guidance=guidance, until=0.0, shift=1.0, solver="euler", grid="even", seed=0)


def silent(done: int, total: int, x: Tensor) -> None:
    pass


def asked(line: Line, tasks: list[Task], shown: Callable[[int], bool] = lambda n: True) -> tuple[Line, list[Question]]:
    """A line of predictions, and what asked for each; shown(n): whether its clean copy is laid."""
    questions = list[Question]()
    for n, task in enumerate(tasks):
        base = latents(999) if task == "picture" else None
        questions.append(line.ask(words(n), task, base))
        line = questions[-1].answered(picture(n) if shown(n) else None)
    return line, questions


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(TASKS), min_size=1, max_size=7), st.integers(0, 127), st.sampled_from(SCHEMES),
    st.sampled_from(["isolated", "block_causal", "full"]),
)  # fmt: skip
def test_a_beat_counts_predictions_and_no_row_holds_its_own_answer(
    tasks: list[Task], shown: int, scheme: str, rule: str
) -> None:
    card = Card(kinds=KINDS, rule=rule, turns=scheme, offsets=OFFSETS)
    line, questions = asked(Line.begin(picture(999), card), tasks, lambda n: bool(shown >> n & 1))
    for n, question in enumerate(questions):
        row = question.row
        assert row.target.beat == 2 * n and row.words(2 * n) is question.asking[0]
        assert all(s.beat <= row.target.beat for s in row), "also under `full`, where everybody sees everybody"
        later = [picture(m).full for m in range(n, len(tasks))]
        assert not any(torch.equal(s.content, x) for s in row for x in later if s.content is not None
                       and s.content.shape == x.shape)  # fmt: skip
        if rule == "full":
            assert reach(row.target, row, card.sight()) == set(row)
    every = [s for s in line.segments if s.kind in ("answer", "mask")]
    assert [s.beat for s in every] == [2 * n + 1 for n in range(len(tasks)) if shown >> n & 1]


def origin(target_or_answer: Tensor) -> tuple[float, ...]:
    return tuple(target_or_answer[0].tolist())


@pytest.mark.parametrize(
    ("scheme", "pictures", "targets"),
    [
        ("edited", [(2, 0, 0), (4, 0, 0)], [(0, 0, 0), (2, 0, 0)]),
        ("text_then_image", [(2, 0, 0), (4, 0, 0)], [(2, 0, 0), (4, 0, 0)]),
        ("interleaved", [(2 + 5, 0, 0), (4 + 10, 0, 0)], [(2 + 5, 0, 0), (4 + 10, 0, 0)]),
        ("per_turn", [(3 + 5,) * 3, (6 + 10,) * 3], [(3 + 5,) * 3, (6 + 10,) * 3]),
    ],
)
def test_where_pictures_and_targets_stand(scheme: str, pictures: list, targets: list) -> None:
    """A picture is 2 x 2 x 3 tokens and every turn says 5 words."""
    line, questions = asked(Line.begin(picture(999), knowing(scheme).card), ["picture", "picture"])
    assert origin(line.segments[0].positions) == (0, 0, 0)
    assert [origin(s.positions) for s in line.segments if s.kind == "answer"] == pictures
    assert [origin(q.target.positions) for q in questions] == targets
    for segment in (*(s for s in line.segments if s.kind == "answer"), *(q.target for q in questions)):
        assert torch.equal(segment.canvas, grid(2, 2, 3))
        assert torch.equal(segment.positions - segment.positions[0], grid(2, 2, 3))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_masks_stand_on_the_picture_that_stands_each_aside_by_its_own_number(scheme: str) -> None:
    tasks: list[Task] = ["picture", "here", "there", "picture"]
    line, questions = asked(Line.begin(picture(999), knowing(scheme).card), tasks)
    stood, here, there, last = (s for s in line.segments if s.kind in ("answer", "mask"))
    aside = torch.tensor(OFFSETS["mask"])
    assert torch.equal(here.positions, stood.positions + aside)
    assert torch.equal(there.positions, stood.positions + 2 * aside)
    for copy, question in ((here, questions[1]), (there, questions[2])):
        assert torch.equal(copy.positions, question.target.positions), "a mask's target stands where its copy will"
    said = 15 if scheme in ("interleaved", "per_turn") else 0  # the words of both masks take up time as well
    step = {"per_turn": 3}.get(scheme, FRAMES)
    assert origin(last.positions)[0] - origin(stood.positions)[0] == step + said


def test_the_first_turn_of_an_edited_line_is_the_row_of_a_single_edit() -> None:
    card = Card(kinds=KINDS, rule="block_causal", turns="edited", prediction="change", offsets=OFFSETS | {
        "source": (0.0, 7.0, 0.0)}, coarse=(1, 2, 2), key_frames=1)  # fmt: skip
    source = Seen(latents(1), latents(2, rows=2, columns=4), (latents(3, frames=1), latents(4, frames=1)))
    single = compose(words(0), source, Window(0, FRAMES), card)
    line = Line.begin(source, card)
    several = line.ask(words(0), "picture", source.full, source.references).row
    assert len(single.segments) == len(several.segments)
    for one in single:
        (twin,) = [s for s in several if (s.kind, s.beat) == (one.kind, one.beat)
                   and torch.equal(s.positions, one.positions)]  # fmt: skip
        assert torch.equal(twin.canvas, one.canvas)
        for mine, its in ((one.content, twin.content), (one.base, twin.base)):
            assert (mine is None and its is None) or torch.equal(mine, its)


@pytest.mark.parametrize("rule", ["block_causal", "isolated"])
@pytest.mark.parametrize("context", ["prompt", "empty", "none"])
@pytest.mark.parametrize("scheme", SCHEMES)
@torch.no_grad()
def test_with_memory_a_late_turn_says_what_its_whole_row_says(scheme: str, context: str, rule: str) -> None:
    wan = knowing(scheme, rule, context_words=context)
    _, questions = asked(Line.begin(picture(999), wan.card), ["picture", "here", "there", "picture", "picture"])
    rows = [question.row for question in questions]
    on = [wan.prepare(row).velocity(latents(5), 0.7) for row in rows]  # each finds what the one before remembered
    off = [wan.prepare(row, memory=False).velocity(latents(5), 0.7) for row in rows]
    assert all(one.std() > 0.1 for one in off)
    for one, other in zip(on, off):
        torch.testing.assert_close(one, other, atol=4e-6, rtol=0)


@torch.no_grad()
def played(wan: WanDenoiser, turns: int, guidance: float) -> list[list[int]]:
    """Of each turn, how many tokens every call carried through the first block."""
    calls = list[int]()
    key = wan.experts[0].transformer.blocks[0].attn1.to_k
    held = key.register_forward_pre_hook(lambda _, given: calls.append(given[0].shape[1]))
    solve, line, base, told = Solver(wan, wan.card, walk(guidance), Dense()), None, picture(999), []
    line = Line.begin(base, wan.card)
    for n in range(turns):
        calls.clear()
        question = line.ask(words(n), "picture", base.full)
        base = Seen(solve(question.row, words(50, 3), solve.noise(base.full), silent), None)
        line = question.answered(base)
        told.append(list(calls))
    held.remove()
    return told


@pytest.mark.parametrize("context", ["prompt", "none"])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_turn_computes_its_own_new_segments_and_nothing_before_them(guidance: float, context: str) -> None:
    """What is new in turn n is the answer of turn n - 1, once, and the target at every step."""
    told = played(knowing(context_words=context), 4, guidance)
    branches = 1 if guidance == 1 else 2
    anew = branches if context == "prompt" else 1  # the source hears the first turn's words, or the empty prompt
    assert sorted(told[0]) == sorted([TOKENS] * (anew + branches * STEPS))
    for turn in told[1:]:
        assert turn == [TOKENS] * (1 + branches * STEPS)


@torch.no_grad()
def test_a_later_answer_leaves_earlier_outputs_as_they_are_to_the_bit() -> None:
    def outputs(changed: int, rule: str) -> list[Tensor]:
        wan = knowing(rule=rule)
        line, questions = Line.begin(picture(999), wan.card), list[Question]()
        for n, task in enumerate(("here", "picture", "there", "picture")):
            questions.append(line.ask(words(n), task, None))
            line = questions[-1].answered(picture(n + 50 * (n == changed)))
        row = wan.prepare(Sequence((*line.segments, *(q.target for q in questions))), memory=False)
        return row.outputs([latents(80 + n) for n in range(4)], [torch.tensor([0.2 + 0.2 * n]) for n in range(4)])

    for rule in ("block_causal", "isolated"):
        plain = outputs(-1, rule)
        for n in range(4):
            other = outputs(n, rule)
            assert all(torch.equal(a, b) for a, b in zip(plain[: n + 1], other[: n + 1]))
            assert not any(torch.equal(a, b) for a, b in zip(plain[n + 1 :], other[n + 1 :]))


@pytest.mark.parametrize("scheme", SCHEMES)
@torch.no_grad()
def test_swapping_two_references_changes_what_is_said(scheme: str) -> None:
    def velocity(order: tuple[int, int], offsets: dict) -> Tensor:
        wan = knowing(scheme, offsets=offsets)
        pictures = tuple(latents(300 + n, frames=1) for n in order)
        row = Line.begin(picture(999), wan.card).ask(words(0), "picture", latents(999), pictures).row
        return wan.prepare(row).velocity(latents(5), 0.7)

    assert (velocity((1, 2), OFFSETS) - velocity((2, 1), OFFSETS)).abs().max() > 1e-3
    torch.testing.assert_close(velocity((1, 2), {}), velocity((2, 1), {}), atol=2e-6, rtol=0)  # which is why


def test_a_picture_that_is_not_shown_still_moves_the_line_on() -> None:
    card = knowing("text_then_image").card
    line, questions = asked(Line.begin(picture(999), card), ["picture", "picture"], lambda n: n == 1)
    assert [s.beat for s in line.segments if s.kind == "answer"] == [3]
    assert origin(questions[1].target.positions) == (4, 0, 0) and line.predictions == 2


def test_what_a_model_was_not_taught_is_one_sentence() -> None:
    with pytest.raises(Unsupported, match="not trained on several turns"):
        Line.begin(picture(0), Card(name="single"))
    line = Line.begin(picture(0), Card(kinds=("text", "source", "answer", "target"), turns="edited"))
    with pytest.raises(Unsupported, match="not trained on masks"):
        line.ask(words(0), "here")
    with pytest.raises(BadInput, match="change of nothing"):
        Line.begin(picture(0), knowing().card).ask(words(0), "here", latents(0))
    wan = denoiser(rule="full", turns="edited")
    line, questions = asked(Line.begin(picture(0), wan.card), ["picture", "picture"])
    every = Sequence((*line.segments, *(q.target for q in questions)))
    with pytest.raises(Unsupported, match="later answers"):
        wan.prepare(every, memory=False)
