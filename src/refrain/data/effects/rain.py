"""Rain: slanted bright streaks over a darker, paler, slightly hazy picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import rowed, spread

_PAD = 0.2  # how far outside the frame streaks live, in heights


WORDING = Wording(
    known="add light rain",
    nouns=("rain", "rain", "falling rain", "rainfall", "raindrops", "rain drops", "pouring rain", "rain fall"),
    adjectives=("rainy", "rainy", "raining", "full of rain", "rain soaked", "rain"),
    verbs=("rain", "rain", "rain down"),
    named={
        -1: ("drizzle", "a drizzle", "a rain shower", "a few raindrops"),
        1: ("a downpour", "downpour", "a rainstorm", "a rain storm", "rainstorm"),
    },
)


@dataclass(frozen=True)
class Rain:
    """How much ("light", "medium", "heavy") and whither the wind drives it ("none", "left", "right")."""

    amount: str = "medium"
    wind: str = "none"


def draw(rng: np.random.Generator) -> Rain:
    """Half of it falls nearly straight."""
    return Rain(
        str(rng.choice(["light", "medium", "medium", "heavy"])), str(rng.choice(["none", "none", "left", "right"]))
    )


def rain(shot: Shot, seed: int, parameters: Rain) -> Effected:
    """Streaks are laid over the picture; the day behind them is dimmed, made paler and a little grey."""
    height, width = shot.frames.shape[1:3]
    looks = {"light": (45, 0.88, 0.05), "medium": (90, 0.76, 0.09), "heavy": (180, 0.62, 0.15)}
    per_square, dim, haze = looks[parameters.amount]
    slant = {"none": 0.04, "left": -0.42, "right": 0.42}[parameters.wind]
    number = np.arange(max(round(per_square * (width / height + 2 * _PAD)), 1))
    u = hashed(seed, 23, number[:, None], np.arange(5)[None])  # [N, 5]
    sky = rowed(np.array([0.60, 0.65, 0.72], np.float32) * np.float32(haze), width)
    drop = rowed(np.array([0.86, 0.90, 0.96], np.float32), width)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        streaks = _streaks(u, slant, (height, width), shot.now(i))
        pale = picture + (spread(luma_of(picture)) - picture) * np.float32(0.25 + haze)
        pale = pale * np.float32(dim) + sky
        return pale + (drop - pale) * spread(streaks), np.maximum(streaks, 1 - dim)

    return painted(shot.frames, paint)


def _streaks(u: np.ndarray, slant: float, size: tuple[int, int], now: float) -> np.ndarray:
    """How much the streaks cover at frame `now`: float32 [Y, X]; faint at the tail, bright at the head.

    `u` [N, 5] are the streaks' own numbers, `slant` is x over y of their path.
    """
    height, width = size
    near = 0.6 + 0.6 * u[:, 0]
    slants = slant + 0.03 * (u[:, 2] - 0.5)
    fall = 0.052 * near * (0.9 + 0.2 * u[:, 1])
    y = (u[:, 3] * (1 + 2 * _PAD) + fall * now) % (1 + 2 * _PAD) - _PAD
    x = (u[:, 4] * (width / height + 2 * _PAD) + fall * slants * now) % (width / height + 2 * _PAD) - _PAD
    head = np.stack([x, y], -1) * height  # [N, 2]
    tail = head - np.stack([slants, np.ones_like(slants)], -1) * (0.13 * near * height)[:, None]
    points = np.round(np.stack([tail, (tail + head) / 2, head], 1) * 16).astype(np.int32).tolist()
    light = np.round(100 + 130 * u[:, 0]).astype(int).tolist()
    thick = max(1, round(height * 0.0075))
    canvas = np.zeros(size, np.uint8)
    for (a, b, c), value in zip(points, light, strict=True):
        cv2.line(canvas, a, b, int(value * 0.55), thick, cv2.LINE_AA, 4)
        cv2.line(canvas, b, c, value, thick, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(canvas, (0, 0), max(height * 0.0035, 0.45)).astype(np.float32) / 255
