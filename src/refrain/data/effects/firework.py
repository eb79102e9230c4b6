"""Fireworks: rockets rise and burst into spheres of sparks that slow down, sink, twinkle and go out.

The first bursts about five frames after the clip begins; then they go on one after the other.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.body import body_of
from refrain.data.effects.effected import Effected, painted
from refrain.data.effects.motes import motes
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.trace import bloom
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import spread

_CYCLE = 32.0  # frames from one burst of a rocket's place to the next
_LIFE = 27.0  # frames the sparks live
_RISE = 9.0  # frames a rocket rises
_SPARKS = 110  # of one burst
_TRAIL = np.array([0, 0.35, 0.7, 1.1, 1.6, 2.2, 2.9, 3.7])  # frames that the points of a trail lie back
_MANY = ("red", "golden", "green", "blue", "purple", "pink", "cyan", "orange", "white")
_ROCKET = np.array([1.0, 0.72, 0.36])


@dataclass(frozen=True)
class Firework:
    """Its colour ("colourful" or one of the palette), where it bursts ("above", "behind" the subject), how much."""

    colour: str = "colourful"
    where: str = "above"
    amount: str = "medium"


@dataclass(frozen=True)
class _Burst:
    """One burst of sparks. Lengths and places in heights."""

    key: int
    middle: np.ndarray  # (x, y)
    radius: float
    age: float  # frames; below 0 the rocket still rises
    tone: np.ndarray  # linear light [3]


def draw(rng: np.random.Generator) -> Firework:
    """Half of them in many colours, two thirds above."""
    colour = "colourful" if rng.random() < 0.5 else str(rng.choice(list(COLOURS)))
    where = str(rng.choice(["above", "above", "behind"]))
    return Firework(colour, where, str(rng.choice(["light", "medium", "medium", "heavy"])))


def firework(shot: Shot, seed: int, parameters: Firework) -> Effected:
    """Add the light of sparks and rockets; around a burst the picture darkens a little, as a camera lets it, and glows.

    Behind the subject its mask hides them. Raises BadInput there where nobody said what the subject is.
    """
    height, width = shot.frames.shape[1:3]
    size = (height, width)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = _beside(shot.mask(i), size) if parameters.where == "behind" else _sky(width / height)
        if places is None:
            return picture, np.zeros(size, np.float32)
        bursts = _bursts(seed, parameters, places, shot.now(i))
        if not bursts:
            return picture, np.zeros(size, np.float32)
        sparks = _sparks(bursts, seed, size)
        soft = _soft(bursts, sparks)  # [y, x, 4], small
        gain = np.exp(-0.55 * np.minimum(soft[..., 3:], 1.3)) * np.sqrt(1 + 1.2 * soft[..., :3] * soft[..., 3:])
        gain, soft = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in (gain, soft))
        shine, strong = cv2.cvtColor(soft, cv2.COLOR_RGBA2RGB), cv2.extractChannel(soft, 3)
        if parameters.where == "behind":
            seen = 1 - shot.mask(i)
            sparks, gain = sparks * spread(seen), 1 + (gain - 1) * spread(0.3 + 0.7 * seen)
            shine, strong = shine * spread(0.12 + 0.88 * seen), strong * (0.12 + 0.88 * seen)
        scene = np.minimum(picture * gain, 1)
        light = 2.6 * sparks + shine
        out = np.sqrt(1 - (1 - scene * scene) * cv2.exp(-light))
        return out, 1 - cv2.exp(-3 * _most(sparks) - 1.2 * strong)

    return painted(shot.frames, paint)


def _sky(aspect: float) -> np.ndarray:
    """Where bursts may be, in heights: least x, most x, least y, most y, and their usual radius."""
    return np.array([0.16 * aspect, 0.84 * aspect, 0.20, 0.38, 0.32 * min(1.0, aspect)])


def _beside(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """The same behind a subject: beside and above the middle of its body. None where there is no body."""
    body = body_of(mask)
    if body is None:
        return None
    (x, y), w, h = body.middle, body.width, body.height
    box = np.array([x - 0.55 * w, x + 0.55 * w, y - 0.50 * h, y - 0.05 * h]) / size[0]
    radius = np.clip(0.72 * np.sqrt(w * h) / size[0], 0.32, 0.55)
    return np.array([*box, radius])


def _bursts(seed: int, parameters: Firework, where: np.ndarray, now: float) -> list[_Burst]:
    """What rises or burns at frame `now`: every place sends a rocket a cycle, one place after the other."""
    places = {"light": 2, "medium": 3, "heavy": 6}[parameters.amount]
    left, right, high, low, radius = where
    found: list[_Burst] = []
    for place in range(places):
        for cycle in range(max(int((now - 60) // _CYCLE), 0), int((now + 20) // _CYCLE) + 2):
            u = hashed(seed, 71, place, cycle, np.arange(6))
            age = now - (5 + _CYCLE * (cycle + place / places) + u[0] * (2 if place == 0 else 5))
            if not -_RISE < age < _LIFE:
                continue
            along = (0.45 + 0.382 * place + 0.236 * cycle + 0.2 * (u[1] - 0.5)) % 1.0
            middle = np.array([left + (right - left) * along, high + (low - high) * u[2]])
            colour = _MANY[int(u[3] * len(_MANY))] if parameters.colour == "colourful" else parameters.colour
            tone = light_of(colour).astype(np.float64) ** 1.5
            found.append(_Burst(place + 64 * cycle, middle, radius * (0.80 + 0.35 * u[4]), age, tone / tone.max()))
    return found


def _sparks(bursts: list[_Burst], seed: int, size: tuple[int, int]) -> np.ndarray:
    """The light of all sparks and rockets with their trails, [Y, X, 3]."""
    drawn = [_sphere(burst, seed) if burst.age >= 0 else _rocket(burst) for burst in bursts]
    if not drawn:
        return np.zeros((*size, 3), np.float32)
    places, radius, light = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return motes(size, places * size[0] - 0.5, np.maximum(radius * size[0], 0.55), light)


def _sphere(burst: _Burst, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places [N, 2], radii [N] and light [N, 3] of the points of all trails of a burst."""
    number = np.arange(_SPARKS)
    u = hashed(seed, 72, burst.key, number[:, None], np.arange(5)[None])  # [S, 5]
    depth = 1 - 2 * (number + 0.5) / _SPARKS  # even over a sphere: the golden spiral
    round_ = number * 2.39996 + u[:, 0]
    flat = np.sqrt(1 - depth**2)
    way = np.stack([flat * np.cos(round_), flat * np.sin(round_)], -1) * (0.82 + 0.22 * u[:, 1:2])
    age = np.maximum(burst.age - _TRAIL, 0)  # [K]
    far = burst.radius * (1 - np.exp(-age / 5.5))
    places = burst.middle + way[:, None] * far[None, :, None]  # [S, K, 2]
    places[..., 1] += 0.42 * burst.radius * (age / _LIFE) ** 2  # it sinks
    life = _LIFE * (0.72 + 0.28 * u[:, 2])
    left = np.clip(1 - burst.age / life, 0, 1) ** 0.8
    twinkle = 0.55 + 0.45 * np.sin(burst.age * (1.1 + 0.9 * u[:, 3]) + 6.28 * u[:, 4])
    late = np.clip((burst.age - 7) / 8, 0, 1)
    bright = left * (1 - late + late * twinkle * 1.5)  # [S]
    tail = np.exp(-_TRAIL / 2.2) * (burst.age > _TRAIL - 0.6)  # [K]
    hot = np.exp(-burst.age / 3.0) + 0.14 * (np.arange(len(_TRAIL)) == 0)  # young sparks are white
    tone = burst.tone + (1 - burst.tone) * np.clip(hot, 0, 1)[:, None]  # [K, 3]
    light = bright[:, None, None] * (tail[:, None] * tone)[None]
    radius = np.broadcast_to(0.0060 * (1 - 0.09 * np.arange(len(_TRAIL))), light.shape[:2])
    return places.reshape(-1, 2), radius.reshape(-1), light.reshape(-1, 3)


