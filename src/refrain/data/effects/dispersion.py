"""Dispersion: the subject breaks up into grains of its own colours that a wind carries off, until nothing is left.

A front runs over the body from the side the grains fly to. It starts at once and is through after about 28 frames at
medium speed; the grains go out soon after, and the subject stays gone.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.behind import behind
from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.grains import Grains, around, at, grains_of, reach_of
from refrain.data.effects.motes import motes
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed

_LASTS = {"fast": 14.0, "medium": 24.0, "slow": 40.0}  # frames until the front is through


@dataclass(frozen=True)
class Dispersion:
    """Whither the grains fly ("left", "right", "up"), and how soon it is over ("slow", "medium", "fast")."""

    direction: str = "right"
    speed: str = "medium"


def draw(rng: np.random.Generator) -> Dispersion:
    """To the sides more often than up, half of it at medium speed."""
    direction = str(rng.choice(["right", "right", "left", "left", "up"]))
    return Dispersion(direction, str(rng.choice(["slow", "medium", "medium", "fast"])))


def dispersion(shot: Shot, seed: int, parameters: Dispersion) -> Effected:
    """Show what is behind where the front has passed, and over it the grains that have left. Raises BadInput without a
    subject."""
    lasts = _LASTS[parameters.speed]

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = shot.mask(i)
        box = grains_of(mask)
        if box is None:
            return picture, np.zeros(mask.shape, np.float32)
        now, size = shot.now(i), (mask.shape[0], mask.shape[1])
        part = around(size, box.corners(), 0.03 * size[0] + 2)
        turn = box.turns_in(part, parameters.direction, seed, size[0])
        gone = smooth(now - 1 - lasts * turn, -0.6, 0.6).astype(np.float32)
        out, matte = picture.copy(), np.zeros(size, np.float32)
        out[part] += (behind(shot, i)[part] - picture[part]) * gone[..., None]
        matte[part] = gone * reach_of(mask[part], size[0])
        _fly(out, matte, _flying(picture, mask, box, (seed, now), parameters))
        return out, matte

    return painted(shot.frames, paint)


def _flying(
    picture: np.ndarray, mask: np.ndarray, box: Grains, when: tuple[int, float], parameters: Dispersion
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places [N, 2], radii [N] and colours with opacity [N, 4] of the grains that have left. when: seed and frame."""
    seed, now = when
    lasts = _LASTS[parameters.speed]
    places = box.placed(seed)
    turn = box.turns(places[None, :, 1], places[None, :, 0], parameters.direction, seed)[0]
    age = (now - 1 - lasts * turn) * _LASTS["medium"] / lasts
    number = np.arange(len(places))
    life = 15 + 17 * hashed(seed, 96, number)
    here = at(mask, places)
    of = np.flatnonzero((age > 0) & (age < life) & (here > 0.2))
    share = age[of] / life[of]
    bright = smooth(here[of], 0.2, 0.7) * (1 - share**3) * smooth(age[of], 0, 0.8)
    radius = np.maximum(box.radii(seed)[of] * (1 - 0.45 * share), 0.45)
    tint = at(picture, places[of])
    values = np.concatenate([tint, np.ones((len(of), 1))], -1) * bright[:, None]
    return box.flown(seed, places[of], number[of], parameters.direction, age[of]), radius, values


def _fly(out: np.ndarray, matte: np.ndarray, grains: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Lay grains over a picture and its matte."""
    places, radius, values = grains
    if not len(places):
        return
    part = around((matte.shape[0], matte.shape[1]), places, 2 * float(radius.max()) + 1)
    drawn = motes(matte[part].shape, places - (part[1].start, part[0].start), radius, values)
    dense = drawn[..., 3]
    cover = 1 - cv2.exp(-3.2 * dense).reshape(dense.shape)
    out[part] += drawn[..., :3] * (cover / np.maximum(dense, 1e-4))[..., None] - out[part] * cover[..., None]
    matte[part] = np.maximum(matte[part], cover)


WORDING = Wording(
    known="make the person disperse into particles to the right",
    nouns=(
        "particle dispersion",
        "particle dispersion effect",
        "dispersion effect",
        "dispersing particles",
        "disintegration into particles",
        "scattering into particles",
        "crumbling into dust",
        "thanos snap",
    ),
    adjectives=("dispersed into particles", "scattered into particles", "crumbled into dust", "blown away as dust"),
    verbs=("disperse", "disintegrate", "crumble into dust", "turn to dust", "explode into particles"),
    clauses=(
        "let {subject} disperse into particles",
        "make {subject} disintegrate",
        "make {subject} crumble into dust",
        "turn {subject} to dust",
        "scatter {subject} into particles",
        "let the wind carry {subject} off as dust",
        "break {subject} up into small particles",
        "disperse {subject}",
    ),
    tails={
        "direction": {
            "left": ("to the left", "towards the left", "flying off to the left"),
            "right": ("to the right", "towards the right", "flying off to the right"),
            "up": ("upwards", "into the air", "flying up"),
        }
    },
    about=("of {subject}", "on {subject}", "from {subject}"),
)
