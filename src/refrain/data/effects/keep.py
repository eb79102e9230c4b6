"""Keep: the edit that changes nothing. A model must learn to refrain, too."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected


@dataclass(frozen=True)
class Keep:
    """Nothing to choose."""


def draw(rng: np.random.Generator) -> Keep:
    """The only parameters there are."""
    return Keep()


def keep(frames: np.ndarray, seed: int, parameters: Keep, start: int = 0) -> Effected:
    """The source itself, and a matte of zeros."""
    return Effected(frames.copy(), np.zeros(frames.shape[:3], np.float32))
