"""Compositions and stories: the truth passes, the source does not, and what cannot be asked is told."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cli.conftest import Run
from refrain.editing.editor import Editor
from refrain.errors import Unsupported
from refrain.evaluation.sessions import parts as exam

SIZE = (64, 64)


def test_the_truth_of_every_part_passes_and_the_source_does_not() -> None:
    for seed, one in exam.compositions(3, SIZE):
        assert exam.sit_composition(lambda asked: asked.frames, seed, one).right
        assert not exam.sit_composition(lambda asked: asked.source, seed, one).right
    for story in exam.stories(3, SIZE):
        went, stood = exam.sit_story(true, true, story), exam.sit_story(first, last, story)
        assert all((*went.right, *went.after, *went.moved)), story.seed
        assert not any((*stood.right, *stood.after)), "standing still is no story"


def true(story: exam.Story, step: int) -> np.ndarray:
    return story.frames[step : step + 1]


def last(story: exam.Story, step: int) -> np.ndarray:
    return story.frames[step - 1 : step]


def first(story: exam.Story, step: int) -> np.ndarray:
    return story.frames[:1]


def test_a_blur_goes_on_and_does_not_move_on() -> None:
    for story in exam.stories(3, SIZE):
        dim = exam.sit_story(blurred, blurred, story)
        assert all(dim.after) and min(dim.after_ways) > 0 and dim.moved == (False, False), story.seed


def blurred(story: exam.Story, step: int) -> np.ndarray:
    return cv2.GaussianBlur(story.frames[step - 1], (0, 0), 1.5)[None]


def test_a_way_back_does_not_go_on() -> None:
    story = next(exam.stories(1, SIZE))
    back = exam.sit_story(lambda told, step: told.frames[max(step - 2, 0)][None], true, story)
    assert back.right[1:] == (False, False) and back.after == (True, True), "each is asked by itself"


def test_parts_are_always_the_same() -> None:
    one, other = (exam.digest(story.frames for story in exam.stories(2, (48, 48))) for _ in range(2))
    assert one == other != exam.digest(story.frames for story in exam.stories(3, (48, 48)))


def test_what_a_model_cannot_is_refused_and_counts_as_wrong() -> None:
    def refuses(*_: object) -> np.ndarray:
        raise Unsupported("it has no references.")

    seed, asked = next(exam.compositions(1, SIZE))
    composed = exam.sit_composition(refuses, seed, asked)
    told = exam.sit_story(refuses, refuses, next(exam.stories(1, SIZE)))
    assert not composed.right and told.right == (False, False, False) and told.after == (False, False)
    table = exam.report([composed], [told])
    assert "| composition: composed | 1 | 0.000 | 0.000 to 0.793 | – | – | (refused) |" in table
    assert "| story: frame 3 goes on | 1 | 0.000 |" in table and "| story: frame 2, after the true ones | 1 |" in table
    assert "refused: it has no references." in table
    assert exam.report([], []) == ""


def test_parts_are_asked_kept_and_gone_on_with(out: Path, run: Run) -> None:
    asked = ("evaluate", "sessions", "--truth", "--each", 0, "--compositions", 2, "--stories", 1, "--size", 64)
    ran = run(*asked, "-o", out / "run.jsonl")
    assert ran.status == 0 and "| composition: composed | 2 | 1.000 | 0.342 to 1.000 |" in ran.out, ran.err
    assert "| story: frame 1 goes on | 1 | 1.000 |" in ran.out and "2 compositions " in ran.out
    before = (out / "run.jsonl").read_text()
    parts = [sorted(json.loads(line)) for line in before.splitlines()]
    assert parts == [["cause", "composition"]] * 2 + [["cause", "story"]]
    again = run(*asked, "-o", out / "run.jsonl")
    assert again.out == ran.out and (out / "run.jsonl").read_text() == before, "nothing is asked twice"
    other = run(*asked[:2], "--source", *asked[3:], "-o", out / "run.jsonl")
    assert other.status == 2 and "of another model" in other.err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--each", 0), "Nothing is asked"),
        (("--each", 1, "--stories", -1), "counts 0 or more"),
        (("--alone", "--stories", 1), "leave out --alone"),
        (("--within",), "give --chain too"),
        (("--practice", -1), "practice sessions 0 to 9,999,999"),
        (("--practice", 9_999_999, "--each", 2), "practice sessions 0 to 9,999,999"),
        (("--practice", 0, "--stories", 1), "leave out --compositions and --stories"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(run: Run, more: tuple[object, ...], told: str) -> None:
    ran = run("evaluate", "sessions", *more)
    assert ran.status == 2 and told in ran.err and len(ran.err.strip().splitlines()) == 1


def test_practice_is_of_other_sessions_than_the_exam(out: Path, run: Run) -> None:
    asked = ("evaluate", "sessions", "--truth", "--each", 2, "--turns", 1, "--size", 64, "-o", out / "run.jsonl")
    ran = run(*asked, "--practice", 500)
    assert ran.status == 0 and ran.out.startswith("practice 1 from 500, 2 sessions of 1 turns"), ran.err
    seeds = [json.loads(line)["seed"] for line in (out / "run.jsonl").read_text().splitlines()]
    assert seeds == [890_000_500, 890_000_501], "far above what is learnt from, and below the exam"
    exam_itself = run(*asked)
    assert exam_itself.status == 2 and "another model, exam or setting" in exam_itself.err


@pytest.mark.slow  # a model is loaded
def test_a_model_without_parts_says_so(model: Path, run: Run) -> None:
    ran = run("evaluate", "sessions", "--model", model, "--each", 0, "--compositions", 1, "--stories", 1, "--size", 64)
    assert ran.status == 0 and "refused: " in ran.out and "| composition: composed | 1 | 0.000 |" in ran.out


@pytest.mark.slow  # a model is loaded
def test_a_story_after_its_true_frames_sees_all_of_them(tmp_path: Path) -> None:
    editor = Editor.from_pretrained("embedded-sessions")
    story = next(exam.stories(1, SIZE))
    other = replace(story, frames=np.concatenate([story.frames[2:3], story.frames[1:]]))
    found = list[np.ndarray]()
    for name, asked in (("one", story), ("same", story), ("other", other)):
        (tmp_path / name).mkdir()
        found.append(exam.told_after(editor, tmp_path / name, {"seed": 1})(asked, 2))
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any(), "where the camera came from is seen"
