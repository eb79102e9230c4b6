"""What is behind the subject: known for rendered scenes, elsewhere filled in from around it."""

import cv2
import numpy as np

from refrain.data.effects.shot import Shot


def behind(shot: Shot, i: int) -> np.ndarray:
    """Frame i as if the subject were not there: float32 [Y, X, 3] in 0..1; outside the subject it is the frame itself.

    Where nobody knows what is behind (`shot.behind`), colours flow in from the sides, smoothly: a plain filling that
    stays quiet in time.
    """
    picture = np.multiply(shot.frames[i], np.float32(1 / 255), dtype=np.float32)  # as `painted` gives it
    rows = len(picture)
    wider = max(rows // (100 if shot.behind is not None else 36), 1)  # a mask that was guessed misses ears and feet
    hole = cv2.dilate(shot.mask(i), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * wider + 1, 2 * wider + 1)))
    gone = cv2.GaussianBlur(np.minimum(hole * 2, 1), (0, 0), max(rows / 200, 0.5))[..., None]  # [Y, X, 1]
    gone[gone < 1 / 255] = 0
    if not gone.any():
        return picture
    if shot.behind is not None:
        return picture + (shot.behind[i].astype(np.float32) / 255 - picture) * gone
    return picture + (_filled(picture, hole > 0.02) - picture) * gone


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
