"""Effects are exact: the same in every window, the source where the matte is zero, and what their words say."""

import cv2
import numpy as np
import pytest

from refrain.data import draw_edit, render_scene
from refrain.data.effects import EFFECTS, Shot
from refrain.data.effects.fire import Fire, fire
from refrain.data.effects.fog import Fog, fog
from refrain.data.effects.glow import Glow
from refrain.data.effects.mono import Mono, mono
from refrain.data.effects.night import Night
from refrain.data.effects.rain import Rain, rain
from refrain.data.effects.snow import Snow, snow
from refrain.data.effects.sparkles import Sparkles, sparkles
from refrain.data.effects.tint import Tint, tint
from refrain.errors import BadInput


def subject_of(length: int, size: tuple[int, int]) -> np.ndarray:
    """An ellipse that wanders through the middle of the frame: float32 [T, Y, X]."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    middle = [(size[0] * (0.5 + 0.01 * i), size[1] * (0.4 + 0.02 * i)) for i in range(length)]
    inside = [((y - a) / (0.3 * size[0])) ** 2 + ((x - b) / (0.22 * size[1])) ** 2 for a, b in middle]
    return np.stack([np.clip(4 - 4 * part, 0, 1) for part in inside]).astype(np.float32)


def shot_of(frames: np.ndarray, first: int = 0) -> Shot:
    return Shot(frames, subject_of(len(frames), frames.shape[1:3]), first)


SIZES = [(64, 64), (33, 47), (8, 8), (1, 1), (40, 96), (96, 40)]


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return render_scene(2, 13, (64, 64)).frames


@pytest.mark.parametrize("name", EFFECTS)
def test_the_same_arguments_give_the_same_frames(name: str, clip: np.ndarray) -> None:
    parameters = EFFECTS[name].draw(np.random.default_rng(0))
    kept = clip.copy()
    first, again = (EFFECTS[name].apply(shot_of(clip), 7, parameters) for _ in range(2))
    assert np.array_equal(first.frames, again.frames) and np.array_equal(first.matte, again.matte)
    assert np.array_equal(clip, kept), "the source was written to"


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("start", [0, 40])
def test_any_window_renders_identically(name: str, start: int, clip: np.ndarray) -> None:
    parameters = EFFECTS[name].draw(np.random.default_rng(1))
    shot = shot_of(clip, start)
    assert shot.subject is not None
    whole = EFFECTS[name].apply(shot, 3, parameters)
    window = EFFECTS[name].apply(Shot(clip[5:9], shot.subject[5:9], start + 5), 3, parameters)
    assert np.array_equal(whole.frames[5:9], window.frames)
    assert np.array_equal(whole.matte[5:9], window.matte)


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("size", SIZES)
def test_every_size_works_and_the_source_shows_where_the_matte_is_zero(name: str, size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
    for seed in range(3):
        out = EFFECTS[name].apply(shot_of(frames, seed), seed, EFFECTS[name].draw(np.random.default_rng(seed)))
        assert out.frames.shape == frames.shape and out.frames.dtype == np.uint8
        assert out.matte.shape == frames.shape[:3] and out.matte.dtype == np.float32
        assert out.matte.min() >= 0 and out.matte.max() <= 1
        assert np.array_equal(out.frames[out.matte == 0], frames[out.matte == 0])


def test_fire_and_sparkles_leave_most_of_the_picture_alone(clip: np.ndarray) -> None:
    for out in (fire(Shot(clip), 1, Fire("light")), sparkles(Shot(clip), 1, Sparkles("golden", "light"))):
        assert (out.matte == 0).mean() > 0.2


@pytest.mark.parametrize("name", [name for name in EFFECTS if name != "keep"])
def test_each_effect_is_seen(name: str, clip: np.ndarray) -> None:
    dim = clip // 2 + 30  # white light cannot be seen on white
    for seed in range(4):
        out = EFFECTS[name].apply(shot_of(dim), seed, EFFECTS[name].draw(np.random.default_rng(seed)))
        change = np.abs(out.frames.astype(int) - dim).mean((1, 2, 3))
        assert change.max() > 2, "in some frame: an effect that goes off once begins small"


def test_keep_is_the_identity(clip: np.ndarray) -> None:
    example = draw_edit(0, Shot(clip), effect="keep")
    assert np.array_equal(example.target, clip) and not example.matte.any()


def test_black_and_white_has_no_colour(clip: np.ndarray) -> None:
    out = mono(Shot(clip), 0, Mono()).frames
    assert np.array_equal(out[..., 0], out[..., 1]) and np.array_equal(out[..., 1], out[..., 2])


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("snow", Snow("light"), Snow("heavy")),
        ("rain", Rain("light"), Rain("heavy")),
        ("fog", Fog("thin"), Fog("thick")),
        ("fire", Fire("light"), Fire("heavy")),
        ("glow", Glow("blue", "slight"), Glow("blue", "strong")),
        ("sparkles", Sparkles("blue", "light"), Sparkles("blue", "heavy")),
        ("tint", Tint("red", "slight"), Tint("red", "strong")),
        ("tint", Tint("warm", "slight"), Tint("warm", "strong")),
        ("night", Night("slight"), Night("strong")),
    ],
)
def test_more_changes_more(name: str, less: object, more: object, clip: np.ndarray) -> None:
    change = [np.abs(EFFECTS[name].apply(shot_of(clip), 5, p).frames.astype(int) - clip).mean() for p in (less, more)]
    assert change[1] > 1.3 * change[0]


@pytest.mark.parametrize(("effect", "kind"), [(snow, Snow), (rain, Rain)])
def test_wind_blows_the_way_it_is_called(effect, kind) -> None:
    grey = np.full((8, 128, 128, 3), 60, np.uint8)
    moved = {}
    for wind in ("left", "none", "right"):
        light = effect(Shot(grey), 4, kind("heavy", wind)).frames.astype(np.float32).mean(-1)
        shifts = [cv2.phaseCorrelate(a, b)[0] for a, b in zip(light, light[1:], strict=False)]
        moved[wind] = np.median(shifts, 0)
    assert moved["left"][0] < -0.5 < moved["none"][0] < 0.5 < moved["right"][0]
    assert all(shift[1] > 0.4 for shift in moved.values()), "it falls"


def test_fire_burns_where_it_is_called() -> None:
    grey = np.full((5, 96, 96, 3), 90, np.uint8)
    matte = {where: fire(Shot(grey), 2, Fire("medium", where)).matte.mean(0) for where in ("below", "left", "right")}
    assert matte["below"][64:].mean() > 3 * matte["below"][:32].mean()
    assert matte["left"][:, :48].mean() > 3 * matte["left"][:, 48:].mean()
    assert matte["right"][:, 48:].mean() > 3 * matte["right"][:, :48].mean()


def test_fog_below_lies_on_the_ground(clip: np.ndarray) -> None:
    matte = fog(Shot(clip), 2, Fog("medium", "below")).matte
    assert matte[:, 48:].mean() > 4 * matte[:, :16].mean()


def test_a_tint_is_of_its_colour(clip: np.ndarray) -> None:
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        mean = tint(Shot(clip), 0, Tint(colour, "strong")).frames.reshape(-1, 3).mean(0)
        assert mean.argmax() == channel
    source = clip.reshape(-1, 3).mean(0)
    warm, cold = (tint(Shot(clip), 0, Tint(look)).frames.reshape(-1, 3).mean(0) for look in ("warm", "cold"))
    assert warm[0] - warm[2] > source[0] - source[2] > cold[0] - cold[2]


def test_floats_are_refused() -> None:
    with pytest.raises(BadInput, match="uint8"):
        snow(Shot(np.zeros((1, 8, 8, 3), np.float32)), 0, Snow())  # type: ignore[arg-type]
