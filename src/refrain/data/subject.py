"""The subject of a clip, guessed without a model: what moves against the camera, stands in the middle, and has colours
that the borders of the frame have not.

A guess, quiet in time and soft at its edges, for clips whose subject nobody marked. It finds one thing that stands out;
a crowd or an empty landscape has none, and then the guess is poor: give a mask.
"""

from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 144  # shorter side of the frames that are looked at
ROUNDS = 3


@dataclass(frozen=True)
class Subject:
    """A guess at the size at which it was made, which may be asked for any stretch of the clip at its own size."""

    chance: np.ndarray  # float32 [T, y, x]

    def at(self, frames: np.ndarray, start: int = 0) -> np.ndarray:
        """How much of every pixel it covers: frames uint8 [n, Y, X, 3] from number `start` on -> float32 [n, Y, X]."""
        parts = self.chance[start : start + len(frames)]
        return np.stack([_raised(one, frame) for one, frame in zip(parts, frames, strict=True)])


def small_size(rows: int, columns: int) -> tuple[int, int]:
    """The size (rows, columns) at which a clip is looked at."""
    scale = min(1.0, SIDE / min(rows, columns))
    return max(round(rows * scale), 8), max(round(columns * scale), 8)


def guess(small: np.ndarray) -> Subject:
    """Look for the subject of a clip: frames uint8 [T, y, x, 3] of `small_size`."""
    colours = np.stack([cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2Lab) for frame in small])
    chance = _first_guess(small)  # [T, y, x]
    for _ in range(ROUNDS):
        chance = _smoothed(_by_colour(colours, chance), small)
    return Subject(_largest(chance))


def _first_guess(small: np.ndarray) -> np.ndarray:
    """Where it moves against the camera, weighted towards the middle: float32 [T, y, x] in 0..1."""
    height, width = small.shape[1:3]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    middle = np.exp(-(((y / height - 0.52) / 0.34) ** 2) - (((x / width - 0.5) / 0.30) ** 2))
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in small]
    moves = np.zeros(small.shape[:3], np.float32)
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    for i in range(len(grey)):
        j = min(i + 2, len(grey) - 1) if i + 2 < len(grey) else max(i - 2, 0)
        if i != j:
            moves[i] = _against_camera(flow_of.calc(grey[i], grey[j], None))  # type: ignore[call-overload]
    top = float(np.quantile(moves, 0.98))
    trust = np.clip((top - 0.3) / 1.2, 0, 0.9)  # what hardly moves says nothing
    apart = np.sqrt(np.clip((moves - 0.15) / max(top, 0.3), 0, 1))
    apart = np.stack([cv2.GaussianBlur(one, (0, 0), height / 16) for one in apart])  # a thing moves at its edges first
    guess = (1 - trust) * middle + trust * (0.25 + 0.75 * middle) * apart
    return np.clip(guess * (0.85 / max(float(np.quantile(guess, 0.95)), 1e-3)), 0, 0.95).astype(np.float32)


def _against_camera(flow: np.ndarray) -> np.ndarray:
    """How far every pixel moves beside what the borders of the frame do: flow [y, x, 2] -> float32 [y, x]."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    border = np.minimum(np.minimum(y, height - 1 - y) / height, np.minimum(x, width - 1 - x) / width) < 0.12
    places = np.stack([np.ones_like(x), x / width - 0.5, y / height - 0.5], -1)  # [y, x, 3]
    held = border
    for _ in range(2):  # an affine camera, fitted on the borders, then again without what disagrees
        camera, *_ = np.linalg.lstsq(places[held], flow[held], rcond=None)
        left = np.hypot(*np.moveaxis(flow - places @ camera, -1, 0))
        held = border & (left <= np.quantile(left[border], 0.7))
    return cv2.GaussianBlur(left.astype(np.float32), (0, 0), 2)


@dataclass(frozen=True)
class _Mixture:
    """How likely colours are: histograms of Lab over the whole clip, smoothed."""

    table: np.ndarray

    @staticmethod
    def of(colours: np.ndarray, weight: np.ndarray) -> "_Mixture":
        held = np.zeros((16, 24, 24), np.float32)
        np.add.at(held, _bins(colours), weight)
        for axis in range(3):
            held = 0.5 * held + 0.25 * (np.roll(held, 1, axis) + np.roll(held, -1, axis))
        return _Mixture(held / max(float(held.sum()), 1e-6) + 2e-5)

    def at(self, colours: np.ndarray) -> np.ndarray:
        return self.table[_bins(colours)]


def _bins(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lab [..., 3] -> the cell of each colour."""
    level = np.clip(colours[..., 0] / 100 * 16, 0, 15).astype(np.int64)
    a, b = (np.clip((colours[..., k] + 72) / 6, 0, 23).astype(np.int64) for k in (1, 2))
    return level, a, b


def _by_colour(colours: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """The chance of every pixel [T, y, x] from its colour and from what was guessed around it."""
    inside = _Mixture.of(colours, chance**2)
    outside = _Mixture.of(colours, (1 - chance) ** 2)
    ratio = np.log(inside.at(colours)) - np.log(outside.at(colours))
    before = np.stack([cv2.GaussianBlur(one, (0, 0), max(one.shape[0] / 14, 1)) for one in chance])
    before = np.clip(before, 0.02, 0.98)
    return (1 / (1 + np.exp(-np.clip(1.1 * ratio + 1.6 * np.log(before / (1 - before)), -9, 9)))).astype(np.float32)


def _smoothed(chance: np.ndarray, small: np.ndarray) -> np.ndarray:
    """Quiet in time, and with the edges of the picture (a guided filter, He et al. 2010)."""
    calm = np.stack([chance[max(i - 2, 0) : i + 3].mean(0) for i in range(len(chance))])
    return np.stack([_guided(one, frame, max(len(one) // 16, 2), 1e-3) for one, frame in zip(calm, small)])


def _largest(chance: np.ndarray) -> np.ndarray:
    """Only the pieces that hang together with the largest one, over the whole clip."""
    out = np.zeros_like(chance)
    for i, one in enumerate(chance):
        count, label, stats, _ = cv2.connectedComponentsWithStats((one > 0.5).astype(np.uint8))
        if count > 1:
            areas = stats[1:, cv2.CC_STAT_AREA]
            keep = np.isin(label, 1 + np.flatnonzero(areas >= 0.3 * areas.max())).astype(np.float32)
            out[i] = one * cv2.dilate(keep, np.ones((3, 3), np.uint8))
    return out


def _raised(chance: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A small guess [y, x] at the size of its frame [Y, X, 3], sharpened along the frame's edges."""
    large = cv2.resize(chance, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_LINEAR)
    large = _guided(large, frame, max(frame.shape[0] // 40, 2), 1e-4)
    return np.clip((large - 0.3) / 0.4, 0, 1).astype(np.float32)


def _guided(value: np.ndarray, guide: np.ndarray, radius: int, quiet: float) -> np.ndarray:
    """Guided filter of value [y, x] by the brightness of guide uint8 [y, x, 3]."""
    look = cv2.cvtColor(guide, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(part: np.ndarray) -> np.ndarray:
        return cv2.blur(part, side)

    slope = (mean(look * value) - mean(look) * mean(value)) / (mean(look * look) - mean(look) ** 2 + quiet)
    shift = mean(value) - slope * mean(look)
    return np.clip(mean(slope) * look + mean(shift), 0, 1)
