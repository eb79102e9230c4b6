"""What a tile is to those who do not look at it exactly: its mean key, its mean value, and how these vary together."""

from dataclasses import dataclass

import torch
from torch import Tensor

from refrain.attention.tiles import Tiles


@dataclass(frozen=True, eq=False)
class Means:
    """Statistics of M tiles of keys, float32 (float64 of float64).

    k, v:  [B, H, M, D] mean key and mean value.
    slope: [B, H, segments, D, D] of every segment that has tiles, in row order: the mean of
           (key - its tile's mean) (value - its tile's mean)^T, for `order=1`; else None.
    which: [M] the tile's segment, counted among those of `slope`.
    """

    k: Tensor
    v: Tensor
    slope: Tensor | None
    which: Tensor


def means_of(k: Tensor, v: Tensor, tiles: Tiles, order: int = 0) -> Means:
    """Statistics of laid keys and values [B, H, M, S, D]."""
    mean_k, mean_v = mean(k, tiles), mean(v, tiles)
    if not order:
        return Means(mean_k, mean_v, None, tiles.which)
    filled = tiles.filled[..., None]
    dk = (k.to(mean_k.dtype) - mean_k[..., None, :]) * filled  # [B, H, M, S, D]
    dv = (v.to(mean_v.dtype) - mean_v[..., None, :]) * filled
    runs = list(tiles.runs)
    parts = (torch.split(x, runs, dim=2) for x in (dk, dv))
    both = [a.flatten(2, 3).mT @ b.flatten(2, 3) for a, b in zip(*parts)]  # [B, H, D, D] of each segment
    tokens = [lengths.sum() for lengths in torch.split(tiles.lengths, runs)]
    return Means(mean_k, mean_v, torch.stack([x / n for x, n in zip(both, tokens)], dim=2), tiles.which)


def mean(x: Tensor, tiles: Tiles) -> Tensor:
    """Means [B, H, N, D] of the filled slots of x [B, H, N, S, D], in float32 or better."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    weight = tiles.filled.to(wide.dtype) / tiles.lengths[:, None]  # [N, S]
    return torch.einsum("bhnsd,ns->bhnd", wide, weight)
