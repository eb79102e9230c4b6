"""Remove: the subject is gone, and what is behind it shows."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.behind import behind, differs
from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.repeat import spread


@dataclass(frozen=True)
class Remove:
    """Nothing to choose."""


def draw(rng: np.random.Generator) -> Remove:
    """Nothing to draw."""
    return Remove()


def remove(shot: Shot, seed: int, parameters: Remove) -> Effected:
    """Show what is behind the subject; where that is known, its shadow goes too."""

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if shot.behind is None:
            without = behind(shot, i)
            return without, differs(without, picture)
        without = np.multiply(shot.behind[i], np.float32(1 / 255), dtype=np.float32)
        red, green, blue = cv2.split(np.abs(without - picture))
        change = cv2.blur(np.maximum(np.maximum(red, green), blue), (3, 3))
        matte = np.maximum(smooth(change, 0.004, 0.02), smooth(shot.mask(i), 0.0, 0.3))
        return picture + (without - picture) * spread(matte), matte

    return painted(shot.frames, paint)


WORDING = Wording(
    known="remove the subject",
    clauses=(
        "remove {subject}",
        "remove {subject} from the {scene}",
        "erase {subject}",
        "erase {subject} from the {scene}",
        "delete {subject}",
        "take {subject} away",
        "take {subject} out of the {scene}",
        "get rid of {subject}",
        "make {subject} disappear",
        "make {subject} vanish",
        "let {subject} disappear",
        "i want {subject} gone",
    ),
    seen=("the {scene} without {subject}", "{subject} has disappeared"),
    undone=("put {subject} back", "bring {subject} back"),
)
