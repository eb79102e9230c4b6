"""Noise that is the same wherever it is asked: tileable 1/f fields and a hash of integers.

Scenes take their textures from these fields, effects their fog and flames. Everything is a pure function of small
integers, so that any frame, any window and any process renders the same picture.
"""

from functools import lru_cache

import cv2
import numpy as np

SIZE = 512  # side of a tile in samples


@lru_cache(maxsize=64)
def tile(slope: float, seed: int, stretch: float = 1.0, lowest: float = 0.0) -> np.ndarray:
    """A periodic field with power spectrum f^slope, zero mean and unit deviation, as float32 [SIZE, SIZE].

    `stretch` > 1 draws the field out along the vertical (grain of wood, tongues of flame); waves longer than 1/`lowest`
    of the tile are left out. Callers must not write to it.
    """
    rng = np.random.default_rng((seed, 7919))
    rows = np.fft.fftfreq(SIZE)[:, None] * SIZE * stretch
    columns = np.fft.rfftfreq(SIZE)[None, :] * SIZE
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((SIZE, SIZE))) * frequency ** (slope / 2)
    spectrum *= frequency >= lowest
    field = np.fft.irfft2(spectrum, s=(SIZE, SIZE))
    field = (field / field.std()).astype(np.float32)  # [SIZE, SIZE]
    field.setflags(write=False)
    return field


def patch(field: np.ndarray, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A random window [Y, X] of a tile, wrapped around where the window is larger than the tile."""
    y, x = (int(v) for v in rng.integers(0, SIZE, 2))
    if y + size[0] <= SIZE and x + size[1] <= SIZE:
        return field[y : y + size[0], x : x + size[1]]
    rows = (np.arange(size[0]) + y) % SIZE
    columns = (np.arange(size[1]) + x) % SIZE
    return field[np.ix_(rows, columns)]


def sample(field: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A tile read at fractional places `y`, `x` (any 2-D shape, in tiles: 1 is one period), linear between samples."""
    rows = (y % 1.0) * SIZE
    columns = (x % 1.0) * SIZE
    rows, columns = np.broadcast_arrays(rows.astype(np.float32), columns.astype(np.float32))
    return cv2.remap(
        field, np.ascontiguousarray(columns), np.ascontiguousarray(rows), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )


def hashed(*keys: int | np.ndarray) -> np.ndarray:
    """Uniform numbers in [0, 1) from integers, which may be arrays (splitmix64 over the keys, one after the other)."""
    state = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = (state ^ np.asarray(key, np.int64).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return (state >> np.uint64(11)).astype(np.float64) / 2.0**53
