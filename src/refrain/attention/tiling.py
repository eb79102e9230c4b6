"""A plan in tiles: which tile may look at which, and which tiles it must look at exactly before any choice is made."""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from refrain.sequence import Sequence

from .tiles import Cut, Tiles, tiles_of

OWN, ALIGNED, BESIDE = 8.0, 6.0, 2.0  # in this order tiles are exact; pooled mass, at most 1, ranks the rest
ALIGNED_KINDS = ("source", "mask", "answer")  # what lies on the target's canvas, so that heads copy from it


@dataclass(frozen=True, eq=False)
class Tiling:
    """N tiles of queries, M tiles of keys.

    sees:    [N, M] who may look at whom.
    first:   [N, M] 8 for a tile itself, 2 for those beside it in time and space, else 0.
    aligned: [N, M] 6 for the tile of each source, mask and answer that lies where a noisy query tile lies; else 0.
    words:   [N, M] 6 for words, and for everything that words look at: they are few, and weigh much.
    noisy_q, noisy: [N] and [M] tiles of noise.
    group:   [N] query tiles among which a choice may be shared: those of one segment; all of them where clean segments
             see noise (then nothing can be remembered anyway, and LIVEditor ranks all together).
    sight:   [N] the number of the tile's `Sight` in the plan.
    """

    queries: Tiles
    keys: Tiles
    sees: Tensor
    first: Tensor
    aligned: Tensor
    words: Tensor
    noisy_q: Tensor
    noisy: Tensor
    group: Tensor
    sight: Tensor

    def to(self, device: torch.device) -> "Tiling":
        return Tiling(*(getattr(self, f.name).to(device) for f in fields(self)))


def tiling_of(
    row: Sequence,
    queries: Ordered[int],
    keys: Ordered[int],
    sights: Ordered[tuple[Ordered[int], Ordered[int]]],
    cut: Cut,
) -> Tiling:
    """Cut the segments `queries` and `keys` of a row into tiles; sights say which segments see which."""
    segments = row.segments
    asking, held = tiles_of(segments, queries, cut), tiles_of(segments, keys, cut)
    count = len(segments)
    allowed = torch.zeros(count, count, dtype=torch.bool)
    sight = torch.zeros(count, dtype=torch.long)
    for number, (asks, seen) in enumerate(sights):
        allowed[torch.tensor(asks)[:, None], torch.tensor(seen)] = True
        sight[torch.tensor(asks)] = number
    noise = torch.tensor([s.noisy for s in segments])
    words = torch.tensor([s.kind == "text" for s in segments])
    joint = bool((allowed & ~noise[:, None] & noise).any())

    same = asking.segment[:, None] == held.segment  # [N, M]
    apart = (asking.place[:, None] - held.place).abs().amax(-1)
    wordy = words[asking.segment][:, None] | words[held.segment]
    return Tiling(
        asking, held,
        sees=allowed[asking.segment[:, None], held.segment],
        first=OWN * (same & (apart == 0)) + BESIDE * (same & (apart == 1)),
        aligned=ALIGNED * _aligned(row, asking, held),
        words=ALIGNED * wordy.float(),
        noisy_q=noise[asking.segment],
        noisy=noise[held.segment],
        group=torch.zeros_like(asking.segment) if joint else asking.segment,
        sight=sight[asking.segment],
    )  # fmt: skip


def _aligned(row: Sequence, asking: Tiles, held: Tiles) -> Tensor:
    """[N, M] float: for each noisy query tile the nearest tile, on the canvas, of each segment that lies there."""
    found = torch.zeros(len(asking), len(held))
    rows = torch.tensor([row.segments[i].noisy for i in asking.segment.tolist()]).nonzero().flatten()
    for number in held.segment.unique().tolist():
        if row.segments[number].kind in ALIGNED_KINDS and len(rows):
            tiles = (held.segment == number).nonzero().flatten()
            near = torch.cdist(asking.centre[rows], held.centre[tiles]).argmin(1)
            found[rows, tiles[near]] = 1
    return found
