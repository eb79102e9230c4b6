"""Fog: light grey drifting banks that lift the blacks, thicker in some places than in others."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed, sample, tile
from refrain.data.repeat import rowed, spread

WORDING = Wording(
    known="add thick fog near the ground",
    nouns=(
        "fog", "fog", "mist", "mist", "haze", "fog banks", "drifting fog", "morning mist", "foggy air", "misty air",
    ),
    adjectives=("foggy", "foggy", "misty", "misty", "hazy", "full of fog", "full of mist", "fog", "mist"),
    verbs=("fog up", "mist over", "fill with fog", "fill with mist"),
    clauses=("fill the air with fog", "fill the air with mist"),
    named={-1: ("a veil of mist", "a veil of fog"), 1: ("a wall of fog", "a sea of fog")},
    tails={
        "where": {
            "everywhere": ("everywhere", "all over", "all around"),
            "below": (
                "from below", "near the ground", "on the ground", "at the bottom", "along the ground",
                "rising from the ground",
            ),
        }
    },
    usual={"where": "everywhere"},
)  # fmt: skip


@dataclass(frozen=True)
class Fog:
    """How thick ("thin", "medium", "thick") and where ("everywhere", "below")."""

    amount: str = "medium"
    where: str = "everywhere"


def draw(rng: np.random.Generator) -> Fog:
    """Mostly everywhere, a third of them lying on the ground."""
    return Fog(
        str(rng.choice(["thin", "medium", "medium", "thick"])), str(rng.choice(["everywhere", "everywhere", "below"]))
    )


def fog(shot: Shot, seed: int, parameters: Fog) -> Effected:
    """Mix with a light grey by a density made of a vertical profile and two layers of noise that drift apart."""
    height, width = shot.frames.shape[1:3]
    a, b, c, d, side, tone = hashed(seed, 31, np.arange(6))
    rows, columns = max(height // 4, 2), max(width // 4, 2)
    v = np.linspace(0, 1, rows, dtype=np.float32)[:, None]  # 0 above, 1 below
    x = np.linspace(0, width / height, columns, dtype=np.float32)[None, :]
    drift = np.where(side < 0.5, -1, 1) * 0.0030
    wide, fine = tile(-3.4, 5), tile(-3.0, 6)
    base = {"thin": 0.34, "medium": 0.54, "thick": 0.74}[parameters.amount]
    if parameters.where == "below":
        profile = smooth(v, 0.22, 0.85) * 1.12
        swing = 0.30
    else:
        profile = 0.92 + 0.16 * v
        swing = 0.20
    grey = rowed(np.array([0.80, 0.82, 0.845], np.float32) + np.float32((tone - 0.5) * 0.06), width)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        banks = sample(wide, v * 0.55 + a + now * 0.0003, x * 0.30 + b + now * drift * 0.5)
        wisps = sample(fine, v * 0.80 + c - now * 0.0006, x * 0.45 + d + now * drift)
        here = np.clip(base * profile * (1 + swing * (0.65 * banks + 0.45 * wisps)), 0, 0.96).astype(np.float32)
        density = cv2.resize(here, (width, height), interpolation=cv2.INTER_LINEAR)
        return picture + (grey - picture) * spread(density), density

    return painted(shot.frames, paint)
