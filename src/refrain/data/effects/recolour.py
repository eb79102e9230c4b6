"""Recolour: the subject takes another colour and keeps its light and shade."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.body import box_of
from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.shot import Shot
from refrain.data.effects.tint import COLOURS, ramp
from refrain.data.effects.wording import Wording
from refrain.data.repeat import looked_up, spread


@dataclass(frozen=True)
class Recolour:
    """The new colour, one of the colours of a tint."""

    colour: str = "red"


def draw(rng: np.random.Generator) -> Recolour:
    """All colours alike."""
    return Recolour(str(rng.choice(list(COLOURS))))


def recolour(shot: Shot, seed: int, parameters: Recolour) -> Effected:
    """Draw the subject's brightness in the colour; what is very dark is lifted a little, so that the colour shows."""
    shades = ramp(COLOURS[parameters.colour])

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = shot.mask(i)
        luma = luma_of(picture)
        inside = luma[mask > 0.5]
        middle = float(np.median(inside)) if inside.size else 0.5
        if mask.any():  # only where it is need be painted
            box = box_of(mask)
            bent = np.float32(np.clip(np.log(0.45) / np.log(np.clip(middle, 0.05, 0.95)), 0.4, 1.6))
            lifted = np.ascontiguousarray(luma[box]) ** bent
            coat = looked_up(shades, (np.clip(lifted, 0, 1) * 255 + 0.5).astype(np.uint8))
            picture[box] += (coat - picture[box]) * spread(np.ascontiguousarray(mask[box]))
        return picture, mask

    return painted(shot.frames, paint)


WORDING = Wording(
    known="paint the subject red",
    clauses=(
        "paint {thing} {colour}",
        "make {thing} {colour}",
        "colour {thing} {colour}",
        "color {thing} {colour}",
        "recolour {thing} to {colour}",
        "recolor {thing} to {colour}",
        "turn {thing} {colour}",
        "change {thing} to {colour}",
        "change the colour of {thing} to {colour}",
        "change the color of {thing} to {colour}",
        "give {thing} a {colour} coat",
        "let {thing} be {colour}",
        "{thing} should be {colour}",
    ),
    seen=("{thing} painted {colour}", "a {colour} coat on {thing}"),
    undone=("give {thing} its own colour back", "let {thing} have its old color again"),
)
