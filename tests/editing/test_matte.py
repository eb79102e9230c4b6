"""The matte holds what changed, and nothing of what the codec or the model murmurs."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from refrain.editing.matte import latent_matte, matte_of

GREY = 2 / 255  # one grey level of frames in [-1, 1]


def scene(frames: int = 5, y: int = 64, x: int = 96, seed: int = 0) -> Tensor:
    """Textured frames [T, 3, y, x] that drift."""
    rng = np.random.default_rng(seed)
    wide = sum(
        cv2.resize(rng.random((n, n, 3)).astype(np.float32), (x + 32, y), interpolation=cv2.INTER_CUBIC) / k
        for k, n in enumerate((4, 9, 24), 1)
    )
    wide = (wide - wide.min()) / (wide.max() - wide.min())
    return torch.from_numpy(np.stack([wide[:, n : n + x] for n in range(frames)])).permute(0, 3, 1, 2) * 1.8 - 0.9


def murmur(like: Tensor, levels: float, soft: float, seed: int = 1) -> Tensor:
    """Noise of so many grey levels, of the shape of `like`, blurred by `soft` pixels."""
    noise = np.random.default_rng(seed).standard_normal((len(like), *like.shape[2:], 3)).astype(np.float32)
    noise = np.stack([cv2.GaussianBlur(frame, (0, 0), soft) for frame in noise])
    return torch.from_numpy(noise / noise.std()).permute(0, 3, 1, 2) * levels * GREY


def test_what_is_equal_has_an_empty_matte() -> None:
    before = scene()
    assert not matte_of(before, before.clone()).any()


@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("soft", [0.8, 1.5, 2.5])
def test_murmur_is_no_change(levels: float, soft: float) -> None:
    before = scene()
    assert not matte_of(before, before + murmur(before, levels, soft)).any()


def test_lost_detail_is_no_change() -> None:
    before = scene()
    soft = np.stack([cv2.GaussianBlur(f, (0, 0), 1.0) for f in before.permute(0, 2, 3, 1).numpy()])
    assert not matte_of(before, torch.from_numpy(soft).permute(0, 3, 1, 2) + murmur(before, 2, 1.2)).any()


def test_particles_survive() -> None:
    before = scene()
    after = before + murmur(before, 2, 1.2)
    places = [(n, 6 + 9 * k, 5 + 11 * k) for n in range(5) for k in range(6)]
    for n, y, x in places:
        after[n, :, y : y + 2, x + n : x + n + 2] = 1.0
    matte = matte_of(before, after)
    dark = [(n, y, x) for n, y, x in places if before[n, :, y, x + n].mean() < 0.2]
    assert len(dark) > 10
    assert all(matte[n, 0, y, x + n] > 0.9 for n, y, x in dark)
    assert (matte == 0).float().mean() > 0.3


@pytest.mark.parametrize("edit", ["grey", "tint", "night", "fog"])
def test_a_change_of_the_whole_is_one_everywhere(edit: str) -> None:
    before = scene()
    bright = (before + 1) / 2
    after = {
        "grey": bright.mean(1, keepdim=True).expand_as(bright),
        "tint": bright * torch.tensor([1.0, 0.8, 0.5])[:, None, None],
        "night": bright * torch.tensor([0.25, 0.3, 0.5])[:, None, None],
        "fog": bright * 0.5 + 0.4,
    }[edit]
    matte = matte_of(before, after * 2 - 1 + murmur(before, 2, 1.2))
    assert (matte == 1).all()


def test_a_local_change_stays_local_and_is_soft() -> None:
    before = scene()
    after = before.clone()
    after[:, :, 20:40, 30:60] *= -1
    matte = matte_of(before, after)
    assert matte.shape == (5, 1, 64, 96)
    assert matte.min() == 0 and matte.max() <= 1
    assert (matte[:, :, 24:36, 34:56] > 0.9).all()
    outside = torch.ones(64, 96, dtype=torch.bool)
    outside[8:52, 18:72] = False
    assert not matte[:, 0][:, outside].any()
    assert ((matte > 0.05) & (matte < 0.95)).any()


def test_a_change_that_fades_is_followed_below_the_first_threshold() -> None:
    before = torch.zeros(3, 3, 64, 96)
    fade = torch.linspace(1, 0, 96).expand(3, 3, 64, 96)
    matte = matte_of(before, before + 0.5 * fade)
    assert (matte[..., : int(96 * 0.9)] > 0.5).all()


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):
        matte_of(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 16))


def test_latents_follow_groups_of_frames_and_squares_of_pixels() -> None:
    matte = torch.zeros(9, 1, 64, 64)
    matte[5, 0, 33, 33] = 0.01  # frame 5 opens the third group: 0 | 1-4 | 5-8
    touched = latent_matte(matte, (3, 8, 8))
    assert not touched[:2].any()
    assert touched[2, 3:6, 3:6].all() and touched.sum() == 9


def test_latents_beyond_the_matte_repeat_its_edge() -> None:
    matte = torch.zeros(6, 1, 60, 60)
    matte[-1, 0, -1, -1] = 1
    touched = latent_matte(matte, (3, 8, 9))
    assert touched[2, 7, 8] and not touched[1].any()
    assert not latent_matte(torch.zeros(1, 1, 16, 16), (1, 2, 2)).any()
