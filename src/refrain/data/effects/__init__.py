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
    aggregation,
    aura,
    ball,
    bubbles,
    bunny,
    clone,
    confetti,
    dispersion,
    dissolve,
    fire,
    firework,
    fog,
    freeze,
    ghost,
    glitch,
    glow,
    graffiti,
    growth,
    keep,
    lightdust,
    lightning,
    lines,
    mono,
    move,
    neon,
    night,
    petals,
    rain,
    recolour,
    remove,
    rings,
    snow,
    sparkles,
    tint,
    traversal,
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
    wording: Wording
    subject: bool = False


EFFECTS: dict[str, Effect] = {
    "keep": Effect(keep.draw, keep.keep, keep.WORDING),
    "snow": Effect(snow.draw, snow.snow, snow.WORDING),
    "rain": Effect(rain.draw, rain.rain, rain.WORDING),
    "fog": Effect(fog.draw, fog.fog, fog.WORDING),
    "fire": Effect(fire.draw, fire.fire, fire.WORDING),
    "glow": Effect(glow.draw, glow.glow, glow.WORDING),
    "sparkles": Effect(sparkles.draw, sparkles.sparkles, sparkles.WORDING),
    "tint": Effect(tint.draw, tint.tint, tint.WORDING),
    "mono": Effect(mono.draw, mono.mono, mono.WORDING),
    "night": Effect(night.draw, night.night, night.WORDING),
    "lightning": Effect(lightning.draw, lightning.lightning, lightning.WORDING, subject=True),
    "confetti": Effect(confetti.draw, confetti.confetti, confetti.WORDING),
    "petals": Effect(petals.draw, petals.petals, petals.WORDING),
    "rings": Effect(rings.draw, rings.rings, rings.WORDING, subject=True),
    "clone": Effect(clone.draw, clone.clone, clone.WORDING, subject=True),
    "aura": Effect(aura.draw, aura.aura, aura.WORDING, subject=True),
    "growth": Effect(growth.draw, growth.growth, growth.WORDING, subject=True),
    "glitch": Effect(glitch.draw, glitch.glitch, glitch.WORDING),
    "freeze": Effect(freeze.draw, freeze.freeze, freeze.WORDING),
    "lines": Effect(lines.draw, lines.lines, lines.WORDING, subject=True),
    "neon": Effect(neon.draw, neon.neon, neon.WORDING, subject=True),
    "bunny": Effect(bunny.draw, bunny.bunny, bunny.WORDING),
    "ghost": Effect(ghost.draw, ghost.ghost, ghost.WORDING),
    "firework": Effect(firework.draw, firework.firework, firework.WORDING, subject=True),
    "traversal": Effect(traversal.draw, traversal.traversal, traversal.WORDING, subject=True),
    "ball": Effect(ball.draw, ball.ball, ball.WORDING),
    "recolour": Effect(recolour.draw, recolour.recolour, recolour.WORDING, subject=True),
    "remove": Effect(remove.draw, remove.remove, remove.WORDING, subject=True),
    "move": Effect(move.draw, move.move, move.WORDING, subject=True),
    "dissolve": Effect(dissolve.draw, dissolve.dissolve, dissolve.WORDING, subject=True),
    "bubbles": Effect(bubbles.draw, bubbles.bubbles, bubbles.WORDING),
    "graffiti": Effect(graffiti.draw, graffiti.graffiti, graffiti.WORDING, subject=True),
    "lightdust": Effect(lightdust.draw, lightdust.lightdust, lightdust.WORDING),
    "dispersion": Effect(dispersion.draw, dispersion.dispersion, dispersion.WORDING, subject=True),
    "aggregation": Effect(aggregation.draw, aggregation.aggregation, aggregation.WORDING, subject=True),
}

__all__ = ["EFFECTS", "Effect", "Effected", "Shot", "Wording"]
