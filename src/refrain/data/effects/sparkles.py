"""Sparkles: four-pointed stars with soft halos that light up and fade in place."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, clock, sealed, unit
from refrain.data.effects.particles import stamped
from refrain.data.noise import hashed

COLOURS: dict[str, tuple[float, float, float]] = {
    "white": (1.0, 1.0, 1.0),
    "golden": (1.0, 0.72, 0.16),
    "silver": (0.80, 0.88, 1.0),
    "blue": (0.20, 0.48, 1.0),
    "pink": (1.0, 0.32, 0.68),
    "green": (0.25, 1.0, 0.35),
    "purple": (0.68, 0.28, 1.0),
    "red": (1.0, 0.20, 0.15),
}
_LIFE = 10  # frames from dark to dark


@dataclass(frozen=True)
class Sparkles:
    """The colour of the light, and how much of it: "light", "medium" or "heavy"."""

    colour: str = "white"
    amount: str = "medium"


def draw(rng: np.random.Generator) -> Sparkles:
    """A third of them without a colour of their own."""
    colour = "white" if rng.random() < 0.33 else str(rng.choice([c for c in COLOURS if c != "white"]))
    return Sparkles(colour, str(rng.choice(["light", "medium", "medium", "heavy"])))


def sparkles(frames: np.ndarray, seed: int, parameters: Sparkles, start: int = 0) -> Effected:
    """Add the light of every star that is lit; each lives ten frames, then another is born elsewhere."""
    time, height, width = frames.shape[:3]
    per_square = {"light": 11, "medium": 22, "heavy": 44}[parameters.amount]
    number = np.arange(max(int(round(per_square * width / height)), 1))
    own = hashed(seed, 51, number)  # [N]
    period = (_LIFE + 1 + 6 * hashed(seed, 52, number)).astype(np.int64)
    age = clock(frames, start).astype(np.int64)[:, None] + (own * 1000).astype(np.int64)  # [T, N]
    cycle, age = age // period, age % period
    y, x, big = (hashed(seed, 53 + k, number[None], cycle) for k in range(3))  # [T, N] each
    lit = np.sin(np.pi * np.clip((age + 0.5) / _LIFE, 0, 1)) ** 1.5
    arm = (0.045 + 0.040 * big) * height
    arm_of = np.maximum(arm, 1.5).astype(np.float32)[..., None, None]
    strength = (lit * (0.7 + 0.3 * big)).astype(np.float32)[..., None, None]

    def star(dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        thin = np.maximum(arm_of * 0.13, 0.6)
        v, h = np.abs(dy), np.abs(dx)
        rays = np.exp(-v / (arm_of * 0.42) - (h / thin) ** 2) + np.exp(-h / (arm_of * 0.42) - (v / thin) ** 2)
        round_ = v**2 + h**2
        halo = 0.40 * np.exp(-round_ / (arm_of * 0.62) ** 2) + 1.2 * np.exp(-round_ / (arm_of * 0.22) ** 2)
        return strength * (1.2 * rays + halo)

    places = np.stack([y * height, x * width], -1)
    light = stamped((time, height, width), places, int(np.ceil(arm.max() * 1.5)) + 1, star)
    colour = np.array(COLOURS[parameters.colour], np.float32)
    white = np.clip((light - 0.9) * 0.6, 0, 1)[..., None]
    added = light[..., None] * (colour + (1 - colour) * white)
    scene = unit(frames) ** 2
    out = 1 - (1 - scene) * np.exp(-1.3 * added)
    return sealed(frames, np.sqrt(np.clip(out, 0, 1)), 1 - np.exp(-2.0 * light))
