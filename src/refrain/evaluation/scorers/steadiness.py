"""Flicker and drift: what changes in time that the source does not."""

import cv2
import numpy as np

from .pixels import rest
from .scorer import Material, Scorer, Unscored


def published(frames: np.ndarray) -> float:
    """VBench's temporal flickering: (255 − mean absolute change of adjacent frames) / 255. It sees motion most."""
    _moving(frames, 2)
    changes = [cv2.norm(b, a, cv2.NORM_L1) / a.size for a, b in zip(frames, frames[1:])]  # sums of whole numbers
    return (255 - float(np.mean(changes))) / 255


def luma(frames: np.ndarray) -> np.ndarray:
    """The mean luma of every frame (BT.601), grey levels [T]."""
    means = np.array([cv2.sumElems(one)[:3] for one in frames]) / (frames.shape[1] * frames.shape[2])  # [T, 3]
    return means @ np.array([0.299, 0.587, 0.114])


def shimmer(frames: np.ndarray) -> float:
    """Mean absolute second difference of mean luma, grey levels; steady change has none, alternation by ±a has 4a."""
    _moving(frames, 3)
    return float(np.abs(np.diff(luma(frames), 2)).mean())


def drift(source: np.ndarray, answer: np.ndarray, where: np.ndarray | None = None) -> float:
    """How far the mean colour of the change wanders over the clip: length of its linear trend in CIE Lab.

    where: bool [T, Y, X], the pixels that count; every frame must have some.
    """
    _moving(source, 3)
    if where is not None and not where.any((1, 2)).all():
        raise Unscored("the edit covers a whole frame, so nothing there should stay")
    return _trend(colours(answer, where) - colours(source, where))


def colours(frames: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """The mean colour of every frame in CIE Lab, float64 [T, 3], over all pixels or bool [T, Y, X]."""
    found = np.empty((len(frames), 3))
    for n, frame in enumerate(frames):
        lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2Lab).reshape(-1, 3)
        held = lab if where is None else lab.take(np.flatnonzero(where[n]), 0)
        found[n] = np.ascontiguousarray(held.T).sum(1, dtype=np.float64) / len(held)
    return found


def _trend(apart: np.ndarray) -> float:
    """The length of the linear trend of colours [T, 3] over the clip."""
    time = np.linspace(-0.5, 0.5, len(apart))
    return float(np.linalg.norm(time @ apart / (time @ time)))


def _moving(frames: np.ndarray, least: int) -> None:
    if len(frames) < least:
        raise Unscored(f"a clip of {len(frames)} frames is too short; {least} are needed")


def _change(m: Material) -> float:
    """`scores.flicker`, frame by frame; its sums are of whole numbers, so nothing else comes of it."""
    _moving(m.source, 2)
    total, last = 0.0, None
    for a, b in zip(m.source, m.answer):
        now = cv2.subtract(b, a, dtype=cv2.CV_16S)  # [Y, X, 3]
        total, last = total + (0.0 if last is None else cv2.norm(now, last, cv2.NORM_L1)), now
    return total / (m.source[0].size * (len(m.source) - 1))


def _wander(m: Material) -> float:
    _moving(m.source, 3)
    return _trend(colours(m.answer) - m.shared.once("colours", lambda: colours(m.source)))


PUBLISHED = Scorer(
    "flicker.vbench/compat", "VBench's temporal flickering, (255 − MAE of adjacent frames)/255", "high", "time",
    lambda m: published(m.answer),
)  # fmt: skip
CHANGE = Scorer(
    "flicker.change/strict", "mean absolute change of the change, frame to frame, grey levels", "low", "time", _change
)
LUMA = Scorer(
    "flicker.luma/strict", "mean absolute second difference of mean luma, grey levels", "low", "time",
    lambda m: shimmer(m.answer),
)  # fmt: skip
DRIFT = Scorer(
    "drift.background/strict", "trend over the clip of the mean colour of the change outside the edit, ΔE (Lab)", "low",
    "time", lambda m: drift(m.source, m.answer, rest(m)), ("matte",),
)  # fmt: skip
WANDER = Scorer(
    "drift.colour/strict", "the same over the whole frame; an edit that grows counts as drift", "low", "time", _wander,
)  # fmt: skip
