"""Rings: tilted bands of light that rotate around the subject, their far half hidden behind it."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.body import body_of
from refrain.data.effects.effected import Effected, lit, painted, smooth
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.trace import bloom, traced
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed

# of every ring: its lean to the side in radians, how far it opens towards us, its radius, its height on the body
_RINGS = ((-0.30, 0.30, 1.00, 0.06), (0.42, 0.36, 0.86, -0.10), (0.04, 0.22, 1.14, 0.26))

_TURN = 2 * np.pi * np.linspace(0, 1, 97)  # around a ring, pi / 2 is nearest to us
_INSIDE = (np.abs(_TURN - np.pi) < np.pi - 1e-6).astype(np.float64)  # dark at both ends: no line leads to the next ring
_DIM = 0.4  # how bright a ring is between its arcs, 1 is in their middle
_IN = 10  # frames in which the rings open


@dataclass(frozen=True)
class Rings:
    """The colour of the light, how fast ("slow", "medium", "fast") it turns, and how many ("one", "two", "three")."""

    colour: str = "golden"
    speed: str = "medium"
    count: str = "two"


def draw(rng: np.random.Generator) -> Rings:
    """Half of them two."""
    return Rings(
        str(rng.choice(list(COLOURS))),
        str(rng.choice(["slow", "medium", "medium", "fast"])),
        str(rng.choice(["one", "two", "two", "three"])),
    )


def rings(shot: Shot, seed: int, parameters: Rings) -> Effected:
    """Shining bands with three brighter arcs each; they open within ten frames, turn, and sway a little."""
    size = shot.frames.shape[1:3]
    colour = light_of(parameters.colour)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matte = np.zeros(size, np.float32)
        body = body_of(shot.mask(i))
        if body is None:
            return picture, matte
        radius = float(np.clip(max(0.80 * body.width, 0.46 * body.height), 0.10 * size[0], 0.44 * size[1]))
        x, y = body.middle
        top, left = max(int(y - 1.15 * radius), 0), max(int(x - 1.45 * radius), 0)
        box = np.s_[top : int(y + 1.15 * radius) + 1, left : int(x + 1.45 * radius) + 1]  # no ring leaves it
        middle = (x - left, y - top)
        far, near = _bands(matte[box].shape, middle, body.height, radius, seed, parameters, shot.now(i))
        band = np.maximum(far * (1 - shot.mask(i)[box]), near)
        solid = np.minimum(band * (1 / _DIM), 1)
        shine = 0.25 * solid + 0.75 * np.maximum(band - _DIM, 0) / (1 - _DIM)
        halo = bloom(shine, max(0.055 * radius, 0.4))
        metal = (0.25 + 0.75 * shine[..., None]) * colour + 0.6 * (shine**3)[..., None]
        here = picture[box] + (np.sqrt(metal) - picture[box]) * (0.92 * solid)[..., None]
        picture[box] = lit(here, 1.5 * (halo - 0.6 * shine)[..., None] * colour)
        matte[box] = np.maximum(solid, smooth(halo, 0.01, 0.6))
        return picture, matte

    return painted(shot.frames, paint)


def _bands(
    size: tuple[int, ...],
    middle: tuple[float, float],
    height: float,
    radius: float,
    seed: int,
    parameters: Rings,
    now: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The far and the near halves: each float32 [Y, X], 0 where there is no ring, _DIM to 1 where it shines."""
    pace = {"slow": 0.6, "medium": 1.0, "fast": 1.8}[parameters.speed]
    grown = float(smooth(np.array(now), -2.0, _IN))
    wide, thin, shine = [], [], []
    for k in range({"one": 1, "two": 2, "three": 3}[parameters.count]):
        lean, tilt, part, low = _RINGS[k]
        u = hashed(seed, 71, k, np.arange(3))
        lean += 0.10 * np.sin(now * 0.05 * pace + 6.3 * u[0])
        reach = radius * part * (0.35 + 0.65 * grown)
        x, y = reach * np.cos(_TURN), reach * (tilt + 0.04 * np.sin(now * 0.04 * pace + 6.3 * u[1])) * np.sin(_TURN)
        centre = np.array([middle[0], middle[1] + low * height])
        place = np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], -1)
        arcs = np.cos(1.5 * (_TURN - (1 - 2 * (k % 2)) * (0.16 * pace * now + 6.3 * u[2]))) ** 4  # three of them
        wide.append(centre + place)
        thin.append(centre + 1.1 * place)
        shine.append(grown * (_DIM + (1 - _DIM) * arcs) * _INSIDE)
    halves = []
    for side, thick in ((np.sin(_TURN) < 0, 0.038 * radius), (np.sin(_TURN) >= 0, 0.056 * radius)):
        shown = np.tile(side.astype(np.float64), len(wide))
        band = traced((size[0], size[1]), np.concatenate(wide), thick, shown * np.concatenate(shine))
        fine = traced((size[0], size[1]), np.concatenate(thin), 0.28 * thick, shown * 0.7 * np.concatenate(shine))
        halves.append(np.maximum(band, fine))
    return halves[0], halves[1]


WORDING = Wording(
    known="add rotating rings around the subject",
    nouns=(
        "rotating rings", "rings", "spinning rings", "shining rings", "orbiting rings", "rings of light",
        "turning rings", "luminous rings", "whirling hoops", "hoops of light", "circling rings", "magic rings",
    ),
    clauses=("let rings rotate around {subject}", "let rings circle {subject}", "rings should orbit {subject}"),
    tails={
        "count": {
            "one": ("just one of them", "only one of them", "a single one"),
            "two": ("two of them", "two"),
            "three": ("three of them", "three"),
        }
    },
    usual={"count": "two"},
    about=("around {subject}", "around {subject}", "circling {subject}", "orbiting {subject}", "about {subject}"),
)  # fmt: skip
