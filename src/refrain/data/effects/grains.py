"""A subject taken apart into grains: where each belongs, when its turn comes, how it flies."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.body import body_of
from refrain.data.noise import hashed, sample, tile

_NUMBER = 5200
_WAYS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
_CATCH = 5.0  # frames until the wind has caught a grain


@dataclass(frozen=True)
class Grains:
    """The box of a subject in one frame, in pixels: what is written in its shares follows the subject."""

    left: float
    top: float
    width: float
    height: float

    @property
    def length(self) -> float:
        """How large the subject is, in pixels."""
        return float(np.sqrt(self.width * self.height))

    def turns(self, y: np.ndarray, x: np.ndarray, side: str, seed: int) -> np.ndarray:
        """When the turn of places (pixels) comes, 0..1: first at a side ("left", "right", "up", "down"), raggedly."""
        u, v = (x - self.left) / self.width, (y - self.top) / self.height
        share = {"left": u, "right": 1 - u, "up": v, "down": 1 - v}[side]
        a, b = hashed(seed, 91, np.arange(2))
        across, down = (x - self.left) / self.length, (y - self.top) / self.length
        rough = sample(tile(-3.2, 21, 1.0, 3), down * 0.45 + a, across * 0.45 + b)
        fine = sample(tile(-1.2, 22, 1.0, 12), down * 0.30 + b, across * 0.30 + a)
        share = np.clip(share, 0, 1)
        ragged = (0.055 * rough + 0.030 * fine) * np.minimum(0.3 + 2 * share, 1)
        return np.clip(0.03 + 0.82 * share**1.6 + ragged, 0, 1)  # it sets off fast: ends of bodies are small

    def corners(self) -> np.ndarray:
        """The upper left and the lower right corner: [2, 2] as (x, y) in pixels."""
        return np.array([[self.left, self.top], [self.left + self.width, self.top + self.height]])

    def turns_in(self, part: tuple[slice, slice], side: str, seed: int, rows: int) -> np.ndarray:
        """The same of every pixel in a part of a frame of so many rows; in large ones made coarser, then filled in."""
        step = 2 if rows >= 200 else 1
        top, left, bottom, right = part[0].start, part[1].start, part[0].stop, part[1].stop
        y, x = np.mgrid[top : bottom + step : step, left : right + step : step].astype(np.float32)
        few = self.turns(y, x, side, seed).astype(np.float32)
        if step == 1:
            return few[: bottom - top, : right - left]
        wide = cv2.resize(few, (few.shape[1] * 2, few.shape[0] * 2), interpolation=cv2.INTER_LINEAR)
        return wide[: bottom - top, : right - left]

    def placed(self, seed: int) -> np.ndarray:
        """Where the grains belong: [N, 2] as (x, y) in pixels."""
        share = hashed(seed, 92, np.arange(_NUMBER)[:, None], np.arange(2)[None])
        return np.array((self.left, self.top)) + share * (self.width, self.height)

    def radii(self, seed: int) -> np.ndarray:
        """Their radii [N] in pixels: together they would just cover the box."""
        return self.length / np.sqrt(_NUMBER) * (0.42 + 0.70 * hashed(seed, 93, np.arange(_NUMBER)) ** 2)

    def flown(self, seed: int, places: np.ndarray, number: np.ndarray, way: str, age: np.ndarray) -> np.ndarray:
        """Where grains [N] are, `age` frames after they left their places [N, 2]: at first slowly, then with the wind.

        Neighbours are stirred alike, so that the grains go in wisps.
        """
        if not len(number):
            return places
        u = hashed(seed, 94, number[:, None], np.arange(3)[None])  # [N, 3]
        gone = (age - _CATCH * (1 - np.exp(-age / _CATCH))) * (0.036 + 0.085 * u[:, 0] ** 2)
        along = np.array(_WAYS[way])
        straight = (places - (self.left, self.top)) / self.length + gone[:, None] * along  # in lengths
        a, b = hashed(seed, 95, np.arange(2))
        field = tile(-3.2, 23, 1.0, 2)
        stir = [
            sample(field, straight[None, :, 1] * 0.30 + p, straight[None, :, 0] * 0.30 + q)[0]
            for p, q in ((a, b), (b, a + 0.5))
        ]
        grown = age / (age + 14) * 0.26
        drift = np.stack(stir, -1) * grown[:, None] + (u[:, 1:] - 0.5) * (0.010 * age)[:, None]
        lift = np.array((0.0, -0.0045 if way in ("left", "right") else 0.0)) * age[:, None]
        return places + (gone[:, None] * along + drift + lift) * self.length


def grains_of(mask: np.ndarray) -> Grains | None:
    """The box of a whole subject, all its pieces, from its mask float32 [Y, X]; None where there is no body."""
    if body_of(mask) is None:
        return None
    rows, columns = (np.flatnonzero((mask > 0.5).any(axis=axis)) for axis in (1, 0))
    return Grains(columns[0], rows[0], columns[-1] - columns[0] + 1.0, rows[-1] - rows[0] + 1.0)


def at(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The means of a picture or mask around places [N, 2] as (x, y) in pixels: [N] or [N, C]."""
    x, y = np.round(places).astype(int).T
    read = [
        field[np.clip(y + dy, 0, field.shape[0] - 1), np.clip(x + dx, 0, field.shape[1] - 1)]
        for dy, dx in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
    ]
    return np.mean(read, axis=0)


def around(size: tuple[int, int], points: np.ndarray, pad: float) -> tuple[slice, slice]:
    """The part of a frame [Y, X] that holds points [N, 2] as (x, y), and `pad` pixels around them: rows, columns."""
    low, high = np.floor(points.min(axis=0) - pad).astype(int), np.ceil(points.max(axis=0) + pad).astype(int) + 1
    left, top = np.clip(low, 0, (size[1] - 1, size[0] - 1)).tolist()
    right, bottom = np.clip(high, (left + 1, top + 1), (size[1], size[0])).tolist()
    return slice(top, bottom), slice(left, right)


def reach_of(mask: np.ndarray, rows: int) -> np.ndarray:
    """Where a picture of so many rows changes when its subject goes: a part of its mask with a softened border."""
    wider = cv2.dilate(mask, np.ones((3, 3), np.uint8), iterations=max(rows // 100, 1) + 1)
    return cv2.GaussianBlur(np.minimum(wider * 2, 1), (0, 0), max(rows / 200, 0.5))
