"""Keep: the edit that changes nothing. A model must learn to refrain, too."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording

WORDING = Wording(
    known="keep it as it is",
    clauses=(
        "keep it as it is", "keep the {scene} as it is", "keep everything as it is", "change nothing",
        "leave it untouched", "leave the {scene} untouched", "do nothing", "do not change anything",
        "dont change anything", "keep it the same", "keep the {scene} the same", "leave it as it is",
        "leave the {scene} as it is", "no change", "no changes", "leave everything unchanged", "leave it unchanged",
        "return it unchanged", "return the {scene} as it is", "the same {scene}", "no edit", "make no changes",
        "nothing should change", "do not edit the {scene}", "leave it alone", "keep everything", "untouched",
        "unchanged",
    ),
    undone=("keep it as it is", "keep the {scene} as it is", "change nothing", "leave it unchanged"),
    seen=("the {scene} as it is", "the {scene} is unchanged", "the same {scene}"),
)  # fmt: skip


@dataclass(frozen=True)
class Keep:
    """Nothing to choose."""


def draw(rng: np.random.Generator) -> Keep:
    """The only parameters there are."""
    return Keep()


def keep(shot: Shot, seed: int, parameters: Keep) -> Effected:
    """The source itself, and a matte of zeros."""
    return Effected(shot.frames.copy(), np.zeros(shot.frames.shape[:3], np.float32))
