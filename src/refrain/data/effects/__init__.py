"""Exact effects: pure functions (frames, seed, parameters, start) -> Effected, the same for every window of a clip.

A parameter is a word ("heavy", "left", "golden"), so that what is drawn can be said. `EFFECTS` lists what there is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refrain.data.effects import fire, fog, glow, keep, mono, night, rain, snow, sparkles, tint
from refrain.data.effects.effected import Effected


@dataclass(frozen=True)
class Effect:
    """How one effect draws its parameters and how it is applied."""

    draw: Callable[[np.random.Generator], Any]
    apply: Callable[..., Effected]  # (frames, seed, parameters, start=0)


EFFECTS: dict[str, Effect] = {
    "keep": Effect(keep.draw, keep.keep),
    "snow": Effect(snow.draw, snow.snow),
    "rain": Effect(rain.draw, rain.rain),
    "fog": Effect(fog.draw, fog.fog),
    "fire": Effect(fire.draw, fire.fire),
    "glow": Effect(glow.draw, glow.glow),
    "sparkles": Effect(sparkles.draw, sparkles.sparkles),
    "tint": Effect(tint.draw, tint.tint),
    "mono": Effect(mono.draw, mono.mono),
    "night": Effect(night.draw, night.night),
}

__all__ = ["EFFECTS", "Effect", "Effected"]
