"""Sizes and lengths that a model can take, and the way back: no frame is ever lost, no aspect ever changed.

Frames are [T, C, Y, X].
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def model_size(size: tuple[int, int], short_side: int, multiple: int) -> tuple[int, int]:
    """The size (y, x) at which a model edits a source of `size`.

    Both are multiples of `multiple`. Among those the one is taken whose short side is the nearest to `short_side` and
    whose long side is the nearest to the source's aspect. A source is never enlarged by more than rounding needs.
    """
    short = min(*size, short_side)
    scale = short / min(size)
    y, x = (max(1, round(side * scale / multiple)) * multiple for side in size)
    return y, x


def padded_length(frames: int, group: int = 4) -> int:
    """The least number of frames group * k + 1 that is not below `frames`."""
    return -(-(frames - 1) // group) * group + 1


def pad_frames(frames: Tensor, group: int = 4) -> Tensor:
    """Frames [T, C, Y, X] with the last one repeated until there are group * k + 1; `[:T]` is the way back."""
    missing = padded_length(len(frames), group) - len(frames)
    return torch.cat((frames, frames[-1:].expand(missing, *frames.shape[1:]))) if missing else frames


def pad_sides(frames: Tensor, multiple: int) -> Tensor:
    """Frames [T, C, Y, X] with the last row and column repeated up to multiples; `[..., :Y, :X]` is the way back."""
    down, right = (-frames.shape[dim] % multiple for dim in (-2, -1))
    return F.pad(frames, (0, right, 0, down), mode="replicate") if down or right else frames


def resized(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Frames [T, C, Y, X] at `size`: each axis is averaged by area where it shrinks, and linear where it grows."""
    rows, columns = frames.shape[-2:]
    return weights(rows, size[0]).to(frames) @ (frames @ weights(columns, size[1]).to(frames).T)


def weights(length: int, target: int) -> Tensor:
    """[target, length]: how samples along an axis are mixed into `target` samples; rows sum to 1."""
    return area_weights(length, target) if target < length else linear_weights(length, target)


def linear_weights(length: int, target: int) -> Tensor:
    """[target, length]: linear interpolation between the middles of samples, the outermost repeated."""
    one = torch.eye(length, dtype=torch.float64)[:, None]  # [length, 1, length]
    return F.interpolate(one, size=target, mode="linear", align_corners=False)[:, 0].T


def area_weights(length: int, target: int) -> Tensor:
    """[target, length]: row i says how much of each source sample lies within sample i of the target; rows sum to 1."""
    edges = torch.arange(target + 1, dtype=torch.float64) * (length / target)
    low, high = edges[:-1, None], edges[1:, None]
    at = torch.arange(length, dtype=torch.float64)
    overlap = (torch.minimum(high, at + 1) - torch.maximum(low, at)).clamp_(min=0)  # [target, length]
    return overlap / overlap.sum(1, keepdim=True)
