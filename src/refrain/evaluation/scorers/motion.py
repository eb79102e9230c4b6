"""Warping error (Lai et al., 2018): does a pixel look the same where the motion takes it?

Flow is DIS (Kroeger et al., 2016; OpenCV's medium preset) on grey frames, by default the source's, so that an answer is
held to the motion that was filmed. A pixel counts where flow forth and back agree (Sundaram et al., 2010) and it does
not leave the frame: |f + b|² ≤ 0.01·(|f|² + |b|²) + 0.5.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from .scorer import Material, Scorer, Unscored

Flow = tuple[np.ndarray, np.ndarray]  # where each pixel goes, float32 [Y, X, 2], and where that is known, bool [Y, X]
LEAST = 0.05  # share of pixels that must be known


def flows(frames: np.ndarray) -> Iterator[Flow]:
    """The flow from every frame of uint8 [T, Y, X, 3] to the next: (x, y) in pixels, and where it can be trusted."""
    if min(frames.shape[1:3]) < 16:
        raise Unscored(f"flow needs 16 pixels or more, not {frames.shape[2]}x{frames.shape[1]}")
    medium: int = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    finder: Any = cv2.DISOpticalFlow_create(medium)  # pyright: ignore[reportAttributeAccessIssue]
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    for a, b in zip(grey, grey[1:]):
        forth, back = finder.calc(a, b, None), finder.calc(b, a, None)
        yield forth, known(forth, back)


def of_source(m: Material) -> list[Flow]:
    """The flow of the source, found once for all answers to it: it is most of the work."""
    return m.shared.once("flow", lambda: list(flows(m.source)))


def known(forth: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Where flow forth [Y, X, 2] is met by flow back and stays in the frame, bool [Y, X]."""
    rows, columns = forth.shape[:2]
    x, y = places(forth)
    met = cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    (across, down), (there, below) = cv2.split(forth), cv2.split(met)  # plane by plane: sums over pairs are slow
    size = (across * across + down * down) + (there * there + below * below)
    across, down = across + there, down + below
    apart = across * across + down * down
    return (apart <= 0.01 * size + 0.5) & (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)


def places(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows, float32 [Y, X], that pixels go to."""
    rows, columns = flow.shape[:2]
    return flow[..., 0] + np.arange(columns, dtype=np.float32), flow[..., 1] + np.arange(rows, dtype=np.float32)[
        :, None
    ]


def warping_error(frames: np.ndarray, moved: Iterator[Flow]) -> float:
    """The mean square, in units of 255, of frame t minus frame t + 1 fetched back by the flow, over trusted pixels."""
    if len(frames) < 2:
        raise Unscored("one frame has no motion")
    total, count, pixels = 0.0, 0, 0
    for a, b, (flow, where) in zip(frames, frames[1:], moved):
        x, y = places(flow)
        fetched = cv2.remap(b.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        wrong = (fetched - a).reshape(-1, 3).take(np.flatnonzero(where), 0).astype(np.float64) / 255
        total, count, pixels = total + float(np.square(wrong).sum()), count + wrong.size, pixels + where.size
    if count / 3 < LEAST * pixels:
        raise Unscored("the motion cannot be followed: flow forth and back disagree nearly everywhere")
    return total / count


def _by_source(m: Material) -> float:
    return m.own.once("warping error", lambda: warping_error(m.answer, iter(of_source(m))))


def _relative(m: Material) -> float:
    own = m.shared.once("warping error", lambda: warping_error(m.source, iter(of_source(m))))
    if own == 0:
        raise Unscored("the source does not change at all, so nothing can be measured against it")
    return _by_source(m) / own


SOURCE = Scorer(
    "warp.source/strict", "warping error of the answer by the source's flow", "low", "time", _by_source,
)  # fmt: skip
OWN = Scorer(
    "warp.own/strict", "warping error of the answer by its own flow", "low", "time",
    lambda m: warping_error(m.answer, flows(m.answer)),
)  # fmt: skip
RELATIVE = Scorer(
    "warp.relative/strict", "warping error of the answer over that of the source, by the source's flow", "low", "time",
    _relative,
)  # fmt: skip
