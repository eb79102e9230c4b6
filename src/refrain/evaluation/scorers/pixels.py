"""Differences of pixels: PSNR of the whole frame and outside the edit.

PSNR = 10·log10(255² / MSE), the MSE over all samples of the clip; equal clips have inf, which scores as 100 dB.
"""

from math import inf, log10, nan

import numpy as np

from .scorer import Material, Scorer, Unscored

CAP = 100.0  # dB, so that equal answers can be averaged; one sample of 150,000 that is off by one level comes to it


def error(one: np.ndarray, other: np.ndarray, where: np.ndarray | None = None) -> tuple[float, int]:
    """The sum of squared differences of clips [T, Y, X, 3], and over how many samples; frame by frame, in float64."""
    total, count = 0.0, 0
    for n, (a, b) in enumerate(zip(one, other)):
        wrong = a.astype(np.float64) - b
        wrong = wrong if where is None else wrong[where[n]]
        total += float(np.square(wrong).sum())
        count += wrong.size
    return total, count


def psnr(total: float, count: int) -> float:
    """PSNR in dB of a sum of squares over so many samples; inf where equal, NaN over none."""
    return nan if count == 0 else inf if total == 0 else 10 * log10(255**2 * count / total)


def rest(material: Material) -> np.ndarray:
    """Where the source should stay, bool [T, Y, X]: where the true matte is 0."""
    assert material.matte is not None
    where = material.matte == 0
    if not where.any():
        raise Unscored("the edit covers every pixel, so nothing should stay")
    return where


def _whole(one: np.ndarray, other: np.ndarray) -> float:
    return min(CAP, psnr(*error(one, other)))


def _to_target(m: Material) -> float:
    assert m.target is not None
    return _whole(m.answer, m.target)


def _background(m: Material) -> float:
    return min(CAP, psnr(*error(m.answer, m.source, rest(m))))


def _background_compat(m: Material) -> float:
    total, _ = error(m.answer, m.source, rest(m))
    return min(CAP, psnr(total, m.source.size))


TARGET = Scorer("psnr.target/strict", "PSNR of answer and true target, dB", "high", "edit", _to_target, ("target",))
SOURCE = Scorer(
    "psnr.source/strict", "PSNR of answer and source, dB", "high", "likeness", lambda m: _whole(m.answer, m.source)
)
BACKGROUND = Scorer(
    "psnr.background/strict", "PSNR of answer and source over pixels outside the edit, dB", "high", "rest",
    _background, ("matte",),
)  # fmt: skip
BACKGROUND_COMPAT = Scorer(
    "psnr.background/compat", "the same, averaged over all pixels as FiVE and PIE do: −10·log10(share) dB higher",
    "high", "rest", _background_compat, ("matte",),
)  # fmt: skip
