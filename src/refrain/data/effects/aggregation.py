"""Aggregation: glowing grains stream in from a side and settle into the subject, which appears where they arrive.

At first the subject is not there. The first grains settle after a few frames, the last after about 30 at medium speed;
then it stands whole, as in the source.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.behind import behind
from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.grains import Grains, around, at, grains_of, reach_of
from refrain.data.effects.motes import aglow, motes
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed

_LASTS = {"fast": 14.0, "medium": 24.0, "slow": 40.0}  # frames from the first grain that settles to the last
_SIDES = {"left": ("left", "left"), "right": ("right", "right"), "above": ("up", "down")}  # whence, what is made first


@dataclass(frozen=True)
class Aggregation:
    """The colour of the glow, whence the grains come ("left", "right", "above"), how soon it is over."""

    colour: str = "golden"
    direction: str = "left"
    speed: str = "medium"


def draw(rng: np.random.Generator) -> Aggregation:
    """A third of it golden, half of it at medium speed."""
    colour = "golden" if rng.random() < 0.33 else str(rng.choice(list(COLOURS)))
    direction = str(rng.choice(["left", "left", "right", "right", "above"]))
    return Aggregation(colour, direction, str(rng.choice(["slow", "medium", "medium", "fast"])))


def aggregation(shot: Shot, seed: int, parameters: Aggregation) -> Effected:
    """Show what is behind where no grain has settled, and the light of those that fly. Raises BadInput without a
    subject."""
    lasts = _LASTS[parameters.speed]
    tone = light_of(parameters.colour) ** 1.5
    tone = tone / tone.max()

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask, now = shot.mask(i), shot.now(i)
        nothing = np.zeros(mask.shape, np.float32)
        box = grains_of(mask) if now < lasts * 1.5 + 12 else None
        if box is None:
            return picture, nothing
        size = (mask.shape[0], mask.shape[1])
        grains = _arriving(mask, box, (seed, now), parameters)
        part = around(size, np.concatenate([box.corners(), grains[0]]), 0.05 * size[0] + 2)
        turn = box.turns_in(part, _SIDES[parameters.direction][1], seed, size[0])
        late = now - 2 - lasts * turn  # frames since the grains arrived here
        missing = smooth(late, 0.8, -0.8).astype(np.float32)
        warm = mask[part] * cv2.exp(-((np.maximum(late, 0) / 3.5) ** 2)) * smooth(late, -0.5, 0.5)
        drawn = motes(mask[part].shape, grains[0] - (part[1].start, part[0].start), *grains[1:])[..., 0]
        out, matte = picture.copy(), nothing
        base = picture[part] + (behind(shot, i)[part] - picture[part]) * missing[..., None]
        out[part], glow = aglow(base, (drawn + 0.32 * warm).astype(np.float32), tone)
        matte[part] = np.maximum(glow, missing * reach_of(mask[part], size[0]))
        return out, matte

    return painted(shot.frames, paint)


def _arriving(
    mask: np.ndarray, box: Grains, when: tuple[int, float], parameters: Aggregation
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places [N, 2], radii [N] and light [N, 1] of the grains that are on their way. when: seed and frame."""
    seed, now = when
    lasts = _LASTS[parameters.speed]
    whence, first = _SIDES[parameters.direction]
    places = box.placed(seed)
    turn = box.turns(places[None, :, 1], places[None, :, 0], first, seed)[0]
    left = (lasts * turn + 2 - now) * _LASTS["medium"] / lasts  # frames until it arrives
    number = np.arange(len(places))
    flight = 18 + 16 * hashed(seed, 96, number)
    here = at(mask, places)
    of = np.flatnonzero((left > -1.5) & (left < flight) & (here > 0.2) & (number % 2 == 0))
    flown = box.flown(seed, places[of], number[of], whence, np.maximum(left[of], 0))
    share = np.clip(left[of] / flight[of], 0, 1)
    twinkle = 0.75 + 0.25 * np.sin(now * 0.9 + number[of] * 2.4)
    bright = smooth(here[of], 0.2, 0.7) * smooth(share, 1.0, 0.6) * smooth(left[of], -1.5, 0.0) * twinkle
    radius = np.maximum(box.radii(seed)[of] * (0.62 + 0.35 * share), 0.45)
    return flown, radius, 0.85 * bright[:, None]


WORDING = Wording(
    known="make particles assemble into the person from the left",
    nouns=(
        "particle aggregation",
        "particle aggregation effect",
        "aggregation effect",
        "gathering particles",
        "assembling particles",
        "converging particles",
        "particles that assemble",
    ),
    adjectives=("assembled from particles", "formed by gathering particles", "gathered out of particles"),
    verbs=("assemble out of particles", "form out of gathering particles"),
    clauses=(
        "let particles gather into {subject}",
        "make particles assemble into {subject}",
        "let {subject} assemble out of particles",
        "form {subject} out of gathering particles",
        "let {subject} materialize",
        "make {subject} materialize out of particles",
        "make particles converge into {subject}",
    ),
    tails={
        "direction": {
            "left": ("from the left", "coming from the left", "from the left side"),
            "right": ("from the right", "coming from the right", "from the right side"),
            "above": ("from above", "coming from above", "from the top"),
        }
    },
    about=("into {subject}", "of {subject}", "on {subject}"),
)
