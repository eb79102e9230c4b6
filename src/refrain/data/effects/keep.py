"""Keep: the edit that changes nothing. A model must learn to refrain, too."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected
from refrain.data.effects.shot import Shot


@dataclass(frozen=True)
class Keep:
    """Nothing to choose."""


def draw(rng: np.random.Generator) -> Keep:
    """The only parameters there are."""
    return Keep()


def keep(shot: Shot, seed: int, parameters: Keep) -> Effected:
    """The source itself, and a matte of zeros."""
    return Effected(shot.frames.copy(), np.zeros(shot.frames.shape[:3], np.float32))
