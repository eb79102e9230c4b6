"""Where tokens stand: (t, y, x) as floats, made beside the tokens and never inferred later from a shape.

A coarse token covers several fine ones. Its place on the fine grid is stated here, in three ways (`Align`):

- `centre`: the mean of what it covers (OminiControl2; LTX's mid-point correction);
- `corner`: the first cell that it covers, n * i (IC-Effect, arXiv 2512.15635, Eq. 6);
- `none`: its own index, uncorrected (IC-Effect's ablation).
"""

from typing import Literal

import torch
from torch import Tensor

Align = Literal["centre", "corner", "none"]
Size = tuple[int, int, int]


def grid(frames: int, rows: int, columns: int, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Tensor:
    """Coordinates [L, 3] of a frames x rows x columns box of tokens, columns fastest, starting at `origin`."""
    return _box(*(torch.arange(n, dtype=torch.float32) + start for n, start in zip((frames, rows, columns), origin)))


def coarsen(
    frames: int, rows: int, columns: int, factor: Size = (1, 2, 2), align: Align = "centre", causal: bool = True
) -> Tensor:
    """Coordinates [L', 3], on the fine grid, of the coarse tokens that cover a frames x rows x columns box.

    A causal codec keeps its first frame alone, so in time coarse token 0 covers frame 0 and token i >= 1 covers the
    frames n(i-1)+1 .. ni. Rows and columns that are not multiples of the factor are covered by a last cell that
    hangs over the edge: pad the canvas to whole cells, crop the answer back.
    """
    n_t, n_y, n_x = factor
    times = _times(frames, n_t, align, causal)
    return _box(times, _places(rows, n_y, align), _places(columns, n_x, align))


def coarse_size(frames: int, rows: int, columns: int, factor: Size = (1, 2, 2), causal: bool = True) -> Size:
    """How many coarse tokens cover a frames x rows x columns box, along each axis."""
    n_t, n_y, n_x = factor
    in_time = 1 + -(-(frames - 1) // n_t) if causal else -(-frames // n_t)
    return in_time, -(-rows // n_y), -(-columns // n_x)


def _times(frames: int, n: int, align: Align, causal: bool) -> Tensor:
    if not causal:
        return _places(frames, n, align)
    i = torch.arange(coarse_size(frames, 1, 1, (n, 1, 1))[0], dtype=torch.float32)
    if align == "none":
        return i
    return n * i if align == "corner" else (n * i - (n - 1) / 2).clamp(min=0)


def _places(cells: int, n: int, align: Align) -> Tensor:
    i = torch.arange(-(-cells // n), dtype=torch.float32)
    if align == "none":
        return i
    return n * i if align == "corner" else (i + 0.5) * n - 0.5


def _box(t: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return torch.stack(torch.meshgrid(t, y, x, indexing="ij"), dim=-1).reshape(-1, 3)  # [L, 3]
