"""Drawing many soft particles at once: every particle of every frame is stamped by one histogram, without a loop."""

from collections.abc import Callable

import numpy as np

Stamp = Callable[[np.ndarray, np.ndarray], np.ndarray]


def stamped(size: tuple[int, int, int], places: np.ndarray, reach: int, stamp: Stamp) -> np.ndarray:
    """Add a stamp at each of N places in T frames: float32 [T, Y, X].

    `places` is [T, N, 2] as (y, x) in pixels, pixel centres at integers. `stamp` receives the distances (dy, dx), each
    broadcastable to [T, N, K, K] with K = 2 * reach + 1, and returns the light there.
    """
    frames, rows, columns = size
    offsets = np.arange(-reach, reach + 1)
    base = np.floor(places + 0.5).astype(np.int64)  # [T, N, 2]
    y = base[..., 0, None] + offsets  # [T, N, K]
    x = base[..., 1, None] + offsets
    dy = (y - places[..., 0, None]).astype(np.float32)[..., :, None]
    dx = (x - places[..., 1, None]).astype(np.float32)[..., None, :]
    light = np.broadcast_to(stamp(dy, dx), (*y.shape, len(offsets)))  # [T, N, K, K]
    inside = ((y >= 0) & (y < rows))[..., :, None] & ((x >= 0) & (x < columns))[..., None, :]
    inside &= light > 1e-3
    frame = np.arange(frames)[:, None, None]
    index = ((frame * rows + y) * columns)[..., :, None] + x[..., None, :]
    total = np.bincount(index[inside], weights=light[inside], minlength=frames * rows * columns)
    return total.reshape(size).astype(np.float32)
