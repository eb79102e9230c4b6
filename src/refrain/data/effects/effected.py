"""What an effect hands back, and the few operations on pictures that all effects share.

Light is mixed in a linear scale approximated by the square of the stored value (gamma 2): cheap, and exact to undo.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from refrain.errors import BadInput

_LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)
_NOTHING = float(np.nextafter(np.float32(1 / 255), np.float32(0)))  # the largest matte that is next to nothing


@dataclass(frozen=True)
class Effected:
    """A clip with an effect on it. Where the matte is 0 the frames are the source's own, to the bit."""

    frames: np.ndarray  # uint8 [T, Y, X, 3], RGB
    matte: np.ndarray  # float32 [T, Y, X] in 0..1: how much was changed


# frame number in the window and its picture (float32 [Y, X, 3] in 0..1) -> the new picture and its matte [Y, X]
Paint = Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]]


def painted(frames: np.ndarray, paint: Paint) -> Effected:
    """Paint a clip frame by frame (so that neither a long nor a large clip fills the memory) and round it to bytes.

    Where the matte is next to nothing it becomes 0 and the source stands again. Raises BadInput unless the frames are
    uint8 [T, Y, X, 3].
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise BadInput(f"an effect needs uint8 frames [T, Y, X, 3], but was given {frames.dtype} {list(frames.shape)}.")
    out = np.empty(frames.shape, np.uint8)
    mattes = np.empty(frames.shape[:3], np.float32)
    positive = np.empty(frames.shape[1:], np.float32)
    for i, frame in enumerate(frames):
        picture, matte = paint(i, np.multiply(frame, np.float32(1 / 255), dtype=np.float32))
        matte = np.clip(matte, 0, 1, out=mattes[i])
        cv2.threshold(matte, _NOTHING, 0, cv2.THRESH_TOZERO, dst=matte)
        np.maximum(picture, 0, out=positive, casting="same_kind")
        cv2.convertScaleAbs(positive, dst=out[i], alpha=255)  # rounds and saturates
        cv2.copyTo(frame, (matte == 0).view(np.uint8), dst=out[i])
    return Effected(out, mattes)


def luma_of(picture: np.ndarray) -> np.ndarray:
    """Brightness [Y, X] of a picture [Y, X, 3]."""
    return cv2.transform(picture, _LUMA).reshape(picture.shape[:2])


def lit(picture: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A picture [Y, X, 3] with light [Y, X, 3] added in linear light; bright places saturate softly, as on film."""
    return np.sqrt(1 - (1 - np.minimum(picture * picture, 1)) * np.exp(-np.maximum(light, 0)))


def smooth(value: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, a smooth step between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
