"""Heads to try attention on: rows cut raggedly, and q, k and v as heads of several kinds have them, in float64."""

import torch
from torch import Tensor

from refrain.sequence import Sequence

KINDS = ("noise", "smooth", "content", "nearly constant", "long keys")


def draw(kind: str, row: Sequence, heads: int, width: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """q, k, v [1, L, H, D] of a kind:

    noise: nothing is like anything. smooth: fields over the canvas. content: a dozen things, each met in many places.
    nearly constant: fields that hardly vary within a tile. long keys: noise, and some keys ten times as long.
    """
    g = torch.Generator().manual_seed(seed)
    shape = (1, len(row), heads, width)

    def noise() -> Tensor:
        return torch.randn(shape, generator=g, dtype=torch.float64)

    def field(reach: float) -> Tensor:
        return smooth(row, heads, width, reach, g)

    match kind:
        case "noise":
            return noise(), noise(), noise()
        case "smooth":
            return field(2), field(2), field(2)
        case "content":
            things = torch.randn(heads, 12, width, generator=g, dtype=torch.float64)
            which = smooth(row, heads, 12, 2, g)[0].argmax(-1)  # [L, H]
            met = things[torch.arange(heads), which][None]  # [1, L, H, D]
            return 0.7 * (met + 0.3 * noise()), 0.7 * (met + 0.3 * noise()), field(2) + 0.3 * noise()
        case "nearly constant":
            return field(2), field(50) + 1e-4 * noise(), field(50) + 1e-4 * noise()
        case _:
            return noise(), noise() * torch.where(torch.rand(shape[:3], generator=g)[..., None] < 0.1, 10, 1), noise()


def smooth(row: Sequence, heads: int, width: int, reach: float, g: torch.Generator) -> Tensor:
    """[1, L, H, D]: random waves over the canvas, of a few `reach` tokens each; segments differ."""
    waves = 48
    parts: list[Tensor] = []
    for segment in row:
        k = torch.randn(heads, waves, 3, generator=g, dtype=torch.float64) / (2 * reach)
        phase = 6.3 * torch.rand(heads, waves, generator=g, dtype=torch.float64)
        height = torch.randn(heads, waves, width, generator=g, dtype=torch.float64) * (2 / waves) ** 0.5
        angle = torch.einsum("lc,hwc->lhw", segment.canvas.double(), k) + phase
        parts.append(torch.einsum("lhw,hwd->lhd", angle.cos(), height))
    return torch.cat(parts)[None]
