"""What an effect hands back, and the few operations on pictures that all effects share.

Light is mixed in a linear scale approximated by the square of the stored value (gamma 2): cheap, and exact to undo.
"""

from dataclasses import dataclass

import numpy as np

from refrain.errors import BadInput

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Effected:
    """A clip with an effect on it. Where the matte is 0 the frames are the source's own, to the bit."""

    frames: np.ndarray  # uint8 [T, Y, X, 3], RGB
    matte: np.ndarray  # float32 [T, Y, X] in 0..1: how much was changed


def sealed(source: np.ndarray, picture: np.ndarray, matte: np.ndarray) -> Effected:
    """Round a picture (float32 [T, Y, X, 3] in 0..1) to bytes and put the source back where the matte is next to nothing."""
    matte = np.clip(matte, 0, 1, dtype=np.float32)
    matte[matte < 1 / 255] = 0
    frames = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    if not matte.all():
        np.copyto(frames, source, where=(matte == 0)[..., None])
    return Effected(frames, matte)


def unit(frames: np.ndarray) -> np.ndarray:
    """Bytes to float32 in 0..1; refuses anything that is not a clip of RGB bytes."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise BadInput(f"an effect needs uint8 frames [T, Y, X, 3], but was given {frames.dtype} {list(frames.shape)}.")
    return frames.astype(np.float32) / 255


def luma_of(picture: np.ndarray) -> np.ndarray:
    """Brightness [..., Y, X] of a picture [..., Y, X, 3]."""
    return picture @ LUMA


def smooth(value: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, a smooth step between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def clock(frames: np.ndarray, start: int) -> np.ndarray:
    """The frame numbers [T] of a window that begins at frame `start`."""
    return np.arange(start, start + len(frames), dtype=np.float64)
