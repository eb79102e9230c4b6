"""Rendered clips whose every frame tells its number, so that a test can read from pixels which one is shown."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from refrain import Clip

BITS = 7
CELL = 16  # pixels; one bit is one cell of the top row


def numbered(frames: int, size: tuple[int, int], tint: tuple[float, float, float], fps: Fraction | int) -> Clip:
    """A clip of `frames` frames (Y, X): a tinted slope, a bar that moves, and the number in black and white cells."""
    y, x = size
    slope = torch.linspace(-0.6, 0.4, x).expand(frames, 3, y, x) + torch.tensor(tint)[:, None, None]
    film = slope.clamp(-1, 1).clone()  # [T, 3, Y, X]
    for n in range(frames):
        bar = n * (x - 12) // max(1, frames - 1)
        film[n, :, y // 2 : y // 2 + 24, bar : bar + 12] = 1.0
        for bit in range(BITS):
            film[n, :, :CELL, bit * CELL : (bit + 1) * CELL] = 1.0 if n >> bit & 1 else -1.0
    return Clip.of(film, fps)


def number(pixels: np.ndarray) -> int:
    """The number told by one frame, uint8 [Y, X, 3], in the size of the clip."""
    row = pixels[CELL // 2, CELL // 2 : BITS * CELL : CELL].mean(-1)  # [BITS]
    return sum(int(value > 128) << bit for bit, value in enumerate(row))


def marks(clip: Clip) -> list[Fraction]:
    """The times that the player takes: every frame's start, and the end."""
    return [*clip.times, clip.times[0] + clip.duration]


def still(clip: Clip, path: Path) -> None:
    clip.between(0, 1).write(path)
