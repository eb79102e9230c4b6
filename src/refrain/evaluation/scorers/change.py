"""Where something was changed, and whether anything was."""

import cv2
import numpy as np

from refrain.evaluation.effects.scores import CHANGED, overlap

from .scorer import Material, Scorer, Unscored

VISIBLE = 6.0  # grey levels of a blurred difference that count as a change
BLUR = 2.0  # σ in pixels: noise of coding and of a codec averages out, edits do not
FEW = 0.002  # share of changed pixels below which an answer has done nothing


def changed(source: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Where a clip differs visibly from its source, bool [T, Y, X]: |blurred difference| in any channel above 6 levels.

    A constant offset of the whole frame counts; noise up to about σ 15 does not.
    """
    found = np.empty(source.shape[:3], bool)
    for n, (a, b) in enumerate(zip(source, answer)):
        apart = cv2.GaussianBlur(b.astype(np.float32) - a, (0, 0), BLUR, borderType=cv2.BORDER_REFLECT)
        found[n] = cv2.inRange(apart, (-VISIBLE,) * 3, (VISIBLE,) * 3) == 0
    return found


def _changed(m: Material) -> np.ndarray:
    return m.own.once("changed", lambda: changed(m.source, m.answer))


def _true(m: Material) -> np.ndarray:
    assert m.matte is not None
    return m.matte


def _matte(m: Material) -> float:
    assert m.found is not None
    return overlap(m.found, _true(m))


def _place(m: Material) -> float:
    return overlap(_changed(m).astype(np.float32), _true(m))


def inside(m: Material) -> float:
    """The share of all absolute change that lies inside the true matte."""
    where, total, within = _true(m) > CHANGED, 0.0, 0.0
    for a, b, here in zip(m.source, m.answer, where):
        apart = np.abs(b.astype(np.int16) - a).sum(-1)
        total, within = total + float(apart.sum()), within + float(apart[here].sum())
    if total == 0:
        raise Unscored("nothing was changed")
    return within / total


def _idle(m: Material) -> float:
    return float(_changed(m).mean() < FEW)


MATTE = Scorer(
    "iou.matte/strict", "intersection over union of the editor's matte and the true one, both above 0.1", "high",
    "edit", _matte, ("matte", "found"),
)  # fmt: skip
PLACE = Scorer(
    "iou.change/strict", "the same of visibly changed pixels and the true matte", "high", "edit", _place, ("matte",)
)
INSIDE = Scorer(
    "inside.change/strict", "share of absolute change that lies inside the true matte", "high", "edit", inside,
    ("matte",),
)  # fmt: skip
IDLE = Scorer(
    "noop/strict", "1 where fewer than 2 in 1000 pixels are visibly changed: the source was returned", "low", "change",
    _idle, rate=True,
)  # fmt: skip
