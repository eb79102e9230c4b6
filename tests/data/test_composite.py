"""An effect on a user's clip changes what its matte names, in its own time, and no sample beside it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from media.make import Made, video
from refrain.data.composite import Laid, composite, guessed, to_bytes
from refrain.data.effects import EFFECTS, Shot
from refrain.data.effects.ball import Ball
from refrain.data.effects.rings import Rings
from refrain.data.effects.snow import Snow
from refrain.errors import BadInput
from refrain.media import Clip


def clip_of(path: Path, name: str = "yuv420p", frames: int = 9) -> Clip:
    video(path / "in.mkv", Made(name=name, ticks=tuple(range(frames + 1)), encoder="ffv1", options={}))
    return Clip.read(path / "in.mkv")


def whole(mask: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Which samples of a plane stand for pixels of which none changed: bool, of the plane's shape."""
    rows, columns = mask.shape[1] // plane.shape[1], mask.shape[2] // plane.shape[2]
    cells = mask[:, : plane.shape[1] * rows, : plane.shape[2] * columns]
    cells = cells.reshape(len(mask), plane.shape[1], rows, plane.shape[2], columns)
    return cells.max(axis=(2, 4)) == 0


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_what_the_matte_leaves_out_is_the_clips_own(name: str, tmp_path: Path) -> None:
    clip = clip_of(tmp_path, name)
    done, matte = composite(clip, Laid("ball", Ball("red", "small", "left")))
    assert matte.any() and (matte == 0).mean() > 0.5
    luma, before = done.planes[0], clip.planes[0]
    assert np.array_equal(luma[matte == 0], before[matte == 0]) and not np.array_equal(luma, before)
    near = np.stack([np.pad(one, 2).astype(np.uint8) for one in matte])
    wide = np.max([np.roll(near, (y, x), (1, 2)) for y in (-2, 0, 2) for x in (-2, 0, 2)], axis=0)[:, 2:-2, 2:-2]
    for new, old in zip(done.planes[1:], clip.planes[1:]):
        untouched = whole(wide, new)
        assert untouched.any() and np.array_equal(new[untouched], old[untouched])


def test_an_effect_keeps_to_its_time(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, frames=25)
    start, stop = float(clip.times[8]), float(clip.times[20])
    done, matte = composite(clip, Laid("snow", Snow("heavy"), 1, start, stop))
    changed = [not np.array_equal(a, b) for a, b in zip(done.planes[0], clip.planes[0])]
    assert not any(changed[:8]) and not any(changed[20:]) and all(changed[10:18])
    assert matte[9].mean() < matte[14].mean() and not matte[:8].any(), "it does not pop"


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clip_of(tmp_path)
    laid = Laid("snow", EFFECTS["snow"].draw(np.random.default_rng(1)), 3)
    once, _ = composite(clip, laid)
    monkeypatch.setattr("refrain.media.clip.BLOCK", clip.size[0] * clip.size[1] * 2)
    assert len(clip.blocks()) > 3
    again, _ = composite(clip, laid)
    assert all(np.array_equal(a, b) for a, b in zip(once.planes, again.planes))


def test_a_time_beyond_the_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the clip lasts"):
        composite(clip_of(tmp_path), Laid("snow", Snow(), start=90.0))


def test_an_effect_around_the_subject_needs_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="subject"):
        composite(clip_of(tmp_path), Laid("rings", Rings()))


def test_the_subject_is_what_moves_against_the_camera() -> None:
    y, x = np.mgrid[0:90, 0:120]
    noise = np.random.default_rng(0).integers(60, 120, (90, 160, 3), np.uint8)
    frames, truth = [], []
    for i in range(8):
        inside = (y - 48) ** 2 + (x - 50 - 2 * i) ** 2 < 18**2
        frame = noise[:, i : i + 120].copy()  # the camera pans
        frame[inside] = (190, 60, 40)
        frames.append(frame)
        truth.append(inside)
    clip = Clip.of(torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float().div(127.5).sub(1), 24)
    found = guessed(clip).at(to_bytes(clip.frames)) > 0.5
    both, either = (found & np.stack(truth)).sum(), (found | np.stack(truth)).sum()
    assert both / either > 0.6


@pytest.mark.parametrize("fps", [8.0, 30.0])
def test_no_effect_minds_the_frame_rate(fps: float) -> None:
    """Between two 24ths of a second there are fractions, for which nothing may become a number that is none."""
    frames = np.random.default_rng(0).integers(0, 255, (12, 32, 48, 3), np.uint8)
    subject = np.zeros((12, 32, 48), np.float32)
    subject[:, 8:28, 16:32] = 1
    for name, effect in EFFECTS.items():
        parameters = effect.draw(np.random.default_rng(1))
        done = effect.apply(Shot(frames, subject, fps=fps), 1, parameters)  # a warning of NumPy's is an error here
        assert np.isfinite(done.matte).all(), name
