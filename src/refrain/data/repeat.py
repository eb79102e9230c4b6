"""Planes and colours repeated so that numpy meets them in long rows.

`picture * plane[..., None]` and `picture * colour` are the same to the bit as with what stands here, and take several
times as long: numpy then goes over a picture three numbers at a time.
"""

import cv2
import numpy as np


def spread(plane: np.ndarray) -> np.ndarray:
    """A plane [Y, X] in three equal channels: [Y, X, 3]."""
    return cv2.merge((plane, plane, plane))


def rowed(colour: np.ndarray, columns: int) -> np.ndarray:
    """A colour [3] for each pixel of a row: [columns, 3], which numpy repeats over the rows of a picture by itself."""
    return np.tile(colour, (columns, 1))


def looked_up(table: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The colours [Y, X, 3] that a table [256, 3] has for levels uint8 [Y, X]."""
    return cv2.LUT(spread(levels), table[None])
