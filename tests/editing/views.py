"""A soft world seen from moving places, and its latents."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from refrain.models.embedded import weights
from refrain.models.embedded.codec import LinearCodec

SIDE = 96  # of a view


def view(x: float, y: float = 0.0, seed: int = 0) -> np.ndarray:
    """What is seen from a place, uint8 [SIDE, SIDE, 3]."""
    coarse = np.random.default_rng(seed).random((24, 24, 3)).astype(np.float32)
    world = cv2.resize(coarse, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    place = np.array([[1, 0, SIDE / 2 + x], [0, 1, SIDE / 2 + y]], np.float32)
    seen = cv2.warpAffine(world, place, (SIDE, SIDE), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    return np.round(255 * seen.clip(0, 1)).astype(np.uint8)


def shipped() -> LinearCodec:
    """The codec of the package's own model."""
    return LinearCodec.from_pretrained(Path(next(iter(weights.__path__))) / "vae")


def latents_of(codec: LinearCodec, *pictures: np.ndarray) -> Tensor:
    """A batch of pictures as latents [B, C, 1, Y, X]."""
    return codec.encode(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)[:, None].float() / 127.5 - 1)
