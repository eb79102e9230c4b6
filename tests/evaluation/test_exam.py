"""The exam asks the same of everyone, its figures mean what they say, and its judge can be read back."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from refrain.data.example import draw_edit
from refrain.errors import BadWeights
from refrain.evaluation.effects import exam
from refrain.evaluation.effects.recogniser import FRAMES, SIDE, Net, Recogniser, pairs_of
from refrain.evaluation.effects.scores import flicker, overlap, strength
from refrain.evaluation.effects.sit import Answer, mean_of, report, wilson


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exam, "SIZES", ((48, 64),))
    monkeypatch.setattr(exam, "LENGTH", 5)


def test_a_case_is_always_the_same_and_others_are_others() -> None:
    one, again, other = exam.problem("rings", 0), exam.problem("rings", 0), exam.problem("rings", 1)
    assert np.array_equal(one.example.target, again.example.target)
    assert one.example.instruction == again.example.instruction
    assert not np.array_equal(one.shot.frames, other.shot.frames)
    assert exam.digest([one]) == exam.digest([again]) != exam.digest([other])


def test_the_digest_hears_words_and_colours_and_not_how_a_pixel_is_rounded() -> None:
    one = exam.problem("rings", 0)
    named = exam.digest([one])

    def asked(**changed: object) -> str:
        return exam.digest([replace(one, example=replace(one.example, **changed))])

    true = one.example.target
    rounded = true.copy()
    rounded[:, ::9, ::9, 1] ^= 1
    assert asked(target=rounded) == named
    darker, fewer = asked(target=true // 2), asked(target=true[:-1])
    assert len({named, darker, fewer, asked(instruction=f"{one.example.instruction} now")}) == 4


def test_every_case_has_a_subject_and_a_scene_that_no_recipe_draws() -> None:
    for one in exam.problems(1, ["snow", "rings", "ball"]):
        assert one.shot.subject is not None and one.shot.behind is not None
        assert one.shot.subject[0].mean() > 0.02
    assert exam.SCENES > 100_000


def test_the_short_exam_asks_the_same_of_fewer_and_smaller_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exam, "SHORT_LENGTH", 3)
    monkeypatch.setattr(exam, "SHORT_SIDE", 32)
    (whole,), (short,) = exam.problems(1, ["rings"]), exam.problems(1, ["rings"], short=True)
    assert short.number == whole.number and short.example.instruction == whole.example.instruction
    shot, made = short.shot, short.example
    assert shot.subject is not None and shot.behind is not None
    assert shot.frames.shape == made.target.shape == shot.behind.shape == (3, 32, 32, 3)
    assert shot.subject.shape == made.matte.shape == (3, 32, 32)
    assert np.allclose(made.matte.mean((1, 2)), whole.example.matte[:3].mean((1, 2)), atol=0.02)
    assert exam.digest([short]) != exam.digest([whole])


def test_scores_of_a_perfect_answer_and_of_none() -> None:
    problem = exam.problem("snow", 0)
    source, target, matte = problem.shot.frames, problem.example.target, problem.example.matte
    assert strength(source, target, target, matte) == 1 and strength(source, source, target, matte) == 0
    assert overlap(matte, matte) == 1 and overlap(np.zeros_like(matte), matte) == 0
    assert flicker(source, source) == 0 < flicker(source, target)


def test_wilson_interval_is_the_published_one() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 20)[0] == 0 and wilson(20, 20)[1] == 1 and math.isnan(wilson(0, 0)[0])


def test_means_leave_out_what_is_no_number() -> None:
    mean, half, n = mean_of([1.0, 3.0, math.nan, math.inf])
    assert (mean, n) == (2.0, 2) and half == pytest.approx(1.96 * math.sqrt(2) / math.sqrt(2))


def test_a_report_counts_what_was_recognised() -> None:
    def made(effect: str, named: str, strong: float) -> Answer:
        return Answer(1, effect, "", named, 0.5, 30.0, 31.0, 1.0, True, 0.6, strong, 1.0)

    told = report([made("snow", "snow", 0.9), made("snow", "rain", 0.02), made("fog", "fog", 0.5)])
    assert "| snow | 2 | 0.50 | rain |" in told and "| fog | 1 | 1.00 |" in told
    assert "recognised 2 of 3" in told and "no-op 1 of 3" in told and "3 of 3" in told


def test_the_judge_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge = Recogniser(Net(3, width=8).eval(), ("fog", "rain", "snow"))
    case = draw_edit(1, exam.problem("snow", 0).shot, "snow")
    assert pairs_of(case.source, case.target).shape == (FRAMES, 12, SIDE, SIDE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("refrain.evaluation.effects.recogniser.Net", lambda classes: Net(classes, width=8))
        judge.save(tmp_path / "judge.safetensors")
        again = Recogniser.load(tmp_path / "judge.safetensors")
    here, there = judge.chances(case.source, case.target), again.chances(case.source, case.target)
    assert sum(here.values()) == pytest.approx(1) and here == pytest.approx(there, abs=5e-3)
    assert judge.name(case.source, case.target) == max(here, key=lambda name: here[name])


def test_a_judge_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="recipes/recogniser"):
        Recogniser.load(tmp_path / "none.safetensors")
