"""Confetti: small sheets of paper in many colours that tumble as they fall, bright when they face the light."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, painted
from refrain.data.effects.pieces import laid
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import spread

_PAPERS = np.array(
    [
        [0.93, 0.12, 0.20],
        [0.98, 0.78, 0.08],
        [0.10, 0.62, 0.92],
        [0.20, 0.76, 0.30],
        [0.95, 0.28, 0.62],
        [0.98, 0.50, 0.08],
        [0.55, 0.25, 0.86],
        [0.96, 0.96, 0.94],
    ]
)
_LIGHT = np.array([-0.35, -0.55, 0.76])  # whence it shines: from the upper left, in front of the picture
_PAD = 0.06  # how far outside the frame pieces live, in heights


@dataclass(frozen=True)
class Confetti:
    """How much of it: "light", "medium" or "heavy"."""

    amount: str = "medium"


def draw(rng: np.random.Generator) -> Confetti:
    """Half of it medium."""
    return Confetti(str(rng.choice(["light", "medium", "medium", "heavy"])))


def confetti(shot: Shot, seed: int, parameters: Confetti) -> Effected:
    """Lay the pieces over the picture, the small and far ones first; they fall everywhere and all the time."""
    height, width = shot.frames.shape[1:3]
    per_square = {"light": 60, "medium": 120, "heavy": 250}[parameters.amount]
    sheets = _sheets(seed, per_square, width / height)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shapes, colours = _tumbled(sheets, width / height, shot.now(i))
        colour, cover = laid((height, width), shapes * height - 0.5, colours)
        return picture * spread(1 - cover) + colour, cover

    return painted(shot.frames, paint)


def _sheets(seed: int, per_square: float, aspect: float) -> dict[str, np.ndarray]:
    """What every piece keeps for its life: [N] numbers in heights and heights a frame, the far ones first."""
    number = np.arange(max(round(per_square * (aspect + 2 * _PAD)), 1))
    u = hashed(seed, 61, number[:, None], np.arange(10)[None])  # [N, 10]
    near = np.sort(u[:, 0] ** 1.6)  # few are near
    return {
        "side": 0.0110 + 0.0190 * near,  # half a side
        "shape": 0.45 + 0.55 * u[:, 1],
        "fall": (0.0075 + 0.0085 * near) * (0.85 + 0.3 * u[:, 2]),
        "spin": 2 * np.pi / (13 + 17 * u[:, 3]) * np.where(u[:, 4] < 0.5, 1, -1),
        "phase": 2 * np.pi * u[:, 5],
        "turn": 0.05 * (u[:, 6] - 0.5),
        "angle": 2 * np.pi * u[:, 7],
        "y": u[:, 8] * (1 + 2 * _PAD),
        "x": u[:, 9] * (aspect + 2 * _PAD),
        "paper": (hashed(seed, 62, number) * len(_PAPERS)).astype(int),
    }


def _tumbled(sheets: dict[str, np.ndarray], aspect: float, now: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners [N, 4, 2] as (x, y) in heights and colours [N, 3] at frame `now`.

    A sheet spins about an axis that lies in it. It glides sideways while it faces the viewer's side and sinks faster
    while it stands on edge, as paper does.
    """
    turn = sheets["angle"] + sheets["turn"] * now
    spin = sheets["phase"] + sheets["spin"] * now
    axis = np.stack([np.cos(turn), np.sin(turn)], -1)  # [N, 2]
    across = np.stack([-axis[:, 1], axis[:, 0]], -1)
    x = (sheets["x"] + 0.4 * sheets["turn"] * sheets["fall"] * now) % (aspect + 2 * _PAD) - _PAD
    y = (sheets["y"] + sheets["fall"] * now) % (1 + 2 * _PAD) - _PAD
    middle = np.stack([x + 1.1 * sheets["side"] * np.sin(spin), y + 0.45 * sheets["side"] * np.sin(2 * spin)], -1)
    long = axis * sheets["side"][:, None]
    short = across * (sheets["side"] * sheets["shape"] * np.cos(spin))[:, None]
    corners = [middle + a * long + b * short for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    facing = np.abs(np.cos(spin) * _LIGHT[2] - np.sin(spin) * (across @ _LIGHT[:2]))
    back = np.where(np.cos(spin) < 0, 0.82, 1.0)  # the other side is a little duller
    shine = np.clip((facing - 0.90) * 6, 0, 0.55)[:, None]  # it flashes when it faces the light
    colour = _PAPERS[sheets["paper"]] * (back * (0.48 + 0.58 * facing))[:, None]
    return np.stack(corners, 1), colour + (1 - colour) * shine


WORDING = Wording(
    known="add confetti",
    nouns=(
        "confetti",
        "falling confetti",
        "colourful confetti",
        "colorful confetti",
        "party confetti",
        "paper confetti",
        "tumbling confetti",
        "confetti raining down",
        "pieces of coloured paper",
    ),
    adjectives=("full of confetti", "covered in confetti", "confetti filled", "festive with confetti"),
    clauses=(
        "let confetti fall over the {scene}",
        "throw confetti over the {scene}",
        "make confetti rain down",
        "drop confetti on the {scene}",
        "celebrate with confetti",
        "let it rain confetti",
        "make it rain confetti",
        "shower the {scene} with confetti",
    ),
    named={-1: ("a sprinkle of confetti", "a few pieces of confetti"), 1: ("a confetti shower", "a storm of confetti")},
)
