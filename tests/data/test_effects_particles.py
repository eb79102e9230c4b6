"""Particles fly whither they are told, in the colours they are told, before and behind the subject."""

import cv2
import numpy as np
import pytest

from refrain.data.effects import Shot
from refrain.data.effects.aggregation import Aggregation, aggregation
from refrain.data.effects.confetti import Confetti, confetti
from refrain.data.effects.dispersion import Dispersion, dispersion
from refrain.data.effects.firework import Firework, firework
from refrain.data.effects.lightdust import Lightdust, lightdust
from refrain.data.effects.petals import Petals, petals
from refrain.data.effects.pieces import laid
from refrain.errors import BadInput

GREY = np.full((8, 96, 128, 3), 90, np.uint8)
_WHERE = ("behind", "above")
_SPEEDS = ("slow", "medium", "fast")


def test_a_piece_covers_its_area_at_any_place_and_size() -> None:
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    for side, place in ((12.0, 20.0), (12.0, 20.4), (5.0, 30.7)):
        colour, cover = laid((64, 64), (square * side + place)[None], np.array([[1.0, 0.5, 0.0]]))
        assert abs(np.sqrt(cover.sum()) - side) < 1
        assert np.allclose(colour[..., 0], cover, atol=0.01) and np.allclose(colour[..., 1], cover / 2, atol=0.01)
        y, x = np.mgrid[0:64, 0:64]
        assert abs((cover * x).sum() / cover.sum() - place) < 0.2 and abs((cover * y).sum() / cover.sum() - place) < 0.2


def test_confetti_has_many_colours_and_falls() -> None:
    out = confetti(Shot(GREY), 4, Confetti("heavy"))
    strong = out.frames[0][out.matte[0] > 0.9].astype(float)
    assert all(((strong.argmax(-1) == k) & (np.ptp(strong, axis=-1) > 80)).mean() > 0.05 for k in range(3))
    assert _moved(out.matte)[1] > 0.3


def _moved(mattes: np.ndarray) -> np.ndarray:
    """How far the particles go from frame to frame: (x, y) in pixels."""
    return np.median([cv2.phaseCorrelate(a, b)[0] for a, b in zip(mattes, mattes[1:], strict=False)], 0)


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("blue", 2)])
def test_petals_are_of_their_colour(colour: str, channel: int) -> None:
    out = petals(Shot(GREY), 1, Petals(colour))
    assert out.frames[out.matte > 0.9].mean(0).argmax() == channel


def test_petals_go_with_the_wind() -> None:
    moved = {wind: _moved(petals(Shot(GREY), 2, Petals("pink", "heavy", wind)).matte) for wind in ("left", "right")}
    assert moved["left"][0] < -0.4 and moved["right"][0] > 0.4


def test_the_first_firework_bursts_within_ten_frames_in_its_colour() -> None:
    for seed in range(4):
        out = firework(Shot(np.repeat(GREY, 2, 0)), seed, Firework("red"))
        change = out.frames.astype(float) - 90
        assert change[7:11].max() > 120, "the burst is bright"
        bright = change[12].max(-1) > 60
        assert change[12][bright].mean(0).argmax() == 0
        assert out.matte[12][:60].mean() > 3 * out.matte[12][60:].mean(), "above"


def test_a_firework_behind_is_hidden_by_the_subject() -> None:
    subject = np.zeros((1, 96, 128), np.float32)
    subject[:, 30:90, 40:90] = 1
    shot = Shot(GREY[:1], subject, 12)
    behind, above = (firework(shot, 2, Firework("golden", where)).frames[0].astype(float) for where in _WHERE)
    assert np.abs(behind - 90)[subject[0] == 0].max() > 100 and np.abs(behind - 90)[subject[0] == 1].max() < 70
    assert np.abs(above - 90).max() > 100
    with pytest.raises(BadInput, match="mask"):
        firework(Shot(GREY[:1]), 2, Firework("golden", "behind"))


def test_light_dust_flows_the_way_and_in_the_colour_it_is_called() -> None:
    for direction, sign in (("right", 1), ("left", -1)):
        out = lightdust(Shot(GREY), 3, Lightdust("blue", direction, "heavy"))
        assert sign * _moved(out.frames.astype(np.float32).mean(-1))[0] > 0.3
        assert out.frames[out.matte > 0.5].mean(0).argmax() == 2


