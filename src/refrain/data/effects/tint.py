"""Tint: the picture turned towards a named colour, or a look (warm, cold, sepia), keeping its brightness."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.repeat import looked_up, rowed, spread

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.95, 0.12, 0.10),
    "orange": (1.0, 0.48, 0.05),
    "yellow": (0.98, 0.88, 0.10),
    "green": (0.12, 0.80, 0.18),
    "cyan": (0.05, 0.85, 0.88),
    "blue": (0.12, 0.28, 0.98),
    "purple": (0.55, 0.14, 0.90),
    "pink": (1.0, 0.42, 0.72),
}
LOOKS = ("warm", "cold", "sepia")
_GAINS = {"warm": (1.30, 1.00, 0.66), "cold": (0.72, 0.97, 1.28)}
_SEPIA = (0.80, 0.60, 0.38)
_SHARES = {"slight": 0.38, "medium": 0.62, "strong": 0.88}


WORDING = Wording(
    known="give it a strong red tint (red, orange, yellow, green, cyan, blue, purple, pink, warm, cold or sepia)",
    nouns=(
        "{colour} tint", "{colour} tint", "{colour} light", "{colour} filter", "{colour} tone", "{colour} colour",
        "{colour} color", "{colour} colour cast", "{colour} look", "{colour} tones", "{colour} colours",
        "{colour} colors",
    ),
    adjectives=("{colour}", "{colour}", "{colour}", "{colour} tinted", "{colour} toned"),
    named={"warm": ("warmth",), "sepia": ("sepia", "vintage sepia")},
    looks={
        "red": ("reddish",), "orange": ("orange toned",), "yellow": ("yellowish",), "green": ("greenish",),
        "cyan": ("cyan toned",), "blue": ("bluish",), "purple": ("purple toned",), "pink": ("pinkish",),
        "warm": ("warmer",), "cold": ("colder", "cooler"), "sepia": ("old sepia",),
    },
)  # fmt: skip


@dataclass(frozen=True)
class Tint:
    """A colour or look, and how much of it: "slight", "medium" or "strong"."""

    colour: str = "blue"
    strength: str = "medium"


def draw(rng: np.random.Generator) -> Tint:
    """Any colour or look; mostly of middle strength."""
    colour = str(rng.choice([*COLOURS, *LOOKS, "warm", "cold"]))
    return Tint(colour, str(rng.choice(["slight", "medium", "medium", "strong"])))


def ramp(colour: tuple[float, float, float]) -> np.ndarray:
    """Brightness 0..1 in 256 steps to the colour's own ramp black - colour - white: float32 [256, 3]."""
    hue = np.array(colour, np.float32)
    level = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    own = float(hue @ [0.299, 0.587, 0.114])
    pivot = np.clip(0.35 + 0.5 * own, 0.45, 0.8)  # the brightness at which the colour is purest
    dark = hue * np.minimum(level / pivot, 1)
    white = np.clip((level - pivot) / (1 - pivot), 0, 1) * 0.75
    return (dark + (1 - dark) * white).astype(np.float32)


def tint(shot: Shot, seed: int, parameters: Tint) -> Effected:
    """Mix the picture with its brightness drawn in the colour; warm and cold are gains on red and blue instead."""
    share = np.float32(_SHARES[parameters.strength])
    gains = np.array(_GAINS.get(parameters.colour, (1, 1, 1)), np.float32) ** (share * np.float32(1.5))
    gains = rowed(gains, shot.frames.shape[2])
    shades = ramp(COLOURS.get(parameters.colour, _SEPIA))
    if parameters.colour == "sepia" and parameters.strength != "slight":
        share = np.float32(1)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        luma = luma_of(picture)
        if parameters.colour in _GAINS:
            tinted = picture * gains
            tinted *= spread((luma + 0.02) / (luma_of(tinted) + 0.02))  # as bright as it was
        else:
            tinted = picture + (looked_up(shades, (luma * 255 + 0.5).astype(np.uint8)) - picture) * share
        return tinted, np.ones(picture.shape[:2], np.float32)

    return painted(shot.frames, paint)
