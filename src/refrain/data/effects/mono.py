"""Black and white: the brightness of the picture, with a little contrast, and exactly no colour."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, luma_of, unit


@dataclass(frozen=True)
class Mono:
    """How hard the greys are: "medium" or "strong" (contrast)."""

    contrast: str = "medium"


def draw(rng: np.random.Generator) -> Mono:
    """Mostly plain, now and then with hard contrast."""
    return Mono(str(rng.choice(["medium", "medium", "strong"])))


def mono(frames: np.ndarray, seed: int, parameters: Mono, start: int = 0) -> Effected:
    """Three equal channels: brightness bent by an S-curve around middle grey."""
    grey = luma_of(unit(frames))
    share = {"medium": 0.25, "strong": 0.95}[parameters.contrast]
    grey += share * (grey * grey * (3 - 2 * grey) - grey)
    bytes_of = (np.clip(grey, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Effected(np.repeat(bytes_of[..., None], 3, -1), np.ones(frames.shape[:3], np.float32))
