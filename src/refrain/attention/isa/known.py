"""What need not be done again: keys and values that stay as they are, laid in tiles, with their means."""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from refrain.attention.plan import Plan
from refrain.attention.spec import Isa
from refrain.attention.tiles import Tiles

from .job import Job
from .run import compute, kernel_of
from .select import select
from .statistics import Means, means_of


@dataclass(frozen=True, eq=False)
class Known:
    """Keys and values [B, H, M, S, D] of one segment, or of several, in tiles, and what these are to others."""

    k: Tensor
    v: Tensor
    means: Means

    @staticmethod
    def of(k: Tensor, v: Tensor, tiles: Tiles, order: int = 0) -> "Known":
        """Lay k and v [B, L, H, D]; order: as in `Isa`."""
        laid_k, laid_v = tiles.lay(k), tiles.lay(v)
        return Known(laid_k, laid_v, means_of(laid_k, laid_v, tiles, order))

    def tensors(self) -> list[Tensor]:
        """All that takes memory."""
        means = self.means
        return [self.k, self.v, means.k, means.v, *([] if means.slope is None else [means.slope])]

    def to(self, device: torch.device) -> "Known":
        k, v, mean_k, mean_v, *slope = (x.to(device, non_blocking=device.type == "cuda") for x in self.tensors())
        means = replace(
            self.means, k=mean_k, v=mean_v, slope=slope[0] if slope else None, which=self.means.which.to(device)
        )
        return Known(k, v, means)


def attend(q: Tensor, parts: Ordered[Known], plan: Plan, spec: Isa) -> Tensor:
    """As `isa.run.attend`, q [B, Lq, H, D] -> [B, Lq, H, D]; `parts`: each segment of `plan.keys`, in row order."""
    tiling = plan.tiling(spec.tile, q.device)
    held = _together(parts, tiling.keys)
    laid = tiling.queries.lay(q)
    job = Job(laid, held.k, held.v, held.means, select(laid, held.means, tiling, spec), tiling)
    return tiling.queries.unlay(compute(kernel_of(spec, q, held.k, held.v), job))


def _together(parts: Ordered[Known], tiles: Tiles) -> Known:
    """Segments one after another, in the slots of `tiles`, which cuts them all."""
    k, v = (_joined([getattr(part, name) for part in parts], tiles.slots) for name in ("k", "v"))
    slopes = [part.means.slope for part in parts if part.means.slope is not None]
    means = Means(
        torch.cat([part.means.k for part in parts], dim=2),
        torch.cat([part.means.v for part in parts], dim=2),
        torch.cat(slopes, dim=2) if slopes else None,
        tiles.which,
    )
    return Known(k, v, means)


def _joined(parts: list[Tensor], slots: int) -> Tensor:
    """[B, H, M, slots, D]; a segment of smaller tiles leaves its last slots empty."""
    return torch.cat([x if x.shape[3] == slots else F.pad(x, (0, 0, 0, slots - x.shape[3])) for x in parts], dim=2)
