"""Clones: copies of the subject stand beside it like after-images, one after the other, and do what it does."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.body import Body, body_of
from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording

_EACH = 4.0  # frames from one copy to the next
_SLIDE = 9.0  # frames in which a copy slides to its place
_COLD = np.array([0.62, 0.80, 1.18], np.float32)


@dataclass(frozen=True)
class Clone:
    """How many copies ("two", "four") and on which side of the subject ("left", "right", "both")."""

    count: str = "two"
    where: str = "both"


def draw(rng: np.random.Generator) -> Clone:
    """Mostly on both sides."""
    return Clone(str(rng.choice(["two", "four"])), str(rng.choice(["both", "both", "left", "right"])))


def clone(shot: Shot, seed: int, parameters: Clone) -> Effected:
    """Copies slide out from behind the subject of the same frame; the farther, the smaller, bluer and fainter.

    All stand within thirty frames and stay.
    """
    size = shot.frames.shape[1:3]
    number = {"two": 2, "four": 4}[parameters.count]
    sides = {"left": (-1,), "right": (1,), "both": (1, -1)}[parameters.where]

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = shot.mask(i)
        body = body_of(mask)
        if body is None:
            return picture, np.zeros(size, np.float32)
        row, column = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = np.s_[row[0] : row[-1] + 1, column[0] : column[-1] + 1]
        cut = np.concatenate([picture[box], mask[box][..., None]], -1)  # [y, x, 4]
        blue = luma_of(picture[box])[..., None] * _COLD
        out, seen = picture.copy(), np.zeros(size, np.float32)
        for k in reversed(range(number)):  # the farthest first
            side, rank = sides[k % len(sides)], k // len(sides) + 1
            came = 1 - (1 - float(np.clip((shot.now(i) + 2 - _EACH * k) / _SLIDE, 0, 1))) ** 3
            if came == 0:
                continue
            cut[..., :3] = (picture[box] + (blue - picture[box]) * (0.18 + 0.14 * rank)) * mask[box][..., None]
            step = rank * _apart(body, size[1], side, number // len(sides)) * side * came
            copy, there = _moved(cut, (column[0], row[0]), body, step, 1 - 0.05 * rank * came, size)
            alpha = (np.float32(min(2 * came, 1) * (0.94 - 0.10 * rank)) * (1 - mask[there]))[..., None]
            out[there] += (copy[..., :3] - out[there] * copy[..., 3:]) * alpha
            seen[there] = np.maximum(seen[there], copy[..., 3] * alpha[..., 0])
        return out, seen

    return painted(shot.frames, paint)


def _apart(body: Body, columns: int, side: int, number: int) -> float:
    """Pixels from one copy to the next, so that they fit into the frame on that side if they can."""
    room = body.left if side < 0 else columns - body.left - body.width
    return float(np.clip(room / number, 0.35 * body.width, 0.85 * body.width))


def _moved(
    cut: np.ndarray, corner: tuple[int, int], body: Body, step: float, scale: float, size: tuple[int, ...]
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """A cut-out [y, x, 4] with its corner at (x, y), moved sideways and shrunk about the body's foot, and where it is.

    Only what is in a frame of this size [Y, X] is made.
    """
    x, y = body.middle[0], body.top + body.height
    left, top = scale * (corner[0] - x) + x + step, scale * (corner[1] - y) + y
    rows = _within(top, scale * len(cut), size[0])
    columns = _within(left, scale * cut.shape[1], size[1])
    way = np.array([[scale, 0, left - columns.start], [0, scale, top - rows.start]])
    shape = (columns.stop - columns.start, rows.stop - rows.start)
    if min(shape) == 0:
        return np.zeros((shape[1], shape[0], 4), np.float32), (rows, columns)
    return cv2.warpAffine(cut, way, shape, flags=cv2.INTER_LINEAR), (rows, columns)


def _within(start: float, length: float, size: int) -> slice:
    """The pixels 0 .. size - 1 that a stretch touches."""
    first = min(max(int(np.floor(start)) - 1, 0), size)
    return slice(first, max(min(int(np.ceil(start + length)) + 1, size), first))


WORDING = Wording(
    known="add clones of the subject",
    nouns=(
        "clones", "copies", "duplicates", "doubles", "shadow clones", "twins", "after images", "anime clones",
        "cloned copies", "duplicated copies", "look alikes",
    ),
    adjectives=("cloned", "duplicated", "multiplied", "copied"),
    clauses=(
        "duplicate {subject}", "clone {subject}", "multiply {subject}", "make copies of {subject}",
        "make clones of {subject}", "copy {subject}", "show {subject} more than once",
    ),
    tails={
        "count": {
            "two": ("two of them", "two", "twice"),
            "four": ("four of them", "four", "four times"),
        },
        "where": {
            "left": ("to the left", "on the left", "on the left side"),
            "right": ("to the right", "on the right", "on the right side"),
            "both": ("on both sides", "to both sides", "left and right"),
        },
    },
    usual={"count": "two", "where": "both"},
    about=("of {subject}", "of {subject}", "beside {subject}", "next to {subject}"),
)  # fmt: skip
