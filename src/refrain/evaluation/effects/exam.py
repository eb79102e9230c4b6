"""The exam of effects: held-out scenes, drawn requests, exact targets. It stands before the model that sits it.

Everything is drawn from fixed seeds; `digest` names the whole of it, and stands beside every figure.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace

import cv2
import numpy as np

from refrain.data.effects import EFFECTS
from refrain.data.effects.shot import Shot
from refrain.data.example import Example, draw_edit
from refrain.data.scenes import render_scene
from refrain.evaluation.shade import shade

EDITION = 1
SCENES = 900_000  # first of the scenes; training draws scenes below 100,000
SIZES = ((192, 320), (192, 192), (320, 192))  # rows, columns, in turn
LENGTH = 33
SUBJECT = 0.03, 0.35  # share of the frame that a subject may have
SHORT_LENGTH, SHORT_SIDE = 17, 160  # frames and pixels of the short exam; sizes are whole 32 pixels


@dataclass(frozen=True)
class Problem:
    """One problem: a clip, what is asked of it, and the true answer."""

    number: int
    shot: Shot
    example: Example

    @property
    def effect(self) -> str:
        return self.example.effect


def problems(each: int, effects: Sequence[str] | None = None, short: bool = False) -> Iterator[Problem]:
    """`each` problems of every effect, or of those named, in a fixed order; the n-th of one is always the same.

    short: as the short exam has them, which costs a quarter.
    """
    names = sorted(EFFECTS) if effects is None else list(effects)
    for n in range(each):
        for name in names:
            yield shortened(problem(name, n)) if short else problem(name, n)


def problem(effect: str, n: int) -> Problem:
    """Problem n of an effect."""
    number = zlib.crc32(effect.encode()) % 10_000 * 1000 + n
    shot = _scene(SCENES + 100 * number, SIZES[number % len(SIZES)])
    return Problem(number, shot, draw_edit(SCENES + number, shot, effect))


def shortened(whole: Problem) -> Problem:
    """The same problem in its first frames and smaller; the true answer is made smaller with the rest."""
    rows, columns = whole.shot.frames.shape[1:3]
    size = tuple(round(side * SHORT_SIDE / min(rows, columns) / 32) * 32 for side in (columns, rows))

    def less(frames: np.ndarray) -> np.ndarray:
        few = frames[:SHORT_LENGTH]
        return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in few])

    shot, made = whole.shot, whole.example
    assert shot.subject is not None and shot.behind is not None
    return Problem(
        whole.number,
        replace(shot, frames=less(shot.frames), subject=less(shot.subject), behind=less(shot.behind)),
        replace(made, target=less(made.target), matte=less(made.matte)),
    )


def _scene(seed: int, size: tuple[int, int]) -> Shot:
    """The first scene from `seed` on that has a subject of fair size."""
    for tried in range(seed, seed + 100):
        few = render_scene(tried, 1, size).subject.mean()
        if SUBJECT[0] <= few <= SUBJECT[1]:
            scene = render_scene(tried, LENGTH, size, behind=True)
            return Shot(scene.frames, scene.subject, behind=scene.behind)
    raise AssertionError(f"no scene from {seed} on has a subject")


def digest(problems: Sequence[Problem]) -> str:
    """A hash of problems and true answers: sixteen hexadecimal digits, alike on all machines.

    Words and what was drawn for them count to the letter, the first and last frames of both clips by their `shade`.
    """
    total = hashlib.sha256(f"{EDITION} {LENGTH} {SIZES} {SUBJECT}".encode())
    for one in problems:
        said, true = one.example, one.example.target
        total.update(f"{one.number} {true.shape} {said.instruction} {astuple(said.parameters)}".encode())
        total.update(shade(one.shot.frames[[0, -1]]) + shade(true[[0, -1]]))
    return total.hexdigest()[:16]
