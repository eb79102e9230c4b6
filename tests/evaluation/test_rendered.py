"""The questions of the exam are a benchmark: true answers are perfect, and a source returned is seen as such."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from refrain.errors import BadInput
from refrain.evaluation.benchmarks import rendered
from refrain.evaluation.effects import exam, written
from refrain.evaluation.frames import levels, read_clip
from refrain.evaluation.run import score_folder, summary
from refrain.evaluation.scorers import change, effect, pixels
from refrain.evaluation.scorers.scorer import Material, score

BY = (pixels.TARGET, pixels.BACKGROUND, change.MATTE, change.IDLE, effect.NAMED)


@pytest.fixture(scope="module")
def problems() -> Iterator[list[exam.Problem]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exam, "SIZES", ((48, 64),))
        patch.setattr(exam, "LENGTH", 5)
        yield list(exam.problems(1, ["rings", "fire"]))


@pytest.fixture(scope="module")
def folder(problems: list[exam.Problem], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("exam") / "rendered"
    written.write(problems, home)
    return home


def scores(folder: Path, outputs: str) -> dict[str, float]:
    """The mean of each scorer, all mattes being the editor's own."""
    cases = rendered.read(folder)
    made = folder.parent / "mattes"
    made.mkdir(exist_ok=True)
    for case in cases:
        if not (made / f"{case.id}.mp4").exists():
            (made / f"{case.id}.mp4").symlink_to(case.masks[0])
    found = list(score_folder(rendered.BENCHMARK, cases, folder / outputs, BY, mattes=made))
    return {one.id.partition("/")[0]: summary(found, one.id)["all"].mean for one in BY}


def test_what_is_written_is_the_exam(problems: list[exam.Problem], folder: Path) -> None:
    cases = rendered.read(folder)
    assert [case.category for case in cases] == ["rings", "fire"] and not any(case.absent for case in cases)
    assert {case.extra["digest"] for case in cases} == {exam.digest(problems)}
    for one, case in zip(problems, cases):
        assert case.instructions == (one.example.instruction,) and case.source is not None
        for path, wanted in ((case.source, one.shot.frames), (case.truth[0], one.example.target)):
            apart = np.abs(levels(read_clip(path)).astype(int) - wanted)
            assert apart.max() <= 3, "but for what YCbCr of 8 bits cannot say"


def test_true_answers_are_perfect_and_sources_returned_are_seen_as_such(folder: Path) -> None:
    best, idle = scores(folder, "truth"), scores(folder, "source")
    assert best["psnr.target"] == best["psnr.background"] == idle["psnr.background"] == pixels.CAP
    assert best["iou.matte"] == 1 and (best["noop"], idle["noop"]) == (0, 1)
    assert idle["psnr.target"] < 40 and best["effect.named"] >= idle["effect.named"] == 0


def test_a_matte_says_how_far_and_hides_nothing(problems: list[exam.Problem], folder: Path) -> None:
    true = problems[1].example.matte
    case = rendered.read(folder)[1]
    held = levels(read_clip(case.masks[0]))[..., 0]
    assert ((held == 0) == (true == 0)).all(), "what is edited at all is no background"
    assert np.abs(held / 255 - true).max() <= 1 / 255 and ((held > 0) & (held < 255)).mean() > 0.05


def test_an_effect_is_named_only_where_one_was_asked_for(problems: list[exam.Problem], folder: Path) -> None:
    one, (_, case) = problems[1], rendered.read(folder)
    bare = score(effect.NAMED, Material(one.shot.frames, one.example.target))
    assert math.isnan(bare.value) and bare.reason == "the case has no effect"
    named = score(effect.NAMED, Material(one.shot.frames, one.example.target, case=case))
    assert named.value in (0, 1)
    case.extra["effect"] = "dragon"  # pyright: ignore[reportIndexIssue]
    other = score(effect.NAMED, Material(one.shot.frames, one.example.target, case=case))
    assert other.reason == "the classifier does not know the effect dragon"


def test_two_exams_are_not_mixed(problems: list[exam.Problem], folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not empty"):
        written.write(problems, folder)
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="not empty"):
        written.write(problems, tmp_path / "file")
    with pytest.raises(BadInput, match="questions.jsonl or the folder that holds it"):
        rendered.read(tmp_path)
