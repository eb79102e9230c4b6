"""Effects around a subject: rings pass behind it, clones stand where they are called, a giant towers over it,
it grows from its foot, it burns."""

import numpy as np
import pytest

from refrain.data import draw_edit
from refrain.data.effects import EFFECTS, Shot
from refrain.data.effects.aura import Aura, aura
from refrain.data.effects.clone import Clone, clone
from refrain.data.effects.fire import Fire, fire
from refrain.data.effects.growth import Growth, growth
from refrain.data.effects.rings import Rings, rings
from refrain.errors import BadInput

GREY = np.full((1, 96, 128, 3), 70, np.uint8)


def subject() -> np.ndarray:
    """A standing oval in the middle of the frame: float32 [1, 96, 128]."""
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    return np.clip(6 - 6 * (((y - 50) / 34) ** 2 + ((x - 64) / 13) ** 2), 0, 1)[None]


def shot(now: int, frames: np.ndarray = GREY) -> Shot:
    return Shot(frames, subject(), now)


@pytest.mark.parametrize("name", ["rings", "clone", "aura", "growth"])
def test_without_a_subject_in_the_frame_the_source_stands(name: str) -> None:
    nobody = Shot(GREY, np.zeros((1, 96, 128), np.float32), 20)
    out = EFFECTS[name].apply(nobody, 1, EFFECTS[name].draw(np.random.default_rng(0)))
    assert np.array_equal(out.frames, GREY) and not out.matte.any()


def test_a_ring_passes_behind_the_subject_and_before_it() -> None:
    matte = rings(shot(20), 3, Rings("cyan", "medium", "one")).matte[0] > 0.9
    assert matte[:, 80:].any() and matte[:, :48].any(), "it stands out on both sides"
    crossing = matte[:, 60:69].sum(axis=0)  # rows of ring in the columns of the subject's middle
    rows = np.flatnonzero(matte[:, 64])
    assert (crossing > 0).all() and rows.max() - rows.min() < 10, "one band in front; the other is hidden"


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_rings_are_of_their_colour(colour: str, channel: int) -> None:
    out = rings(shot(20), 3, Rings(colour))
    assert out.frames[0][out.matte[0] > 0.5].mean(axis=0).argmax() == channel


def test_more_rings_cover_more() -> None:
    covered = [float(rings(shot(20), 3, Rings("white", "medium", n)).matte.sum()) for n in ("one", "two", "three")]
    assert covered[0] * 1.4 < covered[1] and covered[1] * 1.2 < covered[2]


def test_fast_rings_turn_faster() -> None:
    def change(speed: str) -> float:
        a, b = (rings(shot(now), 3, Rings("white", speed)).frames.astype(float) for now in (20, 21))
        return float(np.abs(a - b).sum())

    assert change("fast") > 1.2 * change("slow")


@pytest.mark.parametrize(
    ("where", "left", "right"), [("left", True, False), ("right", False, True), ("both", True, True)]
)
def test_clones_stand_where_they_are_called(where: str, left: bool, right: bool) -> None:
    matte = clone(shot(40), 1, Clone("two", where)).matte[0]
    assert matte[:, :50].any() == left and matte[:, 78:].any() == right


def test_a_clone_looks_like_the_subject_and_leaves_it_alone() -> None:
    frames = GREY.copy()
    frames[0][subject()[0] > 0] = (220, 40, 40)
    out = clone(shot(40, frames), 1, Clone("two", "both"))
    assert np.array_equal(out.frames[subject() == 1], frames[subject() == 1])
    copy = out.frames[0][out.matte[0] > 0.8].mean(axis=0)
    assert copy[0] > copy[1] + 60 and copy[0] > copy[2] + 60


def test_clones_come_one_after_the_other_and_four_are_more_than_two() -> None:
    covered = [float((clone(shot(now), 1, Clone("four", "both")).matte > 0).sum()) for now in (0, 3, 8, 30)]
    assert covered[0] < covered[1] < covered[2] < covered[3]
    assert covered[3] > 1.3 * float((clone(shot(30), 1, Clone("two", "both")).matte > 0).sum())


def low(height: int = 24) -> np.ndarray:
    """A small subject on the ground, with room above it: float32 [1, 96, 128]."""
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    return np.clip(6 - 6 * (((y - 80) / (height / 2)) ** 2 + ((x - 64) / 8) ** 2), 0, 1)[None].astype(np.float32)


def test_a_giant_towers_over_the_subject_and_leaves_its_inside_alone() -> None:
    out = aura(Shot(GREY, low(), 30), 1, Aura("golden", "medium", "big"))
    change = np.abs(out.frames[0].astype(int) - 70).max(axis=-1)
    assert change[40:66, 56:72].mean() > 40, "light above it"
    assert change[72:86, 62:67].max() < 8, "its inside"
    assert change[80:, :16].max() < 12 and change[80:, 112:].max() < 12, "far from it"


