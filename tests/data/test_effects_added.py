"""What is drawn into the picture, and what breaks it: parameters mean what they say."""

import numpy as np
import pytest

from refrain.data.effects import Shot
from refrain.data.effects.bunny import Bunny, bunny
from refrain.data.effects.dissolve import Dissolve, dissolve
from refrain.data.effects.freeze import Freeze, freeze
from refrain.data.effects.ghost import Ghost, ghost
from refrain.data.effects.glitch import Glitch, glitch
from refrain.data.effects.graffiti import Graffiti, graffiti
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
    for light, heavy in (
        [glitch(shot, 3, Glitch(strength)) for strength in ("light", "heavy")],
        [freeze(shot, 3, Freeze(strength=strength)) for strength in ("light", "heavy")],
    ):
        assert change(heavy.frames).mean() > 1.2 * change(light.frames).mean()


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


@pytest.mark.parametrize(("effect", "kind"), [(bunny, Bunny), (ghost, Ghost)])
@pytest.mark.parametrize("subject", [None, subject_of()])
def test_a_character_is_on_its_side_in_its_colour_and_size(effect, kind, subject: np.ndarray | None) -> None:
    covered = {}
    for where, half in (("left", slice(0, 48)), ("right", slice(48, 96))):
        matte = effect(Shot(GREY, subject), 1, kind(where)).matte[20:]
        assert matte[..., half].sum() > 0.9 * matte.sum() > 0
        covered[where] = matte
    shot = Shot(GREY[24:27], None if subject is None else subject[24:27], 24)
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        out = effect(shot, 1, kind("left", colour))
        assert out.frames[out.matte > 0.6].mean(0).argmax() == channel
    small, big = (effect(shot, 1, kind(size=size)).matte.sum() for size in ("small", "big"))
    assert big > 2 * small


def test_a_bunny_hops() -> None:
    matte = bunny(Shot(GREY), 1, Bunny("left")).matte[13:39] > 0.9  # without its shadow
    feet = np.array([np.flatnonzero(rows.any(1)).max() for rows in matte])
    assert feet.max() - feet.min() >= 4 and feet.max() < 63


def test_a_ghost_is_seen_through_and_hidden_by_the_subject_beside_which_there_is_room() -> None:
    subject = subject_of()
    out = ghost(Shot(GREY, subject), 1, Ghost("left"))
    assert not change(out.frames)[subject == 1].any()
    sheet = out.matte[20][(subject[20] == 0)]
    assert 0.5 < sheet.max() < 1 or (sheet == 1).mean() < 0.05  # only its face is solid
    everywhere = np.ones_like(subject)
    assert ghost(Shot(GREY, everywhere), 1, Ghost("left")).matte.max() > 0.5, "no room: it floats in front"


def test_a_dissolved_subject_is_gone_sooner_or_later_and_what_is_behind_is_seen() -> None:
    subject = subject_of(60)
    inside = subject[0] > 0.9
    source = np.where(inside[None, ..., None], np.uint8(20), np.uint8(160)) * np.ones((60, 1, 1, 3), np.uint8)
    halves = []
    for speed in ("slow", "medium", "fast"):
        frames = dissolve(Shot(source, subject), 2, Dissolve("red", speed)).frames.astype(int)
        gone = (np.abs(frames - 160).max(-1)[:, inside] < 12).mean(1)  # [T]
        halves.append(int(np.argmax(gone > 0.5)))
        assert gone[0] < 0.5 and (speed == "slow" or gone[-1] == 1)
        assert np.array_equal(frames[-1][:, :8], source[-1][:, :8])
    assert halves[0] > halves[1] > halves[2] > 0


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_the_edge_of_what_dissolves_glows_in_its_colour(colour: str, channel: int) -> None:
    source = np.full_like(GREY[:12], 60)
    out = dissolve(Shot(source, subject_of(12)), 2, Dissolve(colour)).frames.astype(int)
    gain = (out - source)[change(out, source) > 40]
    assert len(gain) > 20 and gain.mean(0).argmax() == channel


def test_graffiti_is_drawn_stroke_by_stroke_around_the_subject_and_moves_with_it() -> None:
    source = np.full_like(GREY[:1], 90)
    small = np.zeros((1, 64, 96), np.float32)
    small[:, 22:42, 42:54] = 1

    def covered(now: int, aside: int) -> np.ndarray:
        shot = Shot(source, np.roll(small, aside, axis=2), now)
        return graffiti(shot, 3, Graffiti("red")).matte[0] > 0.5

    area = {now: covered(now, 0).sum() for now in (0, 8, 20, 33, 45)}
    assert 0 < area[0] < area[8] < area[20] and abs(area[45] - area[33]) < 0.2 * area[45], "it grows, then it stays"
    assert np.array_equal(covered(33, 0), covered(35, 0)) and not np.array_equal(covered(35, 0), covered(36, 0))
    assert covered(20, -20)[:, :48].sum() > 5 * covered(20, -20)[:, 64:].sum()
    assert covered(20, 20)[:, 48:].sum() > 5 * covered(20, 20)[:, :32].sum()


def test_graffiti_has_its_colour_and_heavy_graffiti_more_strokes() -> None:
    shot = Shot(np.full_like(GREY[:1], 90), subject_of(1), 36)
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        out = graffiti(shot, 3, Graffiti(colour)).frames[0].astype(int)
        strong = out[np.ptp(out, axis=-1) > 60]
        assert len(strong) > 30 and strong.mean(0).argmax() == channel
    light, heavy = (graffiti(shot, 3, Graffiti(amount=amount)).matte.sum() for amount in ("light", "heavy"))
    assert heavy > 1.4 * light
