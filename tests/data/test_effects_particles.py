"""Particles fly whither they are told, in the colours they are told, before and behind the subject."""

import cv2
import numpy as np
import pytest

from refrain.data.effects import Shot
from refrain.data.effects.confetti import Confetti, confetti
from refrain.data.effects.firework import Firework, firework
from refrain.data.effects.petals import Petals, petals
from refrain.data.effects.pieces import laid
from refrain.errors import BadInput

GREY = np.full((8, 96, 128, 3), 90, np.uint8)
_WHERE = ("behind", "above")


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
