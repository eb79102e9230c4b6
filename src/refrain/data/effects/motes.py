"""Many soft dots at once, each with its own size and values (`particles.stamped` is for like dots), and their glow."""

import cv2
import numpy as np

from refrain.data.effects.trace import bloom
from refrain.data.repeat import rowed, spread


def motes(size: tuple[int, int], places: np.ndarray, radius: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sum of N round dots, float32 [Y, X, C].

    places: [N, 2] as (x, y) in pixels, pixel centres at integers. radius: [N] in pixels, where a dot is about half as
    strong as in its middle. values: [N, C], what it adds in its middle. A dot smaller than a pixel is drawn as large as
    a pixel and weaker.
    """
    wide = np.maximum(radius, 0.7) * 2  # [N], here a dot ends
    near = ((places > -wide[:, None]) & (places < (size[1], size[0]) + wide[:, None])).all(axis=1)
    near &= values.max(axis=1, initial=0) > 0.01
    places, wide = places[near].astype(np.float32), wide[near].astype(np.float32)
    values = (values[near] * np.minimum(radius[near] / 0.7, 1)[:, None]).astype(np.float32)
    reaches = np.maximum(np.ceil(wide).astype(int), 1)
    reaches = np.where(reaches > 4, 2 ** np.ceil(np.log2(reaches)).astype(int), reaches)  # few different ones
    pad = int(2 * reaches.max(initial=1)) + 1  # a dot at the border needs no cutting
    rows, columns = size[0] + 2 * pad, size[1] + 2 * pad
    total = np.zeros((values.shape[1], rows * columns), np.float32)
    for reach in np.unique(reaches):
        of = reaches == reach
        around = np.arange(-reach, reach + 1)
        base = np.floor(places[of] + 0.5)  # [n, 2]
        apart = around - (places[of] - base)[..., None]  # [n, 2, K]
        square = (apart / wide[of, None, None]).astype(np.float32) ** 2
        shape = np.maximum(1 - square[:, 1, :, None] - square[:, 0, None, :], 0) ** 2  # [n, K, K]
        x, y = (base.astype(np.int64) + pad).T
        index = ((y[:, None] + around) * columns)[:, :, None] + (x[:, None] + around)[:, None, :]
        first = int(index.min())  # all dots lie in one stretch of the frame's rows, often a short one
        stretch = (index - first).ravel()
        for c, value in enumerate(values[of].T):
            added = np.bincount(stretch, (shape * value[:, None, None]).ravel())
            total[c, first : first + len(added)] += added
    planes = total.reshape(-1, rows, columns)[:, pad:-pad, pad:-pad]
    return cv2.merge([*planes]).reshape(*size, -1)


def aglow(picture: np.ndarray, core: np.ndarray, tone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture [Y, X, 3] with points of light [Y, X] and their halos, and its matte; white where they are hottest.

    Where they shine the scene dims a little, as a camera lets it: so they are seen on bright things too.
    """
    height, width = core.shape
    few = cv2.resize(core, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA)
    halo = np.maximum(bloom(few, max(0.008 * height, 0.4)) - few - np.float32(0.012), 0)
    glare = cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR) + core
    light = spread(1.5 * glare + core) * rowed(tone.astype(np.float32), width)
    light += spread(np.clip(1.6 * core - 0.7, 0, 1.5))
    dim = spread(cv2.exp(-1.1 * glare).reshape(height, width))
    out = np.sqrt(1 - (1 - np.minimum(picture * picture, 1) * dim) * cv2.exp(-light))
    return out, 1 - cv2.exp(-2.5 * glare).reshape(height, width)
