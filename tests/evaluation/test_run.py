"""A folder of outputs is scored whole: what is missing or broken has its place, and no system gains by it."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from refrain.errors import BadInput
from refrain.evaluation.benchmarks import imgedit, magicbrush
from refrain.evaluation.frames import write_matte
from refrain.evaluation.run import Result, compare, score_folder, summary
from refrain.evaluation.scorers import change, form, pixels
from refrain.media import Clip

SCORERS = (pixels.SOURCE, pixels.TARGET, form.SIZE)


def picture(path: Path, level: float, size: tuple[int, int] = (16, 24)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Clip.of(torch.full((1, 3, *size), level), 25).write(path)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    tmp_path = tmp_path_factory.mktemp("outputs")
    said = {f"{n}": {"id": f"{n % 2}.png", "prompt": "x", "edit_type": "add" if n < 3 else "style"} for n in range(6)}
    (tmp_path / "basic.json").write_text(json.dumps(said))
    for n in range(2):
        picture(tmp_path / f"{n}.png", 0.0)
    out = tmp_path / "out"
    for n in range(3):
        picture(out / f"{n}.png", 0.1 * n)
    (out / "3.png").write_bytes(b"no picture")
    picture(out / "4.png", 0.5, (16, 16))
    return list(score_folder(imgedit.BENCHMARK, imgedit.read(tmp_path / "basic.json"), out, SCORERS))


def test_every_case_has_its_place_and_failures_their_reasons(results: list[Result]) -> None:
    assert [r.case for r in results[:: len(SCORERS)]] == list("012345")
    reasons = {(r.case, r.score.scorer): r.score.reason for r in results}
    assert reasons["0", pixels.SOURCE.id] is None and reasons["0", pixels.TARGET.id] == "the case has no target"
    assert "3.png" in str(reasons["3", pixels.SOURCE.id]) and "16x16" in str(reasons["4", pixels.SOURCE.id])
    assert reasons["5", form.SIZE.id] == "the answer 5.png is not there" and reasons["4", form.SIZE.id] is None
    assert all(math.isnan(r.score.value) == (r.score.reason is not None) for r in results)


def test_a_summary_counts_what_could_not_be_scored(results: list[Result]) -> None:
    found = summary(results, pixels.SOURCE.id)
    assert (found["add"].n, found["add"].unscored, found["add"].sources) == (3, 0, 2)
    assert (found["style"].n, found["style"].unscored) == (0, 3) and found["all"].unscored == 3
    with pytest.raises(BadInput, match="There is no score of lpips"):
        summary(results, "lpips")


def test_systems_are_compared_on_the_same_cases_only(results: list[Result]) -> None:
    same = compare(results, results, pixels.SOURCE.id)
    assert same.estimate.mean == 0 and same.p == 1 and same.estimate.n == 3
    with pytest.raises(BadInput, match="different cases"):
        compare(results, results[len(SCORERS) :], pixels.SOURCE.id)


def test_turns_have_their_own_truth(tmp_path: Path) -> None:
    turns = [
        {"input": "7-input.png", "output": "7-output1.png", "instruction": "a"},
        {"input": "7-output1.png", "output": "7-output2.png", "instruction": "b"},
    ]
    (tmp_path / "edit_sessions.json").write_text(json.dumps({"7": turns}))
    for name, level in (("input", -0.5), ("output1", 0.0), ("output2", 0.5)):
        picture(tmp_path / "images" / "7" / f"7-{name}.png", level)
    for name, level in (("7_1", 0.0), ("7_iter_2", 0.0)):
        picture(tmp_path / "out" / "7" / f"{name}.png", level)
    cases = magicbrush.read(tmp_path)
    found = [r.score.value for r in score_folder(magicbrush.BENCHMARK, cases, tmp_path / "out", (pixels.TARGET,))]
    assert found[0] > 45 > 20 > found[1]
    with pytest.raises(BadInput, match="no folder"):
        next(score_folder(magicbrush.BENCHMARK, cases, tmp_path / "none", SCORERS))


BRUSH = (pixels.BACKGROUND, change.MATTE, change.PLACE)


def brush(home: Path, masks: list[np.ndarray]) -> dict[tuple[str, int], float | str | None]:
    """MagicBrush's form, two turns of grey pictures of 16x24: the first turn brightens the left third, the second the
    right one. Every figure of `BRUSH`, or why there is none.
    """
    turns = [{"input": f"{n}.png", "mask": f"m{n}.png", "output": f"{n + 1}.png", "instruction": "x"} for n in range(2)]
    (home / "edit_sessions.json").write_text(json.dumps({"7": turns}))
    shown = [np.full((16, 24, 3), 90, np.uint8) for _ in range(3)]
    shown[1][:, :8] = shown[2][:, :8] = 160
    shown[2][:, 16:] = 160
    (home / "images" / "7").mkdir(parents=True, exist_ok=True)
    (home / "out" / "7").mkdir(parents=True, exist_ok=True)
    for n, one in enumerate(shown):
        cv2.imwrite(str(home / "images" / "7" / f"{n}.png"), one)
    for n, one in enumerate(masks):
        cv2.imwrite(str(home / "images" / "7" / f"m{n}.png"), one)
    for name, one in (("7_1", shown[1]), ("7_iter_2", shown[2])):
        cv2.imwrite(str(home / "out" / "7" / f"{name}.png"), one)
    cases = magicbrush.read(home)
    found = score_folder(magicbrush.BENCHMARK, cases, home / "out", BRUSH, mattes=home / "mattes")
    return {(r.score.scorer.partition("/")[0], r.turn): r.score.reason or r.score.value for r in found}


@pytest.mark.slow
def test_masks_of_magicbrush_mark_what_all_turns_so_far_may_change(tmp_path: Path) -> None:
    clear = [np.full((16, 24, 4), 255, np.uint8) for _ in range(2)]
    clear[0][:, :8, 3] = clear[1][:, 16:, 3] = 0
    found = brush(tmp_path, clear)
    assert found["psnr.background", 1] == found["psnr.background", 2] == pixels.CAP
    assert found["iou.change", 2] == pytest.approx(1, abs=0.3)
    white = [np.where(one[..., 3:] == 0, 255, 0).astype(np.uint8).repeat(3, -1) for one in clear]
    assert brush(tmp_path, white) == found, "white in black and white says the same"
    coloured = [np.full((16, 24, 3), (0, 0, 255), np.uint8)] * 2
    assert brush(tmp_path, coloured)["psnr.background", 1] == "the case has no matte", "what says nothing is no mask"


@pytest.mark.slow
def test_the_editors_mattes_are_held_against_the_true_ones(tmp_path: Path) -> None:
    clear = [np.full((16, 24, 4), 255, np.uint8) for _ in range(2)]
    clear[0][:, :8, 3] = clear[1][:, 16:, 3] = 0
    told = "the editor's own matte was not kept"
    assert [brush(tmp_path, clear)["iou.matte", n] for n in (1, 2)] == [told, told]
    matte = np.zeros((1, 16, 24), np.float32)
    matte[..., :8] = 1
    write_matte(matte, tmp_path / "mattes" / "7" / "7_1.png")
    found = brush(tmp_path, clear)
    assert found["iou.matte", 1] == 1 and found["iou.matte", 2] == told
    write_matte(matte, tmp_path / "mattes" / "7" / "7_iter_2.png")
    assert brush(tmp_path, clear)["iou.matte", 2] == 0.5, "the second turn says that it changed the first one's place"
