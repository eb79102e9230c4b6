"""Night: day turned into night as film makers do it: dark, blue, pale, with what shone left shining a little."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted, smooth
from refrain.data.effects.shot import Shot


@dataclass(frozen=True)
class Night:
    """How dark: "slight" (evening), "medium" or "strong" (midnight)."""

    strength: str = "medium"


def draw(rng: np.random.Generator) -> Night:
    """Mostly a plain night."""
    return Night(str(rng.choice(["slight", "medium", "medium", "strong"])))


def night(shot: Shot, seed: int, parameters: Night) -> Effected:
    """Less light (linear), less colour, a blue cast; the brightest parts keep a share of their light."""
    exposure, kept = {"slight": (0.34, 0.20), "medium": (0.17, 0.13), "strong": (0.075, 0.07)}[parameters.strength]
    moon = np.array([0.50, 0.78, 1.75], np.float32) * np.float32(exposure)
    floor = np.array([0.0006, 0.001, 0.0035], np.float32)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        light = picture * picture
        luma = luma_of(light)[..., None]
        pale = luma + (light - luma) * np.float32(0.45)
        dark = pale * moon + light * (smooth(luma, 0.45, 0.95) * np.float32(kept)) + floor
        return np.sqrt(dark), np.ones(picture.shape[:2], np.float32)

    return painted(shot.frames, paint)
