"""Drawing many soft particles at once: every particle of a frame is stamped by one histogram, without a loop."""

from collections.abc import Callable

import numpy as np

Stamp = Callable[[np.ndarray, np.ndarray], np.ndarray]


def stamped(size: tuple[int, int], places: np.ndarray, reach: int, stamp: Stamp) -> np.ndarray:
    """Add a stamp at each of N places of a frame: float32 [Y, X].

    `places` is [N, 2] as (y, x) in pixels, pixel centres at integers. `stamp` receives the distances dy [N, K, 1] and
    dx [N, 1, K] with K = 2 * reach + 1, and returns the light there, [N, K, K].
    """
    rows, columns = size
    offsets = np.arange(-reach, reach + 1)
    base = np.floor(places + 0.5).astype(np.int64)  # [N, 2]
    y = base[:, 0, None] + offsets  # [N, K]
    x = base[:, 1, None] + offsets
    dy = (y - places[:, 0, None]).astype(np.float32)[:, :, None]
    dx = (x - places[:, 1, None]).astype(np.float32)[:, None, :]
    light = stamp(dy, dx)
    inside = ((y >= 0) & (y < rows))[:, :, None] & ((x >= 0) & (x < columns))[:, None, :] & (light > 1e-3)
    index = (y * columns)[:, :, None] + x[:, None, :]
    total = np.bincount(index[inside], weights=light[inside], minlength=rows * columns)
    return total.reshape(size).astype(np.float32)
