"""Black and white: the brightness of the picture, with a little contrast, and exactly no colour."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.shot import Shot


@dataclass(frozen=True)
class Mono:
    """How hard the greys are: "medium" or "strong" (contrast)."""

    contrast: str = "medium"


def draw(rng: np.random.Generator) -> Mono:
    """Mostly plain, now and then with hard contrast."""
    return Mono(str(rng.choice(["medium", "medium", "strong"])))


def mono(shot: Shot, seed: int, parameters: Mono) -> Effected:
    """Three equal channels: brightness bent by an S-curve around middle grey."""
    share = np.float32({"medium": 0.25, "strong": 0.95}[parameters.contrast])

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        grey = np.clip(luma_of(picture), 0, 1)
        grey += share * (grey * grey * (3 - 2 * grey) - grey)
        return np.repeat(grey[..., None], 3, -1), np.ones(picture.shape[:2], np.float32)

    return painted(shot.frames, paint)
