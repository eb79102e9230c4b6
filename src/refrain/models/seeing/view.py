"""How a picture is brought before a network: resized, cropped to its middle, normalised by the network's numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .folder import read_json

MANY = 16  # frames at a time


@dataclass(frozen=True)
class View:
    """short: of the shorter side after resizing, in pixels. crop: side of the square that is cut out, None for all.

    smooth: whether pixels are averaged when a picture shrinks (Pillow does, torchvision's tensors by default did not).
    square: whether the whole picture is brought to `short` by `short`, whatever its shape, and nothing is cut.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    short: int
    crop: int | None
    filter: Literal["bicubic", "bilinear"] = "bicubic"
    smooth: bool = True
    square: bool = False

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The view of a folder's own processor, which is CLIP's where it says nothing else."""
        said = read_json(folder / "preprocessor_config.json")
        crop = _side(said.get("crop_size")) or _side(said.get("size")) or 224
        return cls(
            tuple(said.get("image_mean") or (0.48145466, 0.4578275, 0.40821073)),
            tuple(said.get("image_std") or (0.26862954, 0.26130258, 0.27577711)),
            max(_side(said.get("size")) or crop, crop),
            crop,
            "bilinear" if said.get("resample") == 2 else "bicubic",
        )

    def with_sizes(self, short: int, crop: int | None, filter: Literal["bicubic", "bilinear"], smooth: bool) -> Self:
        """The same normalisation after another resizing."""
        return replace(self, short=short, crop=crop, filter=filter, smooth=smooth)

    def batches(self, frames: np.ndarray, device: str | torch.device) -> Iterator[Tensor]:
        """uint8 [T, Y, X, 3] -> a few at a time, float32 [n, 3, y, x], normalised.

        Resizing is in whole grey levels, as Pillow's; the two differ by a level, seldom two, in 3 of 1000 samples.
        """
        mean, spread = (torch.tensor(x, device=device)[:, None, None] for x in (self.mean, self.spread))
        for start in range(0, len(frames), MANY):
            whole = torch.from_numpy(frames[start : start + MANY]).permute(0, 3, 1, 2)  # [n, 3, Y, X]
            small = self._cut(resized(whole, self.short, self.filter, self.smooth, self.square))
            yield (small.to(device).float().div(255) - mean) / spread

    def _cut(self, pictures: Tensor) -> Tensor:
        if self.crop is None:
            return pictures
        rows, columns = pictures.shape[-2:]
        top, left = (rows - self.crop) // 2, (columns - self.crop) // 2
        return pictures[..., top : top + self.crop, left : left + self.crop]


def resized(pictures: Tensor, short: int, filter: str = "bicubic", smooth: bool = True, square: bool = False) -> Tensor:
    """uint8 [n, 3, Y, X] -> the same with its shorter side at `short`, the longer one rounded down, or as it."""
    rows, columns = pictures.shape[-2:]
    size = (short, short * columns // rows) if rows <= columns else (short * rows // columns, short)
    size = (short, short) if square else size
    if size == (rows, columns):
        return pictures
    return functional.interpolate(pictures, size=size, mode=filter, antialias=smooth, align_corners=False)


def _side(said: Any) -> int | None:
    """The one number of a size: 224, {"shortest_edge": 224} or {"height": 224, "width": 224}."""
    if isinstance(said, dict):
        said = said.get("shortest_edge") or said.get("height")
    return said if isinstance(said, int) and said > 0 else None
