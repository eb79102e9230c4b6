"""SSIM (Wang et al., 2004) and MS-SSIM (Wang et al., 2003) of frames, channel by channel.

Gaussian window of 11, σ 1.5, K1 0.01, K2 0.03, range 255, population covariance, only windows that lie whole in the
frame; the mean over windows, channels and frames.
"""

from math import nan

import cv2
import numpy as np

from .pixels import rest
from .scorer import Material, Scorer, Unscored

WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights of MS-SSIM's five scales, finest first
EDGE = WINDOW // 2
BAND = 40  # rows
KERNEL = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_64F)


def maps(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSIM and its contrast-structure part, both [Y - 10, X - 10, 3], of frames [Y, X, 3] in 0..255.

    Band by band: what a band needs stays in the processor's cache.
    """
    if min(one.shape[:2]) < WINDOW:
        raise Unscored(f"frames of {one.shape[1]}x{one.shape[0]} are smaller than the window of {WINDOW}")
    rows, columns = one.shape[0] - 2 * EDGE, one.shape[1] - 2 * EDGE
    whole, structure = np.empty((rows, columns, 3)), np.empty((rows, columns, 3))
    for top in range(0, rows, BAND):
        here, seen = slice(top, top + BAND), slice(top, top + BAND + 2 * EDGE)
        whole[here], structure[here] = _band(one[seen], other[seen])
    return whole, structure


def _band(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = one.astype(np.float64), other.astype(np.float64)
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    both = _blurred(a * b) - mean_a * mean_b
    structure = (2 * both + C2) / (var_a + var_b + C2)
    return structure * (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1), structure


def _blurred(frame: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(frame, cv2.CV_64F, KERNEL, KERNEL)[EDGE:-EDGE, EDGE:-EDGE]


def ssim(one: np.ndarray, other: np.ndarray, where: np.ndarray | None = None) -> float:
    """SSIM of clips [T, Y, X, 3], over the windows that lie whole in `where` (bool [T, Y, X]); NaN where none does."""
    total, count = 0.0, 0
    for n, (a, b) in enumerate(zip(one, other)):
        values, _ = maps(a, b)
        if where is not None:
            whole = cv2.erode(where[n].astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8))
            values = values[whole[EDGE:-EDGE, EDGE:-EDGE] > 0]
        total, count = total + float(values.sum()), count + values.size
    return total / count if count else nan


def ms_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """MS-SSIM of clips [T, Y, X, 3]: five scales, halved by means of 2x2; a negative scale counts as 0.

    Each frame is a product over scales of means over windows and channels. The short side must be 176 or more, for a
    whole window at the coarsest scale.
    """
    if min(one.shape[1:3]) < WINDOW * 2 ** (len(SCALES) - 1):
        raise Unscored(f"MS-SSIM needs frames of 176 pixels or more, not {one.shape[2]}x{one.shape[1]}")
    return float(np.mean([_ms_frame(a, b) for a, b in zip(one, other)]))


def _ms_frame(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one.astype(np.float64), other.astype(np.float64)
    product = 1.0
    for scale, weight in enumerate(SCALES):
        whole, structure = maps(a, b)
        last = scale == len(SCALES) - 1
        product *= max(float((whole if last else structure).mean()), 0.0) ** weight
        if not last:
            a, b = _halved(a), _halved(b)
    return product


def _halved(frame: np.ndarray) -> np.ndarray:
    """Means of 2x2; an odd last row or column is dropped."""
    rows, columns = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
    return frame[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2, 3).mean((1, 3))


def _target(m: Material) -> np.ndarray:
    assert m.target is not None
    return m.target


def _blackened(m: Material) -> float:
    where = rest(m)[..., None]
    return ssim(m.answer * where, m.source * where)


TARGET = Scorer(
    "ssim.target/strict", "SSIM of answer and true target, up to 1", "high", "edit",
    lambda m: ssim(m.answer, _target(m)), ("target",),
)  # fmt: skip
MULTI = Scorer(
    "ms_ssim.target/strict", "MS-SSIM of answer and true target, 0 to 1", "high", "edit",
    lambda m: ms_ssim(m.answer, _target(m)), ("target",),
)  # fmt: skip
SOURCE = Scorer(
    "ssim.source/strict", "SSIM of answer and source, up to 1", "high", "likeness", lambda m: ssim(m.answer, m.source)
)
BACKGROUND = Scorer(
    "ssim.background/strict", "SSIM of answer and source over windows that lie whole outside the edit", "high",
    "rest", lambda m: ssim(m.answer, m.source, rest(m)), ("matte",),
)  # fmt: skip
BACKGROUND_COMPAT = Scorer(
    "ssim.background/compat", "SSIM of both with the edit blackened, over all windows, as FiVE and PIE do", "high",
    "rest", _blackened, ("matte",),
)  # fmt: skip
