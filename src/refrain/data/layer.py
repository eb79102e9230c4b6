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
    return source.with_planes([_sum(new, old, _half(bits), bits) for old, new in zip(source.planes, target.planes)])


def rebuilt(source: Clip, layer: Clip) -> Clip:
    """The target that `layer_of` was given, bit for bit."""
    _check(source, layer, "layer")
    bits = source.format.depth
    return source.with_planes([_sum(add, _half(bits), old, bits) for old, add in zip(source.planes, layer.planes)])


def write_layer(source: Clip, target: Clip, path: Path) -> None:
    """Write a layer losslessly; .mp4 holds 4:2:0 of even size, .mkv everything."""
    replace(layer_of(source, target), sound=None).write(path, lossless=True)


def _half(bits: int) -> int:
    return 1 << (bits - 1)


def _sum(plus: np.ndarray, minus: np.ndarray | int, more: np.ndarray | int, bits: int) -> np.ndarray:
    """plus - minus + more, modulo 2^bits. Samples wrap by themselves at 2^8 or 2^16, a whole number of 2^bits."""
    done = plus - minus
    done += more
    return done if bits == 8 else np.bitwise_and(done, (1 << bits) - 1, out=done)


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
