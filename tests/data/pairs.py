"""Tiny pairs of clips on disk."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from refrain.data.pair import Pair
from refrain.media import Clip, PixelFormat

FORM = PixelFormat.named("yuv420p")


def clip(seed: int, frames: int = 5, size: tuple[int, int] = (64, 64), fps: int = 8, name: str = "yuv420p") -> Clip:
    """A clip of smooth noise."""
    form = PixelFormat.named(name)
    draw = np.random.default_rng(seed)
    planes = tuple(
        np.kron(draw.integers(0, 256, (frames, -(-y // 4), -(-x // 4))), np.ones((1, 4, 4)))[:, :y, :x].astype(np.uint8)
        for y, x in form.plane_sizes(size)
    )
    return Clip(planes, form, tuple(Fraction(n, fps) for n in range(frames)), Fraction(frames, fps))


def save(folder: Path, name: str, made: Clip) -> Path:
    """Write a clip losslessly."""
    folder.mkdir(parents=True, exist_ok=True)
    made.write(folder / name, lossless=True)
    return folder / name


def pair(folder: Path, number: int, source: Clip | None = None, target: Clip | None = None, **facts: object) -> Pair:
    """A pair whose clips are written into `folder`."""
    before = save(folder, f"{number}a.mp4", source or clip(number))
    after = save(folder, f"{number}b.mp4", target or clip(number + 1000))
    return Pair(f"pair{number}", f"parent{number}", before, after, f"make it {number}", **facts)  # type: ignore[arg-type]


def bare(folder: Path, number: int, **facts: object) -> Pair:
    """A pair whose clips are not there."""
    made = Pair(f"pair{number}", f"parent{number}", folder / "a.mp4", folder / "b.mp4", "make it so")
    return replace(made, **facts)  # type: ignore[arg-type]