def test_a_bigger_giant_reaches_higher_and_stays_in_the_frame() -> None:
    def top(size: str, mask: np.ndarray) -> int:
        light = aura(Shot(GREY, mask, 30), 1, Aura("white", "medium", size)).frames[0, :, 56:72].mean(axis=(1, 2))
        return int(np.flatnonzero(light > 150)[0])

    assert top("big", low()) < top("medium", low()) < top("small", low())
    assert top("big", low(90)) >= 0


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_an_aura_is_of_its_colour_and_stronger_is_brighter(colour: str, channel: int) -> None:
    weak, strong = (aura(Shot(GREY, low(), 30), 1, Aura(colour, much)).frames[0] for much in ("light", "heavy"))
    assert (strong.astype(int) - 70).reshape(-1, 3).mean(axis=0).argmax() == channel
    assert strong[..., channel].mean() > weak[..., channel].mean() + 2


def grown(now: int, parameters: Growth) -> int:
    """How many rows of a red subject of 48 rows are seen in its middle."""
    frames = GREY.copy()
    mask = low(48)
    frames[0][mask[0] > 0] = (220, 30, 30)
    out = growth(Shot(frames, mask, now, behind=GREY), 1, parameters).frames[0, :, 64].astype(int)
    return int((out[:, 0] - out[:, 1] > 90).sum())


def test_it_starts_small_overshoots_and_settles_at_its_own_height() -> None:
    heights = [grown(now, Growth("medium", "light")) for now in (0, 7, 33)]
    assert heights[0] < 16 and heights[1] > heights[2]
    assert abs(heights[2] - 39) <= 3, "39 of its rows are in the frame"


def test_more_strength_overshoots_more_and_more_speed_comes_sooner() -> None:
    assert grown(8, Growth("medium", "heavy")) > grown(8, Growth("medium", "light")) + 3
    assert grown(3, Growth("fast")) > grown(3, Growth("slow")) + 5


def test_it_crouches_and_jumps_again() -> None:
    assert grown(43, Growth()) < 30 < grown(52, Growth())
    assert abs(grown(44, Growth()) - grown(43, Growth())) < 6, "without a leap in between"


def test_what_is_behind_shows_where_it_has_left_and_dust_lies_at_its_foot() -> None:
    frames = GREY.copy()
    frames[0][low(48)[0] > 0] = (220, 30, 30)
    out = growth(Shot(frames, low(48), 1, behind=GREY), 1, Growth())
    assert np.abs(out.frames[0, 62, 60:68].astype(int) - 70).max() < 12
    dust = growth(Shot(frames, low(48), 12, behind=GREY), 1, Growth()).frames[0, 88:, 70:80].astype(int)
    assert dust.mean() > 90 and (dust[..., 0] - dust[..., 2]).mean() > 3, "warm and light"


def test_a_burning_subject_burns_itself_and_above_itself() -> None:
    here = [Shot(GREY, low(), now) for now in range(10, 20)]
    matte = np.mean([fire(one, 2, Fire("heavy", "subject")).matte[0] for one in here], axis=0)
    assert matte[72:88, 58:70].mean() > 0.5, "on it"
    assert matte[58:66, 60:68].mean() > 0.3, "flames reach above it"
    assert matte[:, :24].max() < 0.1 and matte[:30].max() < 0.1, "not elsewhere"


def test_flames_follow_the_subject_they_burn_on() -> None:
    here, there = low(), np.roll(low(), 24, axis=2)
    a, b = (fire(Shot(GREY, mask, 12), 2, Fire("medium", "subject")).matte[0] for mask in (here, there))
    assert np.allclose(np.roll(a, 24, axis=1)[:, 32:], b[:, 32:], atol=0.02)


def test_where_nobody_said_the_subject_fire_on_it_is_refused_and_never_drawn() -> None:
    with pytest.raises(BadInput, match="mask"):
        fire(Shot(GREY), 1, Fire("medium", "subject"))
    assert not fire(Shot(GREY, np.zeros((1, 96, 128), np.float32)), 1, Fire("medium", "subject")).matte.any()
    drawn = {draw_edit(seed, Shot(GREY[:, :8, :8]), "fire").parameters.where for seed in range(24)}
    assert drawn == {"below", "left", "right"}
    drawn = [draw_edit(seed, Shot(GREY[:, :8, :8], low()[:, :8, :8]), "fire").parameters.where for seed in range(40)]
    assert 6 <= drawn.count("subject") <= 22, "about a third"
