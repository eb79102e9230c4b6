"""Glow: the bright parts bleed light into their surroundings (bloom), in a colour; soft and dreamy."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted, smooth
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording

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


WORDING = Wording(
    known="give it a golden glow",
    nouns=(
        "glow", "glow", "bloom", "bloom effect", "soft glow", "dreamy glow", "glowing light", "glow effect", "halo",
        "radiance",
    ),
    adjectives=(
        "glowing", "glowing", "radiant", "dreamy and glowing", "full of glow", "luminous", "blooming",
        "glowing {colour}", "glowing {colour}", "radiant {colour}", "luminous {colour}", "blooming {colour}",
    ),
    verbs=("glow", "glow", "bloom", "radiate", "glow {colour}", "glow in {colour}"),
    usual={"colour": "white"},
)  # fmt: skip


@dataclass(frozen=True)
class Glow:
    """The colour of the light, and how much of it: "slight", "medium" or "strong"."""

    colour: str = "white"
    strength: str = "medium"


def draw(rng: np.random.Generator) -> Glow:
    """Half of them without a colour of their own."""
    colour = "white" if rng.random() < 0.4 else str(rng.choice([c for c in COLOURS if c != "white"]))
    return Glow(colour, str(rng.choice(["slight", "medium", "medium", "strong"])))


def glow(shot: Shot, seed: int, parameters: Glow) -> Effected:
    """Blur what is bright at three widths and add it in linear light."""
    amount = {"slight": 0.8, "medium": 1.5, "strong": 2.6}[parameters.strength]
    height, width = shot.frames.shape[1:3]
    small = (max(width // 4, 2), max(height // 4, 2))
    colour = np.array(COLOURS[parameters.colour], np.float32) * np.float32(amount)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        light = picture * picture
        low = cv2.resize(light, small, interpolation=cv2.INTER_AREA)
        luma = luma_of(low)
        middle = float(luma.mean())  # what is bright in a dark picture differs from what is in a light one
        share = smooth(luma, 0.4 * middle, 2.0 * middle + 0.05) * np.float32(np.clip(0.28 / (middle + 0.05), 0.6, 2.5))
        bright = (low * 0.7 + luma[..., None] * 0.3) * share[..., None] * colour
        halo = np.zeros_like(bright)
        for wide, weight in ((0.02, 0.4), (0.06, 0.35), (0.14, 0.25)):
            halo += cv2.GaussianBlur(bright, (0, 0), max(small[1] * wide, 0.6)) * np.float32(weight)
        added = cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR)
        soft = 1 - (1 - light) * np.exp(-1.2 * added)  # approaches white, never clips hard
        return np.sqrt(soft), 0.2 + 1.5 * luma_of(added)

    return painted(shot.frames, paint)
