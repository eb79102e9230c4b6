"""What is behind the subject: known for rendered scenes, elsewhere filled in from around it."""

import cv2
import numpy as np

from refrain.data.effects.body import box_of
from refrain.data.effects.shot import Shot
from refrain.data.repeat import spread


def behind(shot: Shot, i: int) -> np.ndarray:
    """Frame i as if the subject were not there: float32 [Y, X, 3] in 0..1; outside the subject it is the frame itself.

    Where nobody knows what is behind (`shot.behind`), colours flow in from the sides, smoothly: a plain filling that
    stays quiet in time.
    """
    picture = np.multiply(shot.frames[i], np.float32(1 / 255), dtype=np.float32)  # as `painted` gives it
    rows = len(picture)
    wider = max(rows // (100 if shot.behind is not None else 36), 1)  # a mask that was guessed misses ears and feet
    hole = _widened(shot.mask(i), wider)
    gone = cv2.GaussianBlur(np.minimum(hole * 2, 1), (0, 0), max(rows / 200, 0.5))  # [Y, X]
    gone[gone < 1 / 255] = 0
    if not gone.any():
        return picture
    box = box_of(gone)
    if shot.behind is not None:
        without = shot.behind[i][box].astype(np.float32) / 255
    else:
        without = _filled(picture, hole > 0.02)[box]
    picture[box] += (without - picture[box]) * spread(np.ascontiguousarray(gone[box]))
    return picture


def differs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 where two pictures [Y, X, 3] differ in any channel, else 0: float32 [Y, X]."""
    red, green, blue = cv2.split((one != other).view(np.uint8))
    return (red | green | blue).astype(np.float32)


def _widened(mask: np.ndarray, by: int) -> np.ndarray:
    """A mask [Y, X] grown by a disc of so many pixels; only around what it holds is there anything to do."""
    out = np.zeros_like(mask)
    if mask.any():
        rows, columns = box_of(mask)
        box = slice(max(rows.start - by, 0), rows.stop + by), slice(max(columns.start - by, 0), columns.stop + by)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
        out[box] = cv2.dilate(mask[box], disc)
    return out


def _filled(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """A picture whose hole holds the means of what is around it, coarse in its middle and finer towards its edge.

    Push and pull over a pyramid of weighted means (Gortler et al., The Lumigraph, 1996).
    """
    known = (~hole).astype(np.float32)
    levels: list[tuple[np.ndarray, np.ndarray]] = [(picture * known[..., None], known)]
    while min(levels[-1][1].shape) > 2 and (levels[-1][1] == 0).any():
        colours, weight = levels[-1]
        size = (max(weight.shape[1] // 2, 1), max(weight.shape[0] // 2, 1))
        smaller = [cv2.resize(cv2.GaussianBlur(part, (0, 0), 1.0), size, interpolation=cv2.INTER_AREA)
                   for part in (colours, weight)]  # fmt: skip
        scale = 1 / np.maximum(smaller[1], 1e-6)
        full = np.minimum(smaller[1] * 4, 1)  # a few known pixels are enough to speak for a cell
        full[smaller[1] < 1e-4] = 0  # but next to nothing is not: its colours would be lost in rounding
        levels.append((smaller[0] * (scale * full)[..., None], full))
    colours, weight = levels[-1]
    mean = colours.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
    fill = (colours + 1e-3 * mean) / (weight + 1e-3)[..., None]
    for colours, weight in reversed(levels[:-1]):
        rough = cv2.resize(fill, (weight.shape[1], weight.shape[0]), interpolation=cv2.INTER_LINEAR)
        fill = colours + rough * (1 - weight)[..., None]
    return fill
