"""What every implementation is given: a laid row, the statistics of its keys, and what was chosen."""

from dataclasses import dataclass

from torch import Tensor

from refrain.attention.tiles import Tiles
from refrain.attention.tiling import Tiling

from .statistics import Means


@dataclass(frozen=True, eq=False)
class Job:
    """N tiles of queries ask M tiles of keys; slots beyond a tile's length hold copies and count for nothing.

    q:     [B, H, N, S, D]. k, v: [B, H / G, M, S', D], where G query heads share a head of keys.
    state: int8 [B, H, N, M]: GONE, MEAN or EXACT for each pair of tiles.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    means: Means
    state: Tensor
    tiling: Tiling

    @property
    def asking(self) -> Tiles:
        return self.tiling.queries

    @property
    def held(self) -> Tiles:
        return self.tiling.keys

    @property
    def scale(self) -> float:
        return self.q.shape[-1] ** -0.5

    @property
    def shared(self) -> int:
        """How many query heads share a head of keys."""
        return self.q.shape[1] // self.k.shape[1]
