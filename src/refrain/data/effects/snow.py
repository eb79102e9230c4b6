"""Snow: soft flakes at several depths that sway as they fall, and the cool brightness of a snowy day."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.particles import stamped
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import rowed, spread

# depth: share of the flakes, radius and fall a frame in shares of the height, how opaque
_DEPTHS = ((0.34, 0.0100, 0.0080, 0.75), (0.40, 0.0145, 0.0115, 0.90), (0.26, 0.0200, 0.0160, 0.97))

_PAD = 0.06  # how far outside the frame flakes live, in heights


WORDING = Wording(
    known="make it snow heavily, blowing to the left",
    nouns=("snow", "snow", "falling snow", "snowfall", "snowflakes", "winter snow", "snow fall"),
    adjectives=("snowy", "snowy", "snowing", "full of snow", "wintry", "snow covered", "snow", "winter"),
    verbs=("snow",),
    named={
        -1: ("snow flurries", "a few snowflakes", "flurries"),
        1: ("a blizzard", "blizzard", "a snowstorm", "a snow storm", "snowstorm"),
    },
)


@dataclass(frozen=True)
class Snow:
    """How much ("light", "medium", "heavy") and whither the wind blows it ("none", "left", "right")."""

    amount: str = "medium"
    wind: str = "none"


def draw(rng: np.random.Generator) -> Snow:
    """Half of it falls straight."""
    return Snow(
        str(rng.choice(["light", "medium", "medium", "heavy"])), str(rng.choice(["none", "none", "left", "right"]))
    )


def snow(shot: Shot, seed: int, parameters: Snow) -> Effected:
    """Lay white flakes over a slightly brighter, cooler, paler picture."""
    height, width = shot.frames.shape[1:3]
    per_square, haze = {"light": (45, 0.05), "medium": (95, 0.09), "heavy": (200, 0.16)}[parameters.amount]
    wind = {"none": 0.0, "left": -0.85, "right": 0.85}[parameters.wind]
    flakes = _flakes(seed, per_square, width / max(height, 1))
    size = np.maximum(flakes["radius"] * height, 0.75).astype(np.float32)  # [N], pixels
    reach = int(np.ceil(size.max() * 1.6)) + 1
    opaque = (2.2 * flakes["opaque"]).astype(np.float32)[:, None, None]
    inverse = (1 / size**2)[:, None, None]
    air = rowed(np.array([0.86, 0.90, 0.97], np.float32), width)
    white = rowed(np.array([0.965, 0.975, 1.0], np.float32), width)

    def stamp(dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        square = (dy * dy + dx * dx) * inverse
        return opaque * np.exp(-square * np.sqrt(square))

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = _fallen(flakes, wind, width / max(height, 1), shot.now(i)) * height - 0.5
        here = 1 - np.exp(-stamped((height, width), places, reach, stamp))  # overlapping flakes never add up beyond 1
        pale = picture + (spread(luma_of(picture)) - picture) * np.float32(1.5 * haze)
        pale += (air - pale) * np.float32(haze)
        return pale + (white - pale) * spread(here), np.maximum(here, haze)

    return painted(shot.frames, paint)


def _flakes(seed: int, per_square: float, aspect: float) -> dict[str, np.ndarray]:
    """What every flake keeps for its life: [N] numbers in heights and heights a frame."""
    number = np.arange(max(round(per_square * (aspect + 2 * _PAD)), 1))
    u = hashed(seed, 11, number[:, None], np.arange(7)[None])  # [N, 7]
    share, size, speed, opaque = (np.array(column) for column in zip(*_DEPTHS, strict=True))
    depth = np.minimum(np.searchsorted(np.cumsum(share), u[:, 6]), len(_DEPTHS) - 1)
    return {
        "radius": size[depth] * (0.8 + 0.45 * u[:, 0]),
        "fall": speed[depth] * (0.85 + 0.3 * u[:, 1]),
        "opaque": opaque[depth],
        "sway": 0.012 * (0.5 + u[:, 2]),
        "rate": 2 * np.pi / (34 + 26 * u[:, 3]),
        "phase": 2 * np.pi * u[:, 2],
        "y": u[:, 4] * (1 + 2 * _PAD),
        "x": u[:, 5] * (aspect + 2 * _PAD),
    }


def _fallen(flakes: dict[str, np.ndarray], wind: float, aspect: float, now: float) -> np.ndarray:
    """Where the flakes are at frame `now`: [N, 2] as (y, x) in heights; who leaves the frame comes in opposite."""
    sway = flakes["sway"] * np.sin(now * flakes["rate"] + flakes["phase"])
    y = (flakes["y"] + flakes["fall"] * now) % (1 + 2 * _PAD) - _PAD
    x = (flakes["x"] + flakes["fall"] * wind * now) % (aspect + 2 * _PAD) - _PAD + sway
    return np.stack([y, x], -1)
