"""Answers and sources in the forms that benchmarks have them: folders of frames, masks, other sizes, other lengths."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from refrain.errors import BadInput
from refrain.evaluation.benchmarks import fivebench, gedit, ivebench, loveu
from refrain.evaluation.case import Protocol
from refrain.evaluation.frames import as_bytes, read_clip
from refrain.evaluation.record import answer_path
from refrain.evaluation.run import score_folder
from refrain.evaluation.scorers import form, pixels
from refrain.media import Clip


def levels(folder: Path, *values: int, ending: str = ".png", size: tuple[int, int] = (32, 48)) -> Path:
    """A folder of grey frames."""
    folder.mkdir(parents=True)
    for n, value in enumerate(values, 8):  # 8, 9, 10, 11: by name 10 comes before 8
        cv2.imwrite(str(folder / f"{n}{ending}"), np.full((*size, 3), value, np.uint8))
    return folder


def test_a_folder_of_frames_is_a_clip_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    folder = levels(tmp_path / "a", 10, 20, 30, 40)
    cv2.imwrite(str(folder / "100.png"), picture[..., ::-1])
    found = as_bytes(read_clip(folder).frames)
    assert found[:4, 0, 0, 0].tolist() == [10, 20, 30, 40] and (found[4] == picture).all()


def test_folders_that_are_no_clips_are_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="holds no frames"):
        read_clip(tmp_path / "none")
    folder = levels(tmp_path / "a", 1, 2)
    (folder / "30.png").write_bytes(b"\x89PNG")
    with pytest.raises(BadInput, match="30.png is no readable picture"):
        read_clip(folder)
    cv2.imwrite(str(folder / "30.png"), np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(BadInput, match="30.png is 16x16, and"):
        read_clip(folder)


def test_answers_as_frames_are_scored_and_another_length_is_not(tmp_path: Path) -> None:
    said = [
        {"src_video_name": f"{n}.mp4", "category": "style", "edit_prompt": "x", "target_prompt": "y"} for n in range(2)
    ]
    (tmp_path / "list.json").write_text(json.dumps(said))
    for n in range(2):
        Clip.of(torch.zeros((4, 3, 32, 48)), 24).write(tmp_path / f"{n}.mp4", lossless=True)
    levels(tmp_path / "out" / "0", *[128] * 4)
    levels(tmp_path / "out" / "1", *[128] * 3)
    cases = ivebench.read(tmp_path / "list.json")
    found = score_folder(ivebench.BENCHMARK, cases, tmp_path / "out", (pixels.SOURCE, form.LENGTH, form.SPEED))
    values = [one.score for one in found]
    assert values[0].value > 45 and values[1].value == 1 and values[2].reason == "the case has no answer_fps"
    assert math.isnan(values[3].value) and "3 frames" in str(values[3].reason) and values[4].value == 0


@pytest.mark.parametrize("protocol", ["strict", "compat"])
def test_another_size_is_scored_only_where_the_published_scorer_resizes(tmp_path: Path, protocol: Protocol) -> None:
    row = {"key": "a", "task_type": "subject-add", "instruction": "x", "instruction_language": "en"}
    (tmp_path / "gedit.json").write_text(json.dumps([{**row, "Intersection_exist": True}]))
    (cases,) = (gedit.read(tmp_path),)
    for path, size in ((tmp_path / "input" / "a.png", (32, 48)),
                       (answer_path(gedit.BENCHMARK, tmp_path / "out", cases[0], 1), (64, 96))):  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((*size, 3), 90, np.uint8))
    (found,) = score_folder(gedit.BENCHMARK, cases, tmp_path / "out", (pixels.SOURCE,), protocol)
    assert found.score.value == 100 if protocol == "compat" else "96x64" in str(found.score.reason)


@pytest.mark.parametrize(("protocol", "share"), [("strict", 0.5), ("compat", 0.25)])
def test_masks_are_read_at_the_level_of_the_protocol(tmp_path: Path, protocol: Protocol, share: float) -> None:
    """The upper half is masked, and a faint quarter below it is foreground only as published."""
    row = {"video_name": "v", "editing_type_id": 1, "target_prompt": "x", "save_dir": "v_1"}
    (tmp_path / "edit_prompt").mkdir()
    (tmp_path / "edit_prompt" / "edit1_FiVE.json").write_text(json.dumps([row]))
    (tmp_path / "videos").mkdir()
    Clip.of(torch.zeros((2, 3, 32, 48)), 24).write(tmp_path / "videos" / "v.mp4", lossless=True)
    levels(tmp_path / "out" / "v_1", 138, 138)
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:16], mask[16:24] = 255, 9
    (tmp_path / "bmasks" / "v").mkdir(parents=True)
    for n in (1, 2):
        cv2.imwrite(str(tmp_path / "bmasks" / "v" / f"{n:05d}.png"), mask)
    cases = fivebench.read(tmp_path / "edit_prompt" / "edit1_FiVE.json")
    by = (pixels.BACKGROUND, pixels.BACKGROUND_COMPAT)
    plain, black = (one.score.value for one in score_folder(fivebench.BENCHMARK, cases, tmp_path / "out", by, protocol))
    assert black - plain == pytest.approx(-10 * math.log10(share))


def test_a_clip_of_loveu_is_its_frames_or_a_video_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(
        "train_data:\n  video_path: ./data/v\n  prompt: a\n  height: 480\n  width: 480\n  num_frames: 32\n"
        "validation_data:\n  prompts:\n    style: b\n    object: c\n    background: d\n    multiple: e\n"
    )
    assert loveu.read(tmp_path)[0].absent == (tmp_path / "data" / "v",)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "v.mp4").touch()
    assert loveu.read(tmp_path)[0].source == tmp_path / "data" / "v.mp4"
    (tmp_path / "data" / "v").mkdir()
    assert loveu.read(tmp_path)[0].source == tmp_path / "data" / "v"
