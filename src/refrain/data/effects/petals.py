"""Petals: curved flower petals that turn and rock as the wind carries them down."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, painted
from refrain.data.effects.pieces import laid
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import spread

# colour of the blade, and of the base where it was held
_COLOURS = {
    "pink": ((1.00, 0.70, 0.82), (0.93, 0.36, 0.58)),
    "white": ((0.99, 0.98, 0.96), (0.90, 0.84, 0.72)),
    "red": ((0.86, 0.07, 0.12), (0.50, 0.02, 0.06)),
    "yellow": ((1.00, 0.87, 0.22), (0.93, 0.60, 0.06)),
    "orange": ((1.00, 0.55, 0.14), (0.86, 0.28, 0.04)),
    "purple": ((0.68, 0.42, 0.90), (0.40, 0.16, 0.62)),
    "blue": ((0.38, 0.55, 0.96), (0.16, 0.24, 0.70)),
}
_LIGHT = np.array([-0.30, -0.60, 0.74])  # whence it shines: from the upper left, in front of the picture
_PAD = 0.09  # how far outside the frame petals live, in heights
_OUTLINE = 15  # points of an outline


@dataclass(frozen=True)
class Petals:
    """Their colour, how many ("light", "medium", "heavy"), whither the wind blows them ("none", "left", "right")."""

    colour: str = "pink"
    amount: str = "medium"
    wind: str = "none"


def draw(rng: np.random.Generator) -> Petals:
    """A third of them pink, half of them without wind."""
    colour = "pink" if rng.random() < 0.34 else str(rng.choice(list(_COLOURS)))
    amount = str(rng.choice(["light", "medium", "medium", "heavy"]))
    return Petals(colour, amount, str(rng.choice(["none", "none", "left", "right"])))


def petals(shot: Shot, seed: int, parameters: Petals) -> Effected:
    """Lay the petals over the picture, the small and far ones first; they drift everywhere and all the time."""
    height, width = shot.frames.shape[1:3]
    per_square = {"light": 32, "medium": 62, "heavy": 125}[parameters.amount]
    wind = {"none": 0.0, "left": -1.0, "right": 1.0}[parameters.wind]
    kept = _kept(seed, per_square, width / height)
    blade, base = (np.array(colour) for colour in _COLOURS[parameters.colour])
    outline = _outline()
    heart = outline * (0.55, 0.62) - (0.36, 0.0)  # the darker part at the base
    ridge = outline * (0.70, 0.34) + (0.05, 0.0)  # the paler part along the middle

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        middle, turned, facing = _drifted(kept, wind, width / height, now)
        bright = (0.62 + 0.42 * facing)[:, None]
        tints = kept["tint"][:, None] * (base - blade) * 0.30
        pale = (blade + tints) * bright
        layers = [(outline, pale), (heart, 0.45 * pale + 0.55 * base * bright), (ridge, pale + (1 - pale) * 0.22)]
        shapes = np.stack([_bent(shape, turned, kept) + middle[:, None] for shape, _ in layers], 1)  # [N, 3, P, 2]
        colours = np.stack([colour for _, colour in layers], 1)  # [N, 3, 3]
        shapes = shapes.reshape(-1, *shapes.shape[2:]) * height - 0.5
        colour, cover = laid((height, width), shapes, colours.reshape(-1, 3))
        return picture * spread(1 - cover) + colour, cover

    return painted(shot.frames, paint)


def _outline() -> np.ndarray:
    """A petal along x from its base at -1 to its notched tip at 1: [P, 2]."""
    round_ = np.linspace(-np.pi, np.pi, _OUTLINE, endpoint=False)
    along = np.cos(round_) - 0.20 * np.exp(-((round_ / 0.35) ** 2))
    across = 0.66 * np.sin(round_) * (0.62 + 0.38 * np.cos(round_ * 0.5) ** 0.5 + 0.25 * np.cos(round_))
    return np.stack([along, across], -1)


def _kept(seed: int, per_square: float, aspect: float) -> dict[str, np.ndarray]:
    """What every petal keeps for its life: [N] numbers in heights and heights a frame, the far ones first."""
    number = np.arange(max(round(per_square * (aspect + 2 * _PAD)), 1))
    u = hashed(seed, 65, number[:, None], np.arange(11)[None])  # [N, 11]
    near = np.sort(u[:, 0] ** 2)  # few are near
    return {
        "size": 0.019 + 0.034 * near,  # half the length
        "fall": (0.0045 + 0.0050 * near) * (0.8 + 0.4 * u[:, 1]),
        "gust": (0.0090 + 0.0080 * near) * (0.75 + 0.5 * u[:, 2]),
        "rock": 2 * np.pi / (30 + 26 * u[:, 3]),
        "phase": 2 * np.pi * u[:, 4],
        "turn": 0.10 * (u[:, 5] - 0.5),
        "angle": 2 * np.pi * u[:, 6],
        "roll": 2 * np.pi / (26 + 34 * u[:, 7]) * np.where(u[:, 8] < 0.5, 1, -1),
        "tint": u[:, 2],
        "y": u[:, 9] * (1 + 2 * _PAD),
        "x": u[:, 10] * (aspect + 2 * _PAD),
    }


def _drifted(
    kept: dict[str, np.ndarray], wind: float, aspect: float, now: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles [N, 2] as (x, y) in heights, turns [N, 3, 2] that lay petals on the picture, how they face the light [N].

    They rock from side to side, lowest in the middle of a swing, as a light sheet does.
    """
    swing = kept["phase"] + kept["rock"] * now
    x = kept["x"] + wind * kept["gust"] * now
    y = kept["y"] + kept["fall"] * now
    x = x % (aspect + 2 * _PAD) - _PAD + 0.9 * kept["size"] * np.sin(swing)
    y = y % (1 + 2 * _PAD) - _PAD + 0.3 * kept["size"] * np.cos(2 * swing)
    turn = kept["angle"] + kept["turn"] * now + 0.5 * np.sin(swing)
    roll = 1.05 * np.sin(kept["phase"] * 3 + kept["roll"] * now)  # never quite on edge
    pitch = 0.70 * np.sin(kept["phase"] * 5 + 0.7 * kept["roll"] * now)
    zero = np.zeros_like(turn)
    along = np.stack([np.cos(turn) * np.cos(pitch), np.sin(turn) * np.cos(pitch), np.sin(pitch)], -1)
    side = np.stack([-np.sin(turn), np.cos(turn), zero], -1)
    up = np.cross(along, side)
    across = np.cos(roll)[:, None] * side + np.sin(roll)[:, None] * up
    normal = np.cross(along, across)  # [N, 3]
    turned = np.stack([along, across, normal], 1)[..., :2]
    return np.stack([x, y], -1), turned, np.abs(normal @ _LIGHT)


