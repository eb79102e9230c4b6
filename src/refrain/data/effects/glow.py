"""Glow: the bright parts bleed light into their surroundings (bloom), in a colour; soft and dreamy."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.effected import Effected, luma_of, sealed, smooth, unit

COLOURS: dict[str, tuple[float, float, float]] = {
    "white": (1.0, 1.0, 1.0),
    "warm": (1.25, 0.92, 0.55),
    "golden": (1.35, 0.98, 0.28),
    "blue": (0.40, 0.75, 1.60),
    "pink": (1.35, 0.55, 1.00),
    "green": (0.50, 1.30, 0.55),
    "purple": (1.00, 0.50, 1.50),
    "red": (1.60, 0.42, 0.38),
}


@dataclass(frozen=True)
class Glow:
    """The colour of the light, and how much of it: "slight", "medium" or "strong"."""

    colour: str = "white"
    strength: str = "medium"


def draw(rng: np.random.Generator) -> Glow:
    """Half of them without a colour of their own."""
    colour = "white" if rng.random() < 0.4 else str(rng.choice([c for c in COLOURS if c != "white"]))
    return Glow(colour, str(rng.choice(["slight", "medium", "medium", "strong"])))


def glow(frames: np.ndarray, seed: int, parameters: Glow, start: int = 0) -> Effected:
    """Blur what is bright at three widths and add it in linear light."""
    amount = {"slight": 0.45, "medium": 0.85, "strong": 1.4}[parameters.strength]
    light = unit(frames) ** 2
    height, width = frames.shape[1:3]
    luma = luma_of(light)
    middle = luma.mean((1, 2), keepdims=True)  # what is bright in a dark picture differs from what is in a light one
    share = smooth(luma, 0.7 * middle, 2.2 * middle + 0.05) * np.minimum(0.28 / (middle + 0.05), 2.5)
    bright = (light * 0.7 + luma[..., None] * 0.3) * share[..., None]
    small = (max(width // 4, 2), max(height // 4, 2))
    bloom = np.empty_like(light)
    for i, frame in enumerate(bright):
        low = cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
        halo = sum(cv2.GaussianBlur(low, (0, 0), max(small[1] * s, 0.6)) * w for s, w in ((0.02, 0.4), (0.06, 0.35), (0.14, 0.25)))
        bloom[i] = cv2.resize(np.asarray(halo), (width, height), interpolation=cv2.INTER_LINEAR)
    added = bloom * (np.array(COLOURS[parameters.colour], np.float32) * np.float32(amount))
    soft = 1 - (1 - np.clip(light, 0, 1)) * np.exp(-added * 1.2)  # approaches white, never clips hard
    return sealed(frames, np.sqrt(soft), 0.2 + 1.5 * luma_of(added))
