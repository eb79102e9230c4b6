"""The exam of effects: held-out scenes, drawn requests, exact targets. It stands before the model that sits it.

Everything is drawn from fixed seeds; `digest` names the whole of it, and stands beside every figure.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from refrain.data.effects import EFFECTS
from refrain.data.effects.shot import Shot
from refrain.data.example import Example, draw_edit
from refrain.data.scenes import render_scene

EDITION = 1
SCENES = 900_000  # first of the scenes; training draws scenes below 100,000
SIZES = ((192, 320), (192, 192), (320, 192))  # rows, columns, in turn
LENGTH = 33
SUBJECT = 0.03, 0.35  # share of the frame that a subject may have


@dataclass(frozen=True)
class Problem:
    """One problem: a clip, what is asked of it, and the true answer."""

    number: int
    shot: Shot
    example: Example

    @property
    def effect(self) -> str:
        return self.example.effect


def problems(each: int, effects: Sequence[str] | None = None) -> Iterator[Problem]:
    """`each` problems of every effect, or of those named, in a fixed order; the n-th of one is always the same."""
    names = sorted(EFFECTS) if effects is None else list(effects)
    for n in range(each):
        for name in names:
            yield problem(name, n)


def problem(effect: str, n: int) -> Problem:
    """Problem n of an effect."""
    number = zlib.crc32(effect.encode()) % 10_000 * 1000 + n
    shot = _scene(SCENES + 100 * number, SIZES[number % len(SIZES)])
    return Problem(number, shot, draw_edit(SCENES + number, shot, effect))


def _scene(seed: int, size: tuple[int, int]) -> Shot:
    """The first scene from `seed` on that has a subject of fair size."""
    for tried in range(seed, seed + 100):
        few = render_scene(tried, 1, size).subject.mean()
        if SUBJECT[0] <= few <= SUBJECT[1]:
            scene = render_scene(tried, LENGTH, size, behind=True)
            return Shot(scene.frames, scene.subject, behind=scene.behind)
    raise AssertionError(f"no scene from {seed} on has a subject")


def digest(problems: Sequence[Problem]) -> str:
    """A hash of problems and true answers: sixteen hexadecimal digits."""
    total = hashlib.sha256(f"{EDITION} {LENGTH} {SIZES} {SUBJECT}".encode())
    for one in problems:
        total.update(f"{one.number} {one.example.instruction} {astuple(one.example.parameters)}".encode())
        total.update(np.ascontiguousarray(one.shot.frames[0]).tobytes())
        total.update(np.ascontiguousarray(one.example.target[-1]).tobytes())
    return total.hexdigest()[:16]