def _bent(shape: np.ndarray, turned: np.ndarray, kept: dict[str, np.ndarray]) -> np.ndarray:
    """A flat shape [P, 2] cupped like a petal, turned and sized: [N, P, 2] as (x, y) in heights from the middle."""
    cupped = np.stack([shape[:, 0], shape[:, 1], 0.9 * shape[:, 1] ** 2 + 0.28 * shape[:, 0] ** 2], -1)  # [P, 3]
    return np.einsum("pk,nkc->npc", cupped, turned) * kept["size"][:, None, None]


WORDING = Wording(
    known="add pink petals",
    nouns=(
        "petals",
        "flower petals",
        "falling petals",
        "drifting petals",
        "rose petals",
        "cherry blossom petals",
        "blossom petals",
        "petals in the air",
        "floating petals",
    ),
    adjectives=("full of petals", "covered in petals", "strewn with petals", "blossoming"),
    clauses=(
        "let petals fall over the {scene}",
        "make petals drift through the {scene}",
        "scatter petals over the {scene}",
        "let the blossoms fall",
        "let it rain petals",
        "make it rain petals",
    ),
    named={-1: ("a few petals", "a handful of petals"), 1: ("a shower of petals", "a sea of petals")},
    tails={
        "wind": {
            "none": ("without wind", "falling straight down", "in still air"),
            "left": ("blown to the left", "with wind to the left", "drifting to the left"),
            "right": ("blown to the right", "with wind to the right", "drifting to the right"),
        }
    },
    usual={"wind": "none", "colour": "pink"},
)