def _rocket(burst: _Burst) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of a rocket on its way up: it starts fast and slows down, with a long fading trail."""
    back = np.arange(24) * 0.12
    share = np.clip((burst.age + _RISE - back) / _RISE, 0, 1)
    places = np.repeat(burst.middle[None], len(back), 0)
    places[:, 1] += (1.08 - burst.middle[1]) * (1 - share) ** 1.7
    places[:, 0] += 0.010 * np.sin(share * 9 + burst.key)
    bright = 0.9 * (1 - back / back[-1]) * np.clip((burst.age + _RISE) / 2, 0, 1)
    return places, np.full(len(back), 0.0050), bright[:, None] * _ROCKET


def _soft(bursts: list[_Burst], sparks: np.ndarray) -> np.ndarray:
    """The halos of sparks [Y, X, 3] and the light of whole bursts, strongest as they go off; and how strong all is.

    float32 [y, x, 4] at a quarter of the size.
    """
    height, width = sparks.shape[:2]
    size = (max(height // 4, 1), max(width // 4, 1))
    few = cv2.resize(sparks, size[::-1], interpolation=cv2.INTER_AREA)
    halo = np.maximum(bloom(few, max(0.016 * size[0], 0.4)) - few - np.float32(0.01), 0)
    x, y = ((np.arange(n, dtype=np.float32) + 0.5) / n * (m / height) for n, m in zip(size[::-1], (width, height)))
    glow = np.zeros((*size, 3), np.float32)
    for burst in bursts:
        power = min(1, max(burst.age + 0.4, 0)) * (1.3 * np.exp(-burst.age / 4) + 0.9 * max(1 - burst.age / _LIFE, 0))
        down = np.exp(-(((y - burst.middle[1]) / burst.radius) ** 2))
        over = np.exp(-(((x - burst.middle[0]) / burst.radius) ** 2))
        shape = np.maximum(down[:, None] * over - np.float32(0.02), 0) * np.float32(power)
        glow += shape[..., None] * (0.25 + 0.75 * burst.tone).astype(np.float32)
    return np.concatenate([1.2 * halo + 0.14 * glow, _most(glow + 0.4 * halo)[..., None]], -1)


def _most(light: np.ndarray) -> np.ndarray:
    """The largest channel, [Y, X]."""
    red, green, blue = cv2.split(light)
    return np.maximum(np.maximum(red, green), blue)


WORDING = Wording(
    known="add fireworks above",
    nouns=(
        "fireworks",
        "firework explosion",
        "firework explosions",
        "bursting fireworks",
        "exploding fireworks",
        "fireworks display",
        "firework bursts",
        "bursting rockets",
        "firework show",
    ),
    adjectives=("full of fireworks", "lit by fireworks", "fireworks filled"),
    clauses=(
        "let fireworks go off",
        "set off fireworks",
        "make fireworks explode",
        "shoot off some rockets",
        "fire off fireworks",
    ),
    named={-1: ("a few fireworks",), 1: ("a grand fireworks display", "a barrage of fireworks")},
    tails={
        "where": {
            "above": ("above", "in the sky", "overhead", "in the upper part of the frame", "above {subject}"),
            "behind": ("behind {subject}", "in the background behind {subject}", "bursting behind {subject}"),
        },
        "colour": {"colourful": ("in many colours", "of all colours", "in different colors")},
    },
    usual={"where": "above", "colour": "colourful"},
)
