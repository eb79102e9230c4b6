"""Clips of our own to try things on, rendered from seeds."""

import numpy as np
import torch

from refrain.data.scenes import render_scene
from refrain.media import Clip

FPS = 12
SAMPLES = {"a lake": 26, "a forest": 24, "a street": 5}  # label -> seed
FRAMES, SIZE = 25, (240, 360)


def sample(label: str, frames: int = FRAMES, size: tuple[int, int] = SIZE) -> Clip:
    """The sample of that label, (rows, columns) large."""
    shown = render_scene(SAMPLES[label], frames, size).frames
    return Clip.of(from_bytes(shown), FPS)


def from_bytes(frames: np.ndarray) -> torch.Tensor:
    """uint8 [T, Y, X, 3] -> [T, 3, Y, X] float32 in [-1, 1]."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(127.5).sub(1)
