"""The judge of sessions lets true answers pass and no others; the exam asks the same of everyone."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import refrain.models.embedded as embedded
from refrain.data.sessions import RenderedTurn, draw_composition, draw_session
from refrain.data.sessions.graph import CELLS, COLOURS, GROUNDS, LOOKS, SHAPES, SIZES
from refrain.data.sessions.render import render
from refrain.data.sessions.turns import KINDS, GraphEdit, applied
from refrain.errors import BadInput, Unsupported
from refrain.evaluation.sessions import exam, parts
from refrain.evaluation.sessions.judge import continues, judge, judge_composition, way
from refrain.models.embedded.codec import LinearCodec

SIZE = (96, 96)
FIRST = 700_000  # of the sessions on which the judge is tested; the exam has others


def codec() -> LinearCodec:
    return LinearCodec.from_pretrained(Path(next(iter(embedded.__path__))) / "weights" / "vae")


def through(frames: np.ndarray, by: LinearCodec) -> np.ndarray:
    """Frames uint8 [T, Y, X, 3] through a codec and back."""
    given = torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float() / 127.5 - 1
    with torch.no_grad():
        back = by.decode(by.encode(given))[0]
    return ((back.permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255).byte().numpy()


def mistakes(rng: np.random.Generator, one: RenderedTurn) -> Iterator[GraphEdit]:
    """Turns like the one that was asked, with another value or of another object."""
    turn, graph = one.turn, one.before.graph
    values = {
        "recolour": tuple(COLOURS), "resize": tuple(SIZES), "move": graph.free, "background": tuple(GROUNDS),
        "restyle": LOOKS,
    }.get(turn.kind, ())  # fmt: skip
    kept = graph.thing(turn.thing) if turn.kind in ("recolour", "resize", "move", "remove") else None
    now = {"recolour": kept and kept.colour, "resize": kept and kept.size, "restyle": graph.look}.get(turn.kind)
    others = [value for value in values if value not in (turn.value, now)]
    if others:
        yield replace(turn, value=str(rng.choice(others)))
    if kept is not None:
        name = {"recolour": "colour", "resize": "size"}.get(turn.kind, "key")
        wrong = [t for t in graph.things if t.key != turn.thing and getattr(t, name) != turn.value]
        if wrong:
            yield replace(turn, thing=wrong[int(rng.integers(len(wrong)))].key)
    if turn.added is not None:
        yield replace(
            turn, added=replace(turn.added, shape=str(rng.choice([s for s in SHAPES if s != turn.added.shape])))
        )
        yield replace(
            turn, added=replace(turn.added, colour=str(rng.choice([c for c in COLOURS if c != turn.added.colour])))
        )
        cells = [CELLS[cell] for cell in graph.free if cell != turn.value]
        if cells:
            x, y = cells[int(rng.integers(len(cells)))]
            yield replace(turn, added=replace(turn.added, x=x, y=y))


def rates(count: int, size: tuple[int, int] = SIZE, length: int = 1) -> dict[str, tuple[int, int]]:
    """Sort of answer -> how many of them passed, and of how many."""
    found: dict[str, list[bool]] = {}
    by = codec()
    for seed in range(FIRST, FIRST + count):
        session, rng = draw_session(seed, 5, size, length), np.random.default_rng(seed)
        for n, one in enumerate(session.turns):
            was = one.before.frames
            noisy = np.stack([cv2.GaussianBlur(frame, (0, 0), 0.8) for frame in one.frames])
            noisy = np.clip(noisy + rng.normal(0, 8, noisy.shape), 0, 255).round().astype(np.uint8)  # 30 dB
            answers = [
                ("true", one.frames), ("codec", through(one.frames, by)), ("noisy", noisy),
                ("unchanged", was), ("unchanged codec", through(was, by)),
            ]  # fmt: skip
            other = session.turns[(n + 2) % 5].after
            if other.graph != one.after.graph:  # a look that was taken back leaves the true answer
                answers.append(("another turn", other.frames))
            wrong = [render(applied(one.before.graph, turn), size, range(length)).frames for turn in mistakes(rng, one)]
            for sort, frames in (*answers, *(("wrong", through(frames, by)) for frames in wrong)):
                found.setdefault(sort, []).append(judge(frames, was, one).right)
    return {sort: (sum(passed), len(passed)) for sort, passed in found.items()}


@pytest.mark.slow
def test_true_answers_pass_and_no_others() -> None:
    found = rates(3)
    for sort, (passed, of) in found.items():
        assert passed == (of if sort in ("true", "codec") else 0) or sort == "noisy", (sort, passed, of)


@pytest.mark.parametrize("seed", [FIRST, FIRST + 1])
def test_the_truth_passes_and_the_source_does_not(seed: int) -> None:
    by = codec()
    for one in draw_session(seed, 3, SIZE).turns:
        assert judge(through(one.frames, by), one.before.frames, one).right
        assert judge(one.before.frames, one.before.frames, one).seen_as == "unchanged"


def test_clips_are_judged_by_all_their_frames() -> None:
    for one in draw_session(FIRST, 3, (64, 64), 5).turns:
        assert judge(one.frames, one.before.frames, one).right
        late = np.concatenate([one.frames[:2], one.before.frames[2:]])
        assert not judge(late, one.before.frames, one).right


@pytest.mark.slow
def test_the_judge_errs_in_one_of_a_hundred_at_most() -> None:
    for sort, (passed, of) in rates(25).items():
        share = passed / of
        assert share >= 0.99 if sort in ("true", "codec", "noisy") else share <= 0.01, (sort, passed, of)


def test_something_more_than_was_asked_fails() -> None:
    """The right edit, and another one of another object beside it."""
    for seed in range(FIRST, FIRST + 4):
        first, second = draw_session(seed, 2, SIZE).turns
        if first.turn.thing != second.turn.thing and "restyle" not in (first.kind, second.kind):
            verdict = judge(second.frames, first.before.frames, first)
            assert not verdict.right


def test_a_composition_with_its_references_swapped_fails() -> None:
    by = codec()
    for seed in range(4):
        one = draw_composition(seed, SIZE)
        assert judge_composition(through(one.frames, by), one).right
        assert judge_composition(one.swapped, one).seen_as == "swapped"
        assert not judge_composition(one.source, one).done


def test_a_story_goes_on_where_it_comes_nearer_than_standing_still() -> None:
    frames = draw_session(3, 0, (64, 64), 13).frames
    assert continues(frames[12:], frames[4:5], frames[12:])
    assert not continues(frames[4:5], frames[4:5], frames[12:])


def test_other_frames_than_the_session_has_are_refused() -> None:
    one = draw_session(1, 1, (64, 64)).turns[0]
    with pytest.raises(BadInput, match="64, 64"):
        judge(np.zeros((1, 32, 32, 3), np.uint8), one.before.frames, one)


def test_the_exam_is_always_the_same_and_none_that_trains_draws_it() -> None:
    one, other = (exam.digest(exam.sessions(2, 2, (48, 48))) for _ in range(2))
    assert one == other != exam.digest(exam.sessions(2, 3, (48, 48)))
    assert [s.seed for s in exam.sessions(2, 1)] == [exam.FIRST, exam.FIRST + 1]
    assert exam.FIRST > FIRST


def test_the_digest_hears_words_and_colours_and_not_how_a_pixel_is_rounded() -> None:
    session = draw_session(exam.FIRST, 1, (48, 48))
    turn = session.turns[0]

    def asked(words: str, frames: np.ndarray) -> str:
        turned = replace(turn, instruction=words, after=replace(turn.after))
        turned.after.__dict__["rendered"] = replace(turn.after.rendered, frames=frames)  # in place of what is drawn
        return exam.digest([replace(session, turns=(turned,))])

    said, frames = turn.instruction, turn.frames
    rounded = frames.copy()
    rounded[0, ::9, ::9, 1] ^= 1
    assert asked(said, frames) == asked(said, rounded) == exam.digest([session])
    assert len({asked(said, frames), asked(f"{said} now", frames), asked(said, frames // 2)}) == 3


def test_truth_reaches_the_end_and_the_source_ends_at_once() -> None:
    session = next(exam.sessions(1, 4, SIZE))
    best, worst = exam.sit(exam.truth, session), exam.sit(exam.unchanged, session)
    assert [one.right for one in best] == [True] * 4 and exam.reached(best, 4)
    assert all(one.now == one.then == one.way == 1 for one in best) and worst[0].way == 0
    assert len(worst) == 1 and worst[0].seen_as == "unchanged" and not exam.reached(worst, 1)
    told = exam.report([best, worst], 4)
    assert "| 4 | 2 | 0.500 |" in told and {"unchanged"} <= set(told.replace("|", " ").split())


@pytest.mark.parametrize("length", [1, 5])
def test_the_truth_goes_all_the_way_the_picture_before_none_and_what_lies_elsewhere_does_not_count(length: int) -> None:
    for one in draw_session(FIRST, 4, (48, 48), length).turns:
        truth, before, where = one.frames, one.before.frames, one.changed
        assert way(truth, truth, before, where) == 1 and way(before, truth, before, where) == 0
        half = ((truth.astype(np.float32) + before) / 2).astype(np.uint8)
        assert way(half, truth, before, where) == pytest.approx(0.75, abs=0.02)
        elsewhere = np.where(where[..., None], truth, 255 - truth)
        assert way(elsewhere, truth, before, where) == 1
        assert way(2 * before.astype(np.float32) - truth, truth, before, where) < -2, "it went the other way"
        assert math.isnan(way(truth, truth, before, np.zeros_like(where)))


def test_ways_are_told_by_turn_and_kind_with_intervals_that_draw_sessions() -> None:
    def line(*ways: float) -> list[exam.Judged]:
        return [exam.Judged(n, f"k{n}", "", False, True, "unchanged", way=gone) for n, gone in enumerate(ways, 1)]

    told = exam.report([line(0.5, -8.0), line(0.7, 0.2), line(0.6, math.nan)], 3).splitlines()
    assert "| 1 | 3 | 0.000 | 0.000 to 0.562 | 3 | 0.600 | " in told[2]
    assert "| 3 | -0.400 | " in told[3], "a ruined picture counts as -1, and one that could not be measured not at all"
    assert "| 0 | – | – | – | – | – | – |" in told[4]
    assert "| k1 | 3 | 0.00 | 0.00 | 1.00 | 0.600 | " in told[8] and told[10].startswith("| all | 6 | ")
    same = [line(value, value, value, value) for value in (0.0, 1.0)]  # four turns of a session are no four sessions
    four, one = (exam.way_told([t.way for s in some for t in s], [str(n) for n, s in enumerate(some) for _ in s])
                 for some in (same, [s[:1] for s in same]))  # fmt: skip
    assert four == one
    assert exam.way_told([0.5], ["a"]) == "0.500 | –" and exam.way_told([], []) == "– | –"


def test_compositions_and_stories_are_told_by_how_far_they_went() -> None:
    seed, one = next(parts.compositions(1, SIZE))
    right, wrong = (parts.sit_composition(lambda _, x=x: x, seed, one) for x in (one.frames, one.source))
    assert (right.right, right.way) == (True, 1) and (wrong.right, wrong.way) == (False, 0)
    story = next(parts.stories(1, (48, 48)))
    true, last = (lambda story, step, back=back: story.frames[step - back : step - back + 1] for back in (0, 1))
    went, stood = parts.sit_story(true, last, story), parts.sit_story(last, true, story)
    assert went.ways == (1.0,) * 3 and stood.ways == (0.0,) * 3 and not any(stood.right)
    assert went.after_ways == (0.0,) * 2 and stood.after_ways == (1.0,) * 2 and all(stood.after)
    assert went.flow_ways == stood.flow_ways and went.flow_moved == stood.flow_moved, "flow asks no model"
    told = parts.report([right, wrong], [went, stood])
    assert "| composition: composed | 2 | 0.500 | 0.095 to 0.905 | 0.500 | " in told
    assert "| story: frame 3 goes on | 2 | 0.500 | 0.095 to 0.905 | 0.500 | " in told


def test_flow_alone_follows_a_camera() -> None:
    stories = list(parts.stories(6, (96, 96)))
    told = [parts.sit_story(parts.by_flow, parts.by_flow, story) for story in stories]
    for one in told:
        assert one.moved == one.flow_moved and one.after_ways == one.flow_ways
        assert one.ways[0] == 0, "no single picture tells which way a camera goes"
    assert sum(sum(one.moved) for one in told) >= 8, "of twelve"
    assert "| story: frame 2, the same by flow alone | 6 | " in parts.report([], told)


def test_success_never_grows_with_the_turns() -> None:
    right = exam.Judged(1, "add", "", True, True, "done")
    line = [right, replace(right, turn=2, kept=False), replace(right, turn=3)]
    assert [exam.reached(line, n) for n in (1, 2, 3, 4)] == [True, False, False, False]


def test_a_refusal_is_a_failure_with_its_reason() -> None:
    session = next(exam.sessions(1, 2, (48, 48)))

    def begin(_: object) -> exam.Ask:
        def ask(turn: RenderedTurn) -> exam.Reply:
            raise Unsupported("This model knows no sessions.")

        return ask

    (one,) = exam.sit(begin, session)
    assert not one.right and one.refused == "This model knows no sessions." and math.isnan(one.rest)
    assert "refused: This model" in exam.report([[one]], 2)


def test_overlap_is_that_of_masks_cut_at_one_half() -> None:
    one = np.zeros((1, 4, 4))
    one[0, :2] = 0.9
    other = np.zeros((1, 4, 4))
    other[0, 1:3] = 0.6
    assert exam.overlap(one, other) == pytest.approx(1 / 3)
    assert exam.overlap(one * 0, other * 0) == 1 and math.isnan(exam.overlap(None, other))


def test_a_clip_of_a_session_has_its_own_colours() -> None:
    for length in (1, 5):
        session = draw_session(2, 0, (32, 48), length)
        clip = exam.clip_of(session)
        assert clip.still == (length == 1) and len(clip) == length
        assert np.array_equal(exam.as_bytes(clip.frames), session.frames)


def test_all_kinds_of_turn_are_asked() -> None:
    assert {turn.kind for one in exam.sessions(2, 7, (32, 32)) for turn in one.turns} == set(KINDS)
