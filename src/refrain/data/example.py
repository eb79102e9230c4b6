"""One thing to learn from: a clip, an edit of it, and the words that ask for the edit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refrain.data.effects import EFFECTS, Shot
from refrain.data.phrases import SUBJECTS
from refrain.data.words import caption, instruction, nearest, reversed_instruction
from refrain.errors import BadInput


@dataclass(frozen=True)
class Example:
    """A source, its target and what lies between them. Where the matte is 0, source and target are equal to the bit."""

    source: np.ndarray  # uint8 [T, Y, X, 3], RGB
    target: np.ndarray  # uint8 [T, Y, X, 3], RGB
    matte: np.ndarray  # float32 [T, Y, X] in 0..1
    instruction: str
    effect: str
    parameters: Any  # the effect's own dataclass
    reverse: str  # asks for the way back, from target to source
    caption: str  # what is seen in the target


def draw_edit(seed: int, shot: Shot, effect: str | None = None) -> Example:
    """Draw an edit of a clip by its seed: effect, parameters and wording.

    Two windows of one clip, each with its own `shot.first`, carry the same edit. `effect` fixes which; left open, all
    are drawn alike, those that need a subject only where the shot has one. The same arguments give the same example.
    """
    if effect is not None and effect not in EFFECTS:
        like = " or ".join(nearest(effect, EFFECTS)) or ", ".join(EFFECTS)
        raise BadInput(f'There is no effect "{effect}"; did you mean {like}?')
    rng = np.random.default_rng((seed, 202))
    able = [name for name in EFFECTS if shot.subject is not None or not EFFECTS[name].subject]
    name = effect or str(rng.choice(able))
    parameters = EFFECTS[name].draw(rng)
    while shot.subject is None and getattr(parameters, "where", "") == "subject":  # fire can burn elsewhere
        parameters = EFFECTS[name].draw(rng)
    subject = str(rng.choice(SUBJECTS))  # the mask tells what it is; all sentences call it alike
    said = instruction(rng, name, parameters, subject=subject)
    back, seen = (say(rng, name, parameters, subject) for say in (reversed_instruction, caption))
    edited = EFFECTS[name].apply(shot, seed, parameters)
    return Example(shot.frames, edited.frames, edited.matte, said, name, parameters, back, seen)
