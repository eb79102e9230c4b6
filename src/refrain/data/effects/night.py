"""Night: day turned into night as film makers do it: dark, blue, pale, with what shone left shining a little."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted, smooth
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.repeat import rowed, spread

WORDING = Wording(
    known="turn it into night",
    nouns=("night", "night", "nighttime", "night time", "moonlight", "night light", "the night", "a night look"),
    adjectives=("night", "nighttime", "dark", "moonlit", "nocturnal", "night time"),
    verbs=("become night", "turn to night", "become dark", "grow dark"),
    clauses=("turn day into night", "change day to night", "turn the day into night", "make it look like at night"),
    named={
        -1: ("evening", "dusk", "twilight", "nightfall", "the evening"),
        1: ("midnight", "dark night", "a dark night", "darkness", "deep night", "a pitch dark night"),
    },
    looks={
        -1: ("evening", "dusk", "twilight", "nightfall"),
        1: ("midnight", "dark night", "darkness", "deep night", "pitch dark night"),
    },
    seen=("a {scene} at night", "the {scene} at night", "night over the {scene}"),
)


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
    columns = shot.frames.shape[2]
    moon = rowed(np.array([0.50, 0.78, 1.75], np.float32) * np.float32(exposure), columns)
    floor = rowed(np.array([0.0006, 0.001, 0.0035], np.float32), columns)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        light = picture * picture
        luma = luma_of(light)
        grey = spread(luma)
        pale = grey + (light - grey) * np.float32(0.45)
        dark = pale * moon + light * spread(smooth(luma, 0.45, 0.95) * np.float32(kept)) + floor
        return np.sqrt(dark), np.ones(picture.shape[:2], np.float32)

    return painted(shot.frames, paint)
