"""Things that move through a scene: textured, shaded sprites with a shadow, and the smooth paths they follow."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.scenes.colours import Grade, colour, graded
from refrain.data.scenes.paint import OUTLINES, fill, mask_of, outline, surface


@dataclass(frozen=True)
class Wave:
    """A smooth bounded path: a sum of sines over frames, so that it may be asked at any frame."""

    size: np.ndarray  # [K] amplitudes
    rate: np.ndarray  # [K] radians a frame
    phase: np.ndarray  # [K]

    @staticmethod
    def draw(rng: np.random.Generator, size: float, period: tuple[float, float]) -> "Wave":
        """A wave of about `size` whose periods lie in `period` frames."""
        sizes = size * np.array([0.7, 0.3]) * rng.uniform(0.6, 1.0, 2)
        rates = 2 * np.pi / (rng.uniform(*period, 2) * np.array([1.0, 0.5]))
        return Wave(sizes, rates, rng.uniform(0, 2 * np.pi, 2))

    def at(self, frames: np.ndarray) -> np.ndarray:
        """The path at frame numbers [T] -> float64 [T]."""
        return (self.size * np.sin(frames[:, None] * self.rate + self.phase)).sum(-1)


@dataclass(frozen=True)
class Thing:
    """A sprite and where it goes. Lengths are pixels of the oversampled frame."""

    sprite: np.ndarray  # uint8 [S, S, 4], premultiplied RGBA, shadow included
    cover: np.ndarray  # uint8 [S, S], the thing without its shadow
    centre: tuple[float, float]  # (x, y) in the plate
    path: tuple[Wave, Wave, Wave, Wave]  # x, y, turn in radians, log of the scale


def _body(rng: np.random.Generator, side: int, families: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """One textured, shaded body on a [side, side] canvas: colours float32 [S, S, 3] and its mask [S, S]."""
    radius = side * 0.36
    middle = np.array([side / 2, side / 2], np.float32)
    base = outline(rng, str(rng.choice(OUTLINES))) * radius + middle
    mask = mask_of(base, (side, side))
    body = surface(rng, (side, side), colour(rng, *families))
    if rng.random() < 0.4:  # shoulders, a chassis, a second half
        other = outline(rng, str(rng.choice(OUTLINES))) * radius * 0.7 + middle + rng.uniform(-0.5, 0.5, 2) * radius
        mask = np.maximum(mask, mask_of(other.astype(np.float32), (side, side)))
        fill(body, other.astype(np.float32), rng, colour(rng, *families))
    for _ in range(int(rng.integers(0, 9))):  # parts and markings
        part = outline(rng, str(rng.choice(OUTLINES))) * radius * rng.uniform(0.06, 0.4)
        part += middle + rng.uniform(-0.8, 0.8, 2) * radius
        fill(body, part.astype(np.float32), rng, colour(rng, *families, "dark", "light"))
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    light = np.array(rng.normal(0, 1, 2))
    light /= np.linalg.norm(light) + 1e-6
    inner = cv2.GaussianBlur(mask, (0, 0), max(side * 0.06, 0.5))
    shade = 1 + (light[0] * x + light[1] * y) * rng.uniform(0, 1.2) + (inner - 0.85) * rng.uniform(0, 0.8)
    return body * shade[..., None], mask


def thing(rng: np.random.Generator, radius: float, families: tuple[str, ...], grade: Grade) -> tuple[np.ndarray, np.ndarray]:
    """A sprite uint8 [S, S, 4] with its shadow, and its cover uint8 [S, S]."""
    side = max(int(radius / 0.36), 12)
    body, mask = _body(rng, side, families)
    body = graded(body, grade)
    shadow = np.zeros_like(mask)
    if rng.random() < 0.6:
        move = np.array([[1, 0, side * rng.uniform(-0.06, 0.06)], [0, 1, side * rng.uniform(0.01, 0.08)]])
        shadow = cv2.warpAffine(mask, move, (side, side))
        shadow = cv2.GaussianBlur(shadow, (0, 0), side * 0.035) * float(rng.uniform(0.2, 0.6))
    alpha = mask + shadow * (1 - mask)
    rgba = np.concatenate([body * mask[..., None], alpha[..., None]], -1)
    return np.round(rgba * 255).clip(0, 255).astype(np.uint8), np.round(mask * 255).astype(np.uint8)
