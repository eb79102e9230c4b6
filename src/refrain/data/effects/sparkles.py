"""Sparkles: four-pointed stars with soft halos that light up and fade in place."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, painted
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.particles import stamped
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import rowed, spread

_LIFE = 10  # frames from dark to dark


WORDING = Wording(
    known="add blue sparkles",
    nouns=(
        "sparkles", "sparkles", "glitter", "sparkle", "twinkling stars", "glitters", "sparkling lights", "twinkles",
        "glittering lights", "twinkling lights", "sparkling stars", "shimmer", "stars",
    ),
    adjectives=(
        "sparkling", "sparkly", "glittering", "glittery", "twinkling", "full of sparkles", "full of glitter",
        "shimmering",
    ),
    verbs=("sparkle", "sparkle", "glitter", "twinkle", "shimmer"),
    clauses=("make the air sparkle", "make the air glitter"),
    named={-1: ("a few sparkles", "a few stars"), 1: ("lots of glitter", "many sparkles", "many twinkling stars")},
    usual={"colour": "white"},
)  # fmt: skip


@dataclass(frozen=True)
class Sparkles:
    """The colour of the light, and how much of it: "light", "medium" or "heavy"."""

    colour: str = "white"
    amount: str = "medium"


def draw(rng: np.random.Generator) -> Sparkles:
    """A third of them without a colour of their own."""
    colour = "white" if rng.random() < 0.33 else str(rng.choice([c for c in COLOURS if c != "white"]))
    return Sparkles(colour, str(rng.choice(["light", "medium", "medium", "heavy"])))


def sparkles(shot: Shot, seed: int, parameters: Sparkles) -> Effected:
    """Add the light of every star that is lit; each lives ten frames, then another is born elsewhere."""
    height, width = shot.frames.shape[1:3]
    per_square = {"light": 11, "medium": 22, "heavy": 44}[parameters.amount]
    number = np.arange(max(round(per_square * width / height), 1))
    first = (hashed(seed, 51, number) * 1000).astype(np.int64)  # [N]
    period = (_LIFE + 1 + 6 * hashed(seed, 52, number)).astype(np.int64)
    colour = rowed(light_of(parameters.colour), width)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cycle, age = np.divmod(shot.now(i) + first, period)
        lives = age < _LIFE
        y, x, big = (hashed(seed, 53 + k, number[lives], cycle[lives]) for k in range(3))
        lit = np.sin(np.pi * np.minimum((age[lives] + 0.5) / _LIFE, 1)) ** 1.5 * (0.7 + 0.3 * big)
        light = _stars((height, width), np.stack([y, x * width / height], -1), 0.045 + 0.040 * big, lit)
        white = spread(np.clip((light - 0.9) * 0.6, 0, 1))
        added = spread(light) * (colour + (1 - colour) * white)
        out = 1 - (1 - picture * picture) * np.exp(-1.3 * added)
        return np.sqrt(out), 1 - np.exp(-2.0 * light)

    return painted(shot.frames, paint)


def _stars(size: tuple[int, int], places: np.ndarray, arms: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """Light of stars [Y, X]: places [N, 2] and arms [N] in heights, brightness [N]."""
    arm = np.maximum(arms * size[0], 1.5).astype(np.float32)[:, None, None]
    bright = lit.astype(np.float32)[:, None, None]

    def star(dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        thin, long = np.maximum(arm * 0.13, 0.6), arm * 0.42
        v, h = np.abs(dy), np.abs(dx)  # the light is a sum of products of a row and a column: cheap to make
        rays = np.exp(-v / long) * np.exp(-((h / thin) ** 2)) + np.exp(-h / long) * np.exp(-((v / thin) ** 2))
        halo = 0.40 * np.exp(-((v / (arm * 0.62)) ** 2)) * np.exp(-((h / (arm * 0.62)) ** 2))
        core = 1.2 * np.exp(-((v / (arm * 0.22)) ** 2)) * np.exp(-((h / (arm * 0.22)) ** 2))
        return bright * (1.2 * rays + halo + core)

    reach = int(np.ceil(0.085 * size[0] * 1.4)) + 1
    return stamped(size, places * size[0], reach, star)
