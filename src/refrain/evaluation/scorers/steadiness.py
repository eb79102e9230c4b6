"""Flicker and drift: what changes in time that the source does not."""

import cv2
import numpy as np

from refrain.evaluation.scores import flicker

from .pixels import rest
from .scorer import Material, Scorer, Unscored


def published(frames: np.ndarray) -> float:
    """VBench's temporal flickering: (255 − mean absolute change of adjacent frames) / 255. It sees motion most."""
    _moving(frames, 2)
    changes = [float(np.abs(b.astype(np.int16) - a).mean()) for a, b in zip(frames, frames[1:])]
    return (255 - float(np.mean(changes))) / 255


def luma(frames: np.ndarray) -> np.ndarray:
    """The mean luma of every frame (BT.601), grey levels [T]."""
    return frames.mean((1, 2), dtype=np.float64) @ np.array([0.299, 0.587, 0.114])


def shimmer(frames: np.ndarray) -> float:
    """Mean absolute second difference of mean luma, grey levels; steady change has none, alternation by ±a has 4a."""
    _moving(frames, 3)
    return float(np.abs(np.diff(luma(frames), 2)).mean())


def drift(source: np.ndarray, answer: np.ndarray, where: np.ndarray | None = None) -> float:
    """How far the mean colour of the change wanders over the clip: length of its linear trend in CIE Lab.

    where: bool [T, Y, X], the pixels that count; every frame must have some.
    """
    _moving(source, 3)
    held = np.ones(source.shape[:3], bool) if where is None else where
    if not held.any((1, 2)).all():
        raise Unscored("the edit covers a whole frame, so nothing there should stay")
    apart = np.stack([_lab(b, w) - _lab(a, w) for a, b, w in zip(source, answer, held)])  # [T, 3]
    time = np.linspace(-0.5, 0.5, len(apart))
    return float(np.linalg.norm(time @ apart / (time @ time)))


def _lab(frame: np.ndarray, where: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return lab[where].mean(0, dtype=np.float64)


def _moving(frames: np.ndarray, least: int) -> None:
    if len(frames) < least:
        raise Unscored(f"a clip of {len(frames)} frames is too short; {least} are needed")


def _change(m: Material) -> float:
    _moving(m.source, 2)
    return flicker(m.source, m.answer)


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
    "drift.colour/strict", "the same over the whole frame; an edit that grows counts as drift", "low", "time",
    lambda m: drift(m.source, m.answer),
)  # fmt: skip
