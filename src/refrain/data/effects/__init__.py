"""Exact effects: pure functions (shot, seed, parameters) -> Effected, the same for every window of a clip.

What is seen in a frame depends on that frame, its subject, when it is shown, the seed and the parameters, and on no
other frame: any window of a clip renders as it does in the whole. A parameter is a word ("heavy", "left", "golden"), so
that what is drawn can be said. `EFFECTS` lists what there is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refrain.data.effects import (
    aura,
    clone,
    confetti,
    fire,
    fog,
    freeze,
    glitch,
    glow,
    keep,
    lightning,
    lines,
    mono,
    neon,
    night,
    petals,
    rain,
    rings,
    snow,
    sparkles,
    tint,
)
from refrain.data.effects.effected import Effected
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording


@dataclass(frozen=True)
class Effect:
    """How one effect draws its parameters, how it is applied, and how it is said.

    subject: whether it needs to know the subject.
    """

    draw: Callable[[np.random.Generator], Any]
    apply: Callable[[Shot, int, Any], Effected]
    wording: Wording | None = None
    subject: bool = False


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
    "lightning": Effect(lightning.draw, lightning.lightning, lightning.WORDING, subject=True),
    "confetti": Effect(confetti.draw, confetti.confetti, confetti.WORDING),
    "petals": Effect(petals.draw, petals.petals, petals.WORDING),
    "rings": Effect(rings.draw, rings.rings, rings.WORDING, subject=True),
    "clone": Effect(clone.draw, clone.clone, clone.WORDING, subject=True),
    "glitch": Effect(glitch.draw, glitch.glitch, glitch.WORDING),
    "freeze": Effect(freeze.draw, freeze.freeze, freeze.WORDING),
    "lines": Effect(lines.draw, lines.lines, lines.WORDING, subject=True),
    "aura": Effect(aura.draw, aura.aura, aura.WORDING, subject=True),
    "neon": Effect(neon.draw, neon.neon, neon.WORDING, subject=True),
}

__all__ = ["EFFECTS", "Effect", "Effected", "Shot", "Wording"]
