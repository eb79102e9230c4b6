"""Dissolve: the subject is eaten away from one side, patch by patch, with a bright edge; what is behind it appears.

It begins at once, is through after 30 frames (18 fast, 48 slow), and the subject stays away.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from refrain.data.effects.behind import behind
from refrain.data.effects.body import Body, body_of, box_of
from refrain.data.effects.effected import Effected, lit, painted, smooth
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.particles import stamped
from refrain.data.effects.shot import Shot
from refrain.data.effects.trace import bloom
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed, sample, tile

_FRAMES = {"slow": 48.0, "medium": 30.0, "fast": 18.0}
_BAND = 0.035  # how wide the bright edge is, in the order in which places go (0..1)
_FIRST, _RATE = 0.08, 1.04  # what is gone at first, and all that goes in that time
_SPARKS = 110
_LIFE = 13.0  # frames that a spark glows


@dataclass(frozen=True)
class Dissolve:
    """The colour of the edge, and how fast it goes: "slow", "medium" or "fast"."""

    colour: str = "orange"
    speed: str = "medium"


def draw(rng: np.random.Generator) -> Dissolve:
    """A third of them in the colours of embers."""
    colour = "orange" if rng.random() < 0.33 else str(rng.choice([c for c in COLOURS if c != "orange"]))
    return Dissolve(colour, str(rng.choice(["slow", "medium", "medium", "fast"])))


def dissolve(shot: Shot, seed: int, parameters: Dissolve) -> Effected:
    """Replace what is gone by what is behind it, char what goes next, and let the edge glow and throw sparks."""
    size = shot.frames.shape[1:3]
    height = size[0]
    colour = light_of(parameters.colour)
    grown = np.ones((2 * max(height // 60, 1) + 1,) * 2, np.uint8)
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now, matte = shot.now(i), np.zeros(size, np.float32)
        body = body_of(shot.mask(i), 16)
        if body is None:
            return picture, matte
        passed = _FIRST + _RATE * now / _FRAMES[parameters.speed]
        box = _around(box_of(body.mask), size)
        mask, part = body.mask[box], picture[box]
        near = cv2.GaussianBlur(cv2.dilate(mask, grown), (0, 0), max(height / 200, 0.5))
        ahead = _order(body, seed, y[box], x[box]) - np.float32(passed)  # above 0 it is still there
        gone = smooth(ahead, 0.012, -0.012) * near
        charred = smooth(ahead, 0.20, 0.02) * mask * np.float32(0.75)
        edge = np.exp(-np.maximum(ahead, 0) / _BAND) * smooth(ahead, -0.020, 0.004) * mask
        part *= (1 - charred)[..., None]
        part += (_without(shot, i, box) - part) * gone[..., None]
        sparks = _sparks(body, seed, now, parameters.speed, box)
        light = bloom(1.6 * edge + sparks, max(0.02 * height, 0.5))
        white = np.float32(1.3) * np.maximum(edge - 0.55, 0)[..., None]
        picture[box] = lit(part, light[..., None] * (colour + (1 - colour) * white))
        halo = np.minimum(1.5 * light, 1) * smooth(light, 0.01, 0.05)
        matte[box] = np.maximum(np.maximum(gone, charred), halo)
        return picture, matte

    return painted(shot.frames, paint)


def _around(box: tuple[slice, slice], size: tuple[int, int]) -> tuple[slice, slice]:
    """The part of the frame in which light of what is in the box is seen: sparks rise above it."""
    aside, above = size[0] // 7 + 1, size[0] // 3 + 1
    rows = slice(max(box[0].start - above, 0), min(box[0].stop + aside, size[0]))
    return rows, slice(max(box[1].start - aside, 0), min(box[1].stop + aside, size[1]))


def _without(shot: Shot, i: int, box: tuple[slice, slice]) -> np.ndarray:
    """What is behind the subject in a part of frame i: float32 [y, x, 3]."""
    frames, subject = shot.frames[i : i + 1, box[0], box[1]], shot.mask(i)[None, box[0], box[1]]
    known = None if shot.behind is None else shot.behind[i : i + 1, box[0], box[1]]
    return behind(replace(shot, frames=frames, subject=subject, behind=known), 0)


def _order(body: Body, seed: int, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """When places go, 0 first and 1 last, in the subject's own coordinates: noise, and one side before the other."""
    a, b, c = hashed(seed, 111, np.arange(3)).tolist()
    size = np.float32(max(body.height, body.width))
    v, u = (y - np.float32(body.middle[1])) / size, (x - np.float32(body.middle[0])) / size
    rough = sample(tile(-3.6, 111, 1.0, 4), v * 0.40 + np.float32(a), u * 0.40 + np.float32(b))
    aside = u * np.float32(np.cos(2 * np.pi * c)) + v * np.float32(np.sin(2 * np.pi * c))  # -0.7..0.7
    return 0.52 * (0.5 + 0.5 * np.tanh(0.9 * rough)) + 0.48 * np.clip(0.5 + aside, 0, 1)


def _sparks(body: Body, seed: int, now: float, speed: str, box: tuple[slice, slice]) -> np.ndarray:
    """Light of the sparks in a part of the frame [y, x]: each leaves its place when the edge passes, and rises."""
    rows, columns = body.mask.shape
    u = hashed(seed, 112, np.arange(_SPARKS)[:, None], np.arange(4)[None])  # [N, 4]
    y, x = body.top + u[:, 0] * body.height, body.left + u[:, 1] * body.width
    row, column = np.clip(y.astype(int), 0, rows - 1), np.clip(x.astype(int), 0, columns - 1)
    order = _order(body, seed, y[None].astype(np.float32), x[None].astype(np.float32))[0]
    born = (order - _FIRST) / _RATE * _FRAMES[speed]
    age = (now - born) / _LIFE  # [N], 0..1 while it glows
    lives = (age > 0) & (age < 1) & (body.mask[row, column] > 0.5)
    age, u = age[lives], u[lives]
    up = rows * (0.16 + 0.14 * u[:, 2]) * age * (1.5 - 0.5 * age)  # quick at first, then slowed by the air
    sway = rows * 0.05 * ((u[:, 3] - 0.5) * 2 * age + 0.3 * np.sin(9 * age + 6.3 * u[:, 2]))
    bright = (1.1 * np.sin(np.pi * np.sqrt(age))).astype(np.float32)[:, None, None]
    big = np.float32(max(0.0050 * rows, 0.55))
    reach = int(np.ceil(2.5 * big))
    places = np.stack([y[lives] - up - box[0].start, x[lives] + sway - box[1].start], -1)
    size = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    return stamped(size, places, reach, lambda dy, dx: bright * np.exp(-(dy * dy + dx * dx) / big**2))


WORDING = Wording(
    known="make the subject dissolve",
    nouns=("dissolve effect", "dissolve", "dissolving", "dissolution", "erosion", "dissolving effect"),
    adjectives=("dissolving", "dissolved", "eroding", "dissolved away", "eroded"),
    verbs=("dissolve", "dissolve completely", "erode", "dissolve into nothing", "erode away"),
    clauses=(
        "dissolve {subject}",
        "make {subject} dissolve",
        "let {subject} dissolve into nothing",
        "let {subject} dissolve",
        "dissolve {subject} into nothing",
        "erode {subject}",
        "let {subject} erode away",
    ),
)
