"""Colours as real video has them: mostly muted, in a few families, with the odd vivid thing among them."""

import cv2
import numpy as np

# family -> (hue in degrees, from and to), (saturation, from and to), (value, from and to)
FAMILIES: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "grey": ((20, 260), (0.0, 0.10), (0.08, 0.95)),
    "earth": ((12, 48), (0.10, 0.60), (0.10, 0.80)),
    "green": ((60, 130), (0.12, 0.56), (0.08, 0.68)),
    "blue": ((195, 235), (0.15, 0.70), (0.15, 0.95)),
    "skin": ((8, 30), (0.20, 0.55), (0.35, 0.95)),
    "dark": ((0, 360), (0.0, 0.50), (0.02, 0.20)),
    "light": ((0, 360), (0.0, 0.12), (0.75, 1.0)),
    "vivid": ((0, 360), (0.55, 1.0), (0.35, 1.0)),
    "pastel": ((0, 360), (0.10, 0.35), (0.60, 0.95)),
}


def colours(rng: np.random.Generator, families: tuple[str, ...], count: int) -> np.ndarray:
    """`count` colours drawn evenly from the named families: float32 [count, 3], RGB in 0..1."""
    bounds = np.array([FAMILIES[families[i]] for i in rng.integers(0, len(families), count)], np.float32)
    drawn = bounds[..., 0] + (bounds[..., 1] - bounds[..., 0]) * rng.random((count, 3), np.float32)  # hue, sat, value
    return cv2.cvtColor(drawn[None].astype(np.float32), cv2.COLOR_HSV2RGB)[0]


def colour(rng: np.random.Generator, *families: str) -> np.ndarray:
    """One colour of one of the named families: float32 [3]."""
    return colours(rng, families, 1)[0]


def graded(plate: np.ndarray, grade: "Grade") -> np.ndarray:
    """A plate [Y, X, 3] in 0..1 through a camera's exposure, white balance, saturation and contrast, still in 0..1."""
    luma = plate @ np.array([0.299, 0.587, 0.114], np.float32)
    plate = luma[..., None] + (plate - luma[..., None]) * grade.saturation
    plate = np.clip(plate * grade.balance, 0, None) ** grade.gamma * grade.exposure
    plate = (plate - 0.45) * grade.contrast + 0.45 + grade.lift
    plate = np.where(plate > 0.8, 0.8 + 0.22 * (1 - np.exp((0.8 - plate) / 0.22)), plate)  # highlights roll off
    return np.clip(plate, 0, 1).astype(np.float32)


class Grade:
    """How one camera saw a scene; drawn once, applied to every layer of it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.exposure = float(rng.uniform(0.85, 1.42))
        self.gamma = float(rng.uniform(0.8, 1.25))
        self.contrast = float(rng.uniform(0.75, 1.3))
        self.saturation = float(rng.choice([rng.uniform(0.3, 0.8), rng.uniform(0.8, 1.2), rng.uniform(1.2, 1.5)]))
        self.lift = float(rng.choice([0.0, rng.uniform(-0.03, 0.10)]))
        warmth = rng.normal(0, 0.06)
        green = rng.normal(0, 0.025)
        self.balance = np.array([1 + warmth, 1 + green, 1 - warmth], np.float32)
