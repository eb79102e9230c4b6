"""Classifier-free guidance (arXiv 2207.12598): follow the words further than the network alone would."""

from __future__ import annotations

import math

from torch import Tensor

from refrain.errors import BadInput
from refrain.flow.solve import Velocity


def guided(asked: Velocity, unasked: Velocity, scale: float, until: float = 0.0) -> Velocity:
    """The velocity unasked + scale (asked - unasked), from one with the words and one without them.

    Below noise time `until` it is `asked` alone: what is done is settled by then, and guidance would only overshoot
    (guidance in a limited interval, arXiv 2404.07724). At scale 1 only `asked` is ever called.
    Raises BadInput for a scale that is no number.
    """
    if not math.isfinite(scale):
        raise BadInput(f"guidance must be a finite number, not {scale}.")
    if scale == 1:
        return asked

    def both(x: Tensor, t: float) -> Tensor:
        if t < until:
            return asked(x, t)
        with_words, without = asked(x, t), unasked(x, t)
        return without + scale * (with_words - without)

    return both
