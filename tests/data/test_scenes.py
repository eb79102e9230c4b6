"""Rendered scenes repeat, move, hold a subject, and have the statistics of real pictures."""

import numpy as np
import pytest

from refrain.data import draw_edit, render_scene
from refrain.data.effects import Shot
from refrain.data.noise import SIZE, hashed, sample, tile


def slope_of(frames: np.ndarray) -> float:
    """Exponent of the mean power spectrum of brightness between 4 cycles a frame and half of the Nyquist frequency."""
    grey = frames.astype(np.float64).mean(-1)
    side = grey.shape[-1]
    window = np.hanning(side)[:, None] * np.hanning(side)
    power = (np.abs(np.fft.fft2((grey - grey.mean((1, 2), keepdims=True)) * window)) ** 2).mean(0)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(side) * side, np.fft.fftfreq(side) * side))
    rings = np.arange(4, side // 4)
    level = [power[(radius >= r - 0.5) & (radius < r + 0.5)].mean() for r in rings]
    return float(np.polyfit(np.log(rings), np.log(level), 1)[0])


def test_a_scene_is_repeated_by_its_seed_and_a_longer_one_begins_the_same() -> None:
    short, again, long = render_scene(5, 4, (48, 48)), render_scene(5, 4, (48, 48)), render_scene(5, 9, (48, 48))
    assert np.array_equal(short.frames, again.frames)
    assert np.array_equal(short.frames, long.frames[:4]) and np.array_equal(short.subject, long.subject[:4])


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (33, 47), (8, 8), (16, 64), (208, 256)])
def test_every_size_is_rendered(size: tuple[int, int]) -> None:
    for seed in range(3):
        scene = render_scene(seed, 2, size)
        assert scene.frames.shape == (2, *size, 3) and scene.frames.dtype == np.uint8
        assert scene.subject.shape == (2, *size) and scene.subject.dtype == np.float32
        assert scene.subject.min() >= 0 and scene.subject.max() <= 1


def test_scenes_differ_and_show_every_genre() -> None:
    scenes = [render_scene(seed, 1, (32, 32)) for seed in range(40)]
    assert len({scene.genre for scene in scenes}) == 6
    assert len({scene.frames.tobytes() for scene in scenes}) == 40
    assert np.mean([scene.subject.max() > 0.9 for scene in scenes]) > 0.9


def test_motion_is_smooth() -> None:
    steps = []
    for seed in range(6):
        frames = render_scene(seed, 9, (64, 64)).frames.astype(np.float32)
        steps.append(np.abs(np.diff(frames, axis=0)).mean((1, 2, 3)))
    assert np.mean(steps) > 0.5, "nothing moves"
    assert max(float(s.max() / max(s.mean(), 0.3)) for s in steps) < 3, "something jumps"


def test_the_spectrum_falls_as_that_of_photographs() -> None:
    slopes = [slope_of(render_scene(seed, 1, (128, 128)).frames) for seed in range(24)]
    assert -3.0 < float(np.median(slopes)) < -1.8


def test_an_example_is_repeated_and_exact_outside_its_matte() -> None:
    for seed in range(12):
        scene = render_scene(seed, 5, (32, 32)).frames
        one, again = draw_edit(seed, Shot(scene)), draw_edit(seed, Shot(scene))
        assert one.instruction == again.instruction and np.array_equal(one.target, again.target)
        assert np.array_equal(one.target[one.matte == 0], scene[one.matte == 0])
        window = draw_edit(seed, Shot(scene[2:4], first=2))
        assert window.instruction == one.instruction and np.array_equal(window.target, one.target[2:4])


def test_noise_tiles_and_hashes_are_even() -> None:
    field = tile(-2.0, 0)
    assert field.shape == (SIZE, SIZE) and abs(field.mean()) < 1e-4 and abs(field.std() - 1) < 1e-3
    y, x = np.mgrid[0:5, 0:5] / 7.0
    assert np.allclose(sample(field, y, x), sample(field, y + 3, x - 2), atol=0.05)
    u = hashed(3, np.arange(20_000))
    assert abs(u.mean() - 0.5) < 0.01 and abs(u.std() - 12**-0.5) < 0.01
    assert abs(np.corrcoef(u, hashed(4, np.arange(20_000)))[0, 1]) < 0.03