def test_light_dust_from_back_to_front_flies_apart_and_back_again() -> None:
    y, x = np.mgrid[0:96, 0:128].astype(np.float32) - np.float32(48)
    still = np.zeros((96, 128, 2), np.float32)
    for direction, sign in (("forward", 1), ("backward", -1)):
        light = lightdust(Shot(GREY), 3, Lightdust("white", direction, "heavy")).frames.astype(np.float32).mean(-1)
        flows = [cv2.calcOpticalFlowFarneback(a, b, still, 0.5, 3, 9, 3, 5, 1.1, 0) for a, b in _pairs(light)]
        assert sign * np.mean([(flow[..., 0] * (x - 16) + flow[..., 1] * y).mean() for flow in flows]) > 0


def _pairs(light: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(a.astype(np.uint8), b.astype(np.uint8)) for a, b in zip(light, light[1:], strict=False)]


def test_some_light_dust_passes_behind_the_subject() -> None:
    subject = np.zeros((8, 96, 128), np.float32)
    subject[:, 20:80, 40:90] = 1
    free, hidden = (lightdust(Shot(GREY, mask), 3, Lightdust("white", "right")).matte for mask in (None, subject))
    assert np.array_equal(free[:, :, 110:], hidden[:, :, 110:])
    assert 0.2 < hidden[:, 30:70, 50:80].sum() / free[:, 30:70, 50:80].sum() < 0.95


def _block(length: int) -> tuple[np.ndarray, np.ndarray]:
    """A red block in the middle of grey frames, and its mask."""
    frames, subject = np.full((length, 96, 128, 3), 90, np.uint8), np.zeros((length, 96, 128), np.float32)
    frames[:, 30:70, 44:84], subject[:, 30:70, 44:84] = (210, 40, 30), 1
    return frames, subject


@pytest.mark.parametrize(("direction", "axis", "sign"), [("right", 1, 1), ("left", 1, -1), ("up", 0, -1)])
def test_dispersion_carries_the_subject_off_as_grains_of_its_colour(direction: str, axis: int, sign: int) -> None:
    frames, subject = _block(1)
    flying = dispersion(Shot(frames, subject, 22), 1, Dispersion(direction)).frames[0].astype(float)
    away = (flying[..., 0] - flying[..., 1] > 60) & (subject[0] == 0)
    assert away.sum() > 150, "red grains outside the block"
    assert sign * (np.argwhere(away).mean(0)[axis] - (49.5, 63.5)[axis]) > 15


def test_dispersion_starts_with_the_subject_and_ends_with_what_is_behind() -> None:
    frames, subject = _block(1)
    first, last = (dispersion(Shot(frames, subject, n), 1, Dispersion()) for n in (0, 70))
    assert np.array_equal(first.frames, frames)
    assert np.abs(last.frames[0].astype(int) - 90).max() < 12 and last.matte[0, 35:65, 50:80].min() == 1
    half = {
        speed: dispersion(Shot(frames, subject, 14), 1, Dispersion("right", speed)).matte.sum() for speed in _SPEEDS
    }
    assert half["slow"] < half["medium"] < half["fast"]


def test_aggregation_starts_without_the_subject_and_ends_with_the_source() -> None:
    frames, subject = _block(1)
    first, last = (aggregation(Shot(frames, subject, n), 1, Aggregation("blue", "right")) for n in (0, 60))
    red = first.frames[0].astype(int)
    assert ((red[..., 0] - red[..., 1])[subject[0] == 1] > 60).mean() < 0.02
    assert np.array_equal(last.frames, frames) and not last.matte.any()


@pytest.mark.parametrize(("direction", "axis", "sign"), [("right", 1, 1), ("left", 1, -1), ("above", 0, -1)])
def test_aggregation_comes_from_where_it_is_called_in_its_light(direction: str, axis: int, sign: int) -> None:
    frames, subject = _block(1)
    change = aggregation(Shot(frames, subject, 2), 1, Aggregation("blue", direction)).frames[0].astype(float) - 90
    bright = (change[..., 2] > 60) & (subject[0] == 0)
    assert sign * (np.argwhere(bright).mean(0)[axis] - (49.5, 63.5)[axis]) > 8
    assert change[bright].mean(0).argmax() == 2
