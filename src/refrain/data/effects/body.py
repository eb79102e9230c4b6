"""Where the subject of a frame is: its middle, its size, its outline. What follows these follows it."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Body:
    """The largest piece of a subject in one frame. Lengths and places are pixels, pixel centres at integers."""

    mask: np.ndarray  # float32 [Y, X] in 0..1, the whole subject
    top: float
    left: float
    height: float
    width: float
    outline: np.ndarray  # float64 [N, 2] as (x, y), N points at even distances, clockwise from the top

    @property
    def middle(self) -> tuple[float, float]:
        """(x, y)"""
        return self.left + self.width / 2, self.top + self.height / 2


def body_of(mask: np.ndarray, points: int = 256) -> Body | None:
    """The subject in a mask float32 [Y, X]; None where there is next to nothing of it.

    Smaller pieces are left out of the outline. The outline is a little smoothed, so that it does not tremble with the
    pixels.
    """
    solid = (mask > 0.5).astype(np.uint8)
    found, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = [contour for contour in found if len(contour) >= 8]
    if not found:
        return None
    contour = max(found, key=cv2.contourArea)[:, 0].astype(np.float64)  # [K, 2] as (x, y)
    left, top = contour.min(axis=0)
    width, height = contour.max(axis=0) - contour.min(axis=0) + 1
    if width * height < 9:
        return None
    return Body(mask, float(top), float(left), float(height), float(width), _even(contour, points))


def box_of(mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that hold all of a mask [Y, X] that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _even(contour: np.ndarray, points: int) -> np.ndarray:
    """Points at even distances on a closed contour [K, 2], clockwise from above the middle: float64 [points, 2]."""
    x, y = contour[:, 0], contour[:, 1]
    area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))  # positive: clockwise, since y points down
    contour = contour if area > 0 else contour[::-1]
    span = max(len(contour) // 40, 1) * 2 + 1
    around = np.concatenate([contour[-span:], contour, contour[:span]])
    kernel = np.ones(span) / span
    soft = np.stack([np.convolve(around[:, k], kernel, "same")[span:-span] for k in (0, 1)], -1)
    middle = soft.mean(axis=0)
    first = int(np.argmax((middle[1] - soft[:, 1]) - 2 * np.abs(soft[:, 0] - middle[0])))
    soft = np.roll(soft, -first, axis=0)
    closed = np.concatenate([soft, soft[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    wanted = np.linspace(0, along[-1], points, endpoint=False)
    return np.stack([np.interp(wanted, along, closed[:, k]) for k in (0, 1)], -1)
