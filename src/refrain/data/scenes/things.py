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


def _limbs(rng: np.random.Generator, radius: float) -> list[np.ndarray]:
    """Outlines of a creature around the origin: a trunk, a head, perhaps legs or arms and ears."""
    wide, high = rng.uniform(0.4, 0.9, 2) * radius
    parts = []
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], -1)
    side = float(rng.choice([-1.0, 1.0]))
    head = rng.uniform(0.25, 0.5) * radius
    neck = np.array([side * wide * rng.uniform(0.0, 0.9), -high * rng.uniform(0.6, 1.0)])
    for k in range(int(rng.integers(0, 5))):
        foot = np.array([wide * (k - 1.5) * 0.5, min(high * 1.4, radius)]) + rng.normal(0, 0.05, 2) * radius
        thick = rng.uniform(0.08, 0.2) * radius
        parts.append(circle * [thick, high * 0.7] + foot * [1, 0.7])
    parts.append(outline(rng, "blob") * [wide, high])
    parts.append(circle * head * rng.uniform(0.8, 1.1, 2) + neck)
    for k in range(int(rng.integers(0, 3))):
        parts.append(circle * head * [0.25, 0.55] + neck + np.array([(k - 0.5) * head, -head]))
    return [np.asarray(part, np.float32) for part in parts]


def _body(rng: np.random.Generator, side: int, families: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """One textured, shaded body on a [side, side] canvas: colours float32 [S, S, 3] and its mask [S, S]."""
    radius = side * 0.36
    middle = np.array([side / 2, side / 2], np.float32)
    coat = colour(rng, *families)
    if rng.random() < 0.6:
        outlines = [part + middle for part in _limbs(rng, radius)]
    else:
        outlines = [outline(rng, str(rng.choice(OUTLINES))) * radius + middle]
    body = surface(rng, (side, side), coat)
    mask = np.zeros((side, side), np.float32)
    for part in outlines:
        mask = np.maximum(mask, mask_of(part, (side, side)))
        fill(body, part, rng, np.clip(coat * rng.uniform(0.7, 1.3), 0, 1).astype(np.float32), soft=side * 0.004)
    for _ in range(int(rng.integers(0, 8))):  # markings
        part = outline(rng, str(rng.choice(OUTLINES))) * radius * rng.uniform(0.05, 0.35)
        part += middle + rng.uniform(-0.8, 0.8, 2) * radius
        shade = colour(rng, *families, "dark", "light")
        fill(body, part.astype(np.float32), rng, shade, soft=side * float(rng.choice([0.0, 0.01, 0.03])))
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    light = np.array(rng.normal(0, 1, 2))
    light /= np.linalg.norm(light) + 1e-6
    inner = cv2.GaussianBlur(mask, (0, 0), max(side * 0.06, 0.5))
    shade = 1 + (light[0] * x + light[1] * y) * rng.uniform(0, 1.2) + (inner - 0.85) * rng.uniform(0, 0.8)
    return body * shade[..., None], mask


def thing(
    rng: np.random.Generator, radius: float, families: tuple[str, ...], grade: Grade
) -> tuple[np.ndarray, np.ndarray]:
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
