"""A target kept as what it adds to its source: exact, and next to nothing where the two are equal.

A layer is a clip of the source's own size, length and pixel format, written losslessly. Each of its samples is
(target - source + middle) modulo 2^depth, and the middle is half of 2^depth: unchanged places are flat and grey, small
changes stay small, and nothing is rounded, so the target comes back to the bit.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from refrain.errors import BadInput
from refrain.media import Clip


def layer_of(source: Clip, target: Clip) -> Clip:
    """What `target` adds to `source`. Raises BadInput unless both have one size, length and pixel format."""
    _check(source, target, "target")
    bits = source.format.depth
    return source.with_planes([_wrapped(new - old + _half(bits), bits) for old, new in _planes(source, target)])


def rebuilt(source: Clip, layer: Clip) -> Clip:
    """The target that `layer_of` was given, bit for bit."""
    _check(source, layer, "layer")
    bits = source.format.depth
    return source.with_planes([_wrapped(old + add - _half(bits), bits) for old, add in _planes(source, layer)])


def write_layer(source: Clip, target: Clip, path: Path) -> None:
    """Write a layer losslessly; .mp4 holds 4:2:0 of even size, .mkv everything."""
    replace(layer_of(source, target), sound=None).write(path, lossless=True)


def _planes(a: Clip, b: Clip) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(x.astype(np.int32), y.astype(np.int32)) for x, y in zip(a.planes, b.planes, strict=True)]


def _half(bits: int) -> int:
    return 1 << (bits - 1)


def _wrapped(values: np.ndarray, bits: int) -> np.ndarray:
    return (values & ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def _check(source: Clip, other: Clip, name: str) -> None:
    mine = (len(source), *source.size, source.format.name)
    its = (len(other), *other.size, other.format.name)
    if mine != its:
        raise BadInput(
            f"The source has {_told(mine)} and its {name} {_told(its)}; a {name} needs the source's own pixel format."
        )


def _told(facts: tuple[int, int, int, str]) -> str:
    frames, rows, columns, name = facts
    return f"{frames} frames of {columns}x{rows} in {name}"
