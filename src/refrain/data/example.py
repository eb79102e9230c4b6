"""One thing to learn from: a clip, an edit of it, and the words that ask for the edit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refrain.data.effects import EFFECTS
from refrain.data.words import instruction

# how often each effect is drawn; effects with more to tell apart come more often
_SHARES = {
    "keep": 6,
    "snow": 12,
    "rain": 11,
    "fog": 10,
    "fire": 12,
    "glow": 10,
    "sparkles": 10,
    "tint": 16,
    "mono": 6,
    "night": 7,
}


@dataclass(frozen=True)
class Example:
    """A source, its target and what lies between them. Where the matte is 0, source and target are equal to the bit."""

    source: np.ndarray  # uint8 [T, Y, X, 3], RGB
    target: np.ndarray  # uint8 [T, Y, X, 3], RGB
    matte: np.ndarray  # float32 [T, Y, X] in 0..1
    instruction: str
    effect: str
    parameters: Any  # the effect's own dataclass


def draw_edit(seed: int, frames: np.ndarray, start: int = 0, effect: str | None = None) -> Example:
    """Draw an edit of a clip (uint8 [T, Y, X, 3]) by its seed: effect, parameters and wording.

    `start` is the number of the first frame, so that two windows of one clip carry the same edit. `effect` fixes which
    effect it is. The same arguments give the same example.
    """
    rng = np.random.default_rng((seed, 202))
    shares = np.array(list(_SHARES.values()), float)
    drawn = str(rng.choice(list(_SHARES), p=shares / shares.sum()))
    name = effect or drawn
    parameters = EFFECTS[name].draw(rng)
    said = instruction(rng, name, parameters)
    edited = EFFECTS[name].apply(frames, seed, parameters, start)
    return Example(frames, edited.frames, edited.matte, said, name, parameters)
