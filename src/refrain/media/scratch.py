"""Arrays that may be larger than memory: small ones are ordinary, large ones lie in a temporary file.

The file is gone when the array is garbage-collected or the program ends; where the system permits it (not on Windows)
it has no name from the start, so that not even a killed program leaves it behind.
"""

import contextlib
import mmap
import os
import tempfile
import weakref
from pathlib import Path

import numpy as np

SMALL = 64 << 20  # bytes; below this an array is held in memory


def empty(shape: tuple[int, ...], sample: str) -> np.ndarray:
    """A writable array of undefined content."""
    size = int(np.prod(shape)) * np.dtype(sample).itemsize
    if size <= SMALL:
        return np.empty(shape, sample)
    handle, name = tempfile.mkstemp(prefix="refrain-", suffix=".plane")
    with os.fdopen(handle, "r+b") as file:
        file.truncate(size)
        return _mapped(file.fileno(), Path(name), shape, sample, mmap.ACCESS_WRITE)


def adopt(path: Path, shape: tuple[int, ...], sample: str) -> np.ndarray:
    """The content of a file as a read-only array; the file is deleted now or when the array is."""
    with path.open("rb") as file:
        return _mapped(file.fileno(), path, shape, sample, mmap.ACCESS_READ)


def _mapped(number: int, path: Path, shape: tuple[int, ...], sample: str, access: int) -> np.ndarray:
    """Map an open file; it disappears together with the mapping."""
    mapping = mmap.mmap(number, 0, access=access)
    if os.name == "nt":  # a mapped file cannot be deleted here
        weakref.finalize(mapping, _forget, path)
    else:
        _forget(path)
    return np.frombuffer(mapping, sample).reshape(shape)


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
