"""What is drawn into the picture, and what breaks it: parameters mean what they say."""

import numpy as np
import pytest

from refrain.data.effects import Shot
from refrain.data.effects.freeze import Freeze, freeze
from refrain.data.effects.glitch import Glitch, glitch
from refrain.errors import BadInput

GREY = np.random.default_rng(0).integers(80, 120, (40, 64, 96, 3), np.uint8)


def subject_of(length: int = 40) -> np.ndarray:
    """A standing ellipse in the middle, 40 of 64 rows high: float32 [T, Y, X]."""
    y, x = np.mgrid[0:64, 0:96].astype(np.float32)
    inside = np.clip(6 - 6 * (((y - 34) / 20) ** 2 + ((x - 48) / 12) ** 2), 0, 1)
    return np.repeat(inside[None], length, 0)


def change(shown: np.ndarray, source: np.ndarray = GREY) -> np.ndarray:
    """By how many grey levels every pixel changed: [T, Y, X]."""
    return np.abs(shown.astype(int) - source[: len(shown)]).mean(-1)


def test_a_stronger_glitch_and_a_harder_frost_change_more() -> None:
    shot = Shot(GREY[:16])
    for effect, kind in ((glitch, Glitch), (freeze, Freeze)):
        light, heavy = (change(effect(shot, 3, kind(strength=s)).frames).mean() for s in ("light", "heavy"))
        assert heavy > 1.2 * light


def test_glitches_come_and_go() -> None:
    moved = (glitch(Shot(GREY), 3, Glitch()).matte == 1).mean((1, 2))  # [T]
    assert moved.max() > 0.15 and moved.min() < 0.05


def test_frost_grows_from_the_borders_and_then_holds() -> None:
    matte = freeze(Shot(GREY), 1, Freeze()).matte
    frozen = (matte > 0.5).mean((1, 2))
    assert np.all(np.diff(frozen) >= 0) and frozen[0] < 0.6 < frozen[16]
    assert np.array_equal(matte[36], matte[39])
    assert matte[2, :4].mean() > matte[2, 24:40, 36:60].mean() + 0.3, "the border freezes first"


def test_a_frozen_subject_leaves_the_rest_alone_and_freezes_from_its_foot() -> None:
    subject = subject_of()
    matte = freeze(Shot(GREY, subject), 1, Freeze("subject")).matte
    assert not matte[subject == 0].any()
    assert matte[10, 44:54, 44:52].mean() > matte[10, 14:24, 44:52].mean() + 0.3
    assert matte[36, 20:50, 44:52].min() > 0.5
    with pytest.raises(BadInput, match="subject"):
        freeze(Shot(GREY[:1]), 1, Freeze("subject"))


def test_ice_is_blue() -> None:
    ice = freeze(Shot(GREY), 1, Freeze(strength="heavy")).frames[38].reshape(-1, 3).mean(0)
    assert ice[2] > ice[1] > ice[0] + 10
