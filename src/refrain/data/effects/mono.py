"""Black and white: the brightness of the picture, with a little contrast, and exactly no colour."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.repeat import spread

WORDING = Wording(
    known="make it black and white",
    nouns=(
        "black and white", "monochrome", "grayscale", "greyscale", "black and white filter", "black and white tones",
        "monochrome look", "greyscale tones", "grayscale filter", "black and white look",
    ),
    adjectives=(
        "black and white", "black and white", "monochrome", "grayscale", "greyscale", "colourless", "colorless",
        "gray", "grey", "desaturated", "white and black", "black white",
    ),
    clauses=(
        "remove the colour", "remove the color", "remove all colours", "remove all colors", "without colour",
        "without color", "take the colours away", "take the colors away", "take the colour out of the {scene}",
        "take the color out of the {scene}", "make it without colour", "make it without color", "desaturate it",
        "desaturate the {scene}", "drain the colours", "drain the colors from the {scene}",
        "remove the colours from the {scene}", "remove the colors from the {scene}",
    ),
    named={1: ("high contrast black and white", "hard black and white", "high contrast monochrome")},
    undone=(
        "give it its colours back", "give the {scene} its colours back", "give it its colors back",
        "bring the colours back", "bring back the colors", "undo the black and white",
    ),
    seen=("a black and white {scene}", "the {scene} in black and white", "a {scene} in shades of grey"),
)  # fmt: skip


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
        return spread(grey), np.ones(picture.shape[:2], np.float32)

    return painted(shot.frames, paint)
