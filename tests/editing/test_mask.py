"""A bound is hard, fits its clip, and is refused in one sentence when it does not."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from refrain.editing.mask import read_box, read_mask
from refrain.errors import BadInput
from refrain.media import Clip


@pytest.fixture
def clip() -> Clip:
    return Clip.of(torch.zeros(3, 3, 48, 64), 10)


def picture(path: Path, mask: np.ndarray) -> Path:
    cv2.imwrite(str(path), (mask * 255).astype(np.uint8))
    return path


def test_a_box_is_hard_and_fades_in_from_its_own_edge(clip: Clip) -> None:
    bound = read_box("10,8,40,30", clip)
    assert bound.shape == (1, 1, 48, 64)
    inside = torch.zeros(48, 64, dtype=torch.bool)
    inside[8:30, 10:40] = True
    assert (bound[0, 0][inside] > 0).all() and not bound[0, 0][~inside].any()
    assert bound.max() == 1 and 0 < bound[0, 0, 8, 20] < 1


def test_a_box_does_not_fade_at_the_border_of_the_picture(clip: Clip) -> None:
    assert (read_box("0,0,64,48", clip) == 1).all()
    assert (read_box("0,0,32,48", clip)[0, 0, :, :28] == 1).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2,3", "four whole numbers"),
        ("a,b,c,d", "four whole numbers"),
        ("0,0,1.5,4", "four whole numbers"),
        ("-1,0,4,4", "four whole numbers"),
        ("", "four whole numbers"),
        ("9,0,3,4", "x0 must be below x1"),
        ("3,4,9,4", "x0 must be below x1"),
        ("0,0,65,48", "64×48"),
    ],
)
def test_a_box_that_cannot_be_is_refused(clip: Clip, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_box(text, clip)


def test_a_picture_holds_for_every_frame(clip: Clip, tmp_path: Path) -> None:
    mask = np.zeros((48, 64), np.float32)
    mask[10:30, 20:50] = 1
    bound = read_mask(picture(tmp_path / "mask.png", mask), clip)
    assert bound.shape == (1, 1, 48, 64)
    assert not bound[0, 0][torch.from_numpy(mask) == 0].any()
    assert bound[0, 0, 20, 35] > 0.99


def test_a_mask_of_another_size_is_refused_with_both_sizes(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"32×24 but the clip is 64×48"):
        read_mask(picture(tmp_path / "mask.png", np.ones((24, 32))), clip)


def test_a_black_mask_is_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="black"):
        read_mask(picture(tmp_path / "mask.png", np.zeros((48, 64))), clip)


def test_a_video_has_a_mask_for_every_frame(clip: Clip, tmp_path: Path) -> None:
    frames = -torch.ones(3, 3, 48, 64)
    for n in range(3):
        frames[n, :, 16:32, 16 * n : 16 * n + 16] = 1
    Clip.of(frames, 10).write(tmp_path / "mask.mp4", lossless=True)
    bound = read_mask(tmp_path / "mask.mp4", clip)
    assert bound.shape == (3, 1, 48, 64)
    assert all(bound[n, 0, 24, 16 * n + 8] > 0.9 and bound[n, 0, 24, 16 * ((n + 1) % 3) + 8] == 0 for n in range(3))


def test_a_video_of_another_length_is_refused(clip: Clip, tmp_path: Path) -> None:
    Clip.of(torch.ones(5, 3, 48, 64), 10).write(tmp_path / "mask.mp4")
    with pytest.raises(BadInput, match="5 frames but the clip has 3"):
        read_mask(tmp_path / "mask.mp4", clip)
