"""Move: the subject stands elsewhere, and what was behind it shows."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.behind import behind, differs
from refrain.data.effects.body import body_of
from refrain.data.effects.effected import Effected, painted
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.repeat import spread

_REACH = 0.30  # of the frame's height


@dataclass(frozen=True)
class Move:
    """Whither: "left", "right", "up" or "down"."""

    direction: str = "left"


def draw(rng: np.random.Generator) -> Move:
    """Mostly to a side."""
    return Move(str(rng.choice(["left", "left", "right", "right", "up", "down"])))


def move(shot: Shot, seed: int, parameters: Move) -> Effected:
    """Lift the subject out of the frame, fill the hole, and lay it down again a third of a height away."""
    x, y = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[parameters.direction]

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = shot.mask(i)
        if body_of(mask) is None:
            return picture, np.zeros_like(mask)
        height, width = mask.shape
        shift = np.array([[1, 0, x * _REACH * height], [0, 1, y * _REACH * height]], np.float64)
        there = cv2.warpAffine(mask, shift, (width, height))
        coat = cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        without = behind(shot, i)
        return without + (coat - without) * spread(there), np.maximum(there, differs(without, picture))

    return painted(shot.frames, paint)


WORDING = Wording(
    known="move the subject to the left",
    clauses=("move {subject}", "shift {subject}", "push {subject}", "put {subject} further", "place {subject} further"),
    tails={
        "direction": {
            "left": ("to the left", "to the left side", "leftwards"),
            "right": ("to the right", "to the right side", "rightwards"),
            "up": ("up", "upwards", "higher up"),
            "down": ("down", "downwards", "lower down"),
        }
    },
    seen=("{subject} moved", "{subject} shifted"),
    undone=("put {subject} back where it was", "put {subject} back in its place"),
)
