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
class Group:
    """Query tiles among which a choice may be shared, and the key tiles that it is about; all by number.

    rows:    the query tiles: those of one segment, or, where clean segments see noise, all of one sight (nothing can be
             remembered then, and LIVEditor ranks all together).
    voters:  those of noise, which choose for all; all of them where none is noise.
    columns: the key tiles of noise that they see, over which sharpness is measured; all that they see where none is.
    context: the clean key tiles that they see, words left out.
    whole:   how many full tiles the tokens of `context` make, floor(L_ctx / b).
    """

    rows: Tensor
    voters: Tensor
    columns: Tensor
    context: Tensor
    whole: int

    def to(self, device: torch.device) -> "Group":
        rows, voters, columns, context = (x.to(device) for x in (self.rows, self.voters, self.columns, self.context))
        return Group(rows, voters, columns, context, self.whole)


@dataclass(frozen=True, eq=False)
class Tiling:
    """N tiles of queries, M tiles of keys.

    sees:    [N, M] who may look at whom.
    first:   [N, M] 8 for a tile itself, 2 for those beside it in time and space, else 0.
    aligned: [N, M] 6 for the tile of each source, mask and answer that lies where a noisy query tile lies; else 0.
    words:   [N, M] 6 for words, and for everything that words look at: they are few, and weigh much.
    noisy_q, noisy: [N] and [M] tiles of noise.
    sight:   [N] the number of the tile's `Sight` in the plan.
    groups:  a partition of the query tiles.
    """

    queries: Tiles
    keys: Tiles
    sees: Tensor
    first: Tensor
    aligned: Tensor
    words: Tensor
    noisy_q: Tensor
    noisy: Tensor
    sight: Tensor
    groups: tuple[Group, ...]

    def to(self, device: torch.device) -> "Tiling":
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "groups"}
        return Tiling(**moved, groups=tuple(group.to(device) for group in self.groups))


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
    sees, noisy_q, noisy = allowed[asking.segment[:, None], held.segment], noise[asking.segment], noise[held.segment]
    shared, every = (sight[asking.segment], range(len(sights))) if joint else (asking.segment, queries)  # shared: [N]
    return Tiling(
        asking, held, sees,
        first=OWN * (same & (apart == 0)) + BESIDE * (same & (apart == 1)),
        aligned=ALIGNED * _aligned(asking, held, noisy_q, [i for i in keys if segments[i].kind in ALIGNED_KINDS]),
        words=ALIGNED * wordy.float(),
        noisy_q=noisy_q,
        noisy=noisy,
        sight=sight[asking.segment],
        groups=tuple(
            _group(_where(shared == which), sees, noisy_q, noisy, sees & ~noisy & ~wordy, held.lengths)
            for which in every
        ),
    )  # fmt: skip


def _group(rows: Tensor, sees: Tensor, noisy_q: Tensor, noisy: Tensor, clean: Tensor, lengths: Tensor) -> Group:
    """The group of these query tiles; `clean` [N, M] says which clean tiles, words left out, they see."""
    voters, seen, context = rows[noisy_q[rows]], sees[rows].any(0), _where(clean[rows].any(0))
    columns = _where(seen & noisy)
    tokens = lengths[context]
    return Group(
        rows,
        voters=voters if len(voters) else rows,
        columns=columns if len(columns) else _where(seen),
        context=context,
        whole=int(tokens.sum() // tokens.max()) if len(context) else 0,
    )


def _where(these: Tensor) -> Tensor:
    """The numbers of those that are true."""
    return torch.arange(len(these))[these]


def _aligned(asking: Tiles, held: Tiles, noisy_q: Tensor, beneath: Ordered[int]) -> Tensor:
    """[N, M] float: for each noisy query tile the nearest tile, on the canvas, of each of the segments `beneath`."""
    found = torch.zeros(len(asking), len(held))
    rows = _where(noisy_q)
    for number in beneath:
        tiles = _where(held.segment == number)
        far = torch.cdist(asking.centre[rows], held.centre[tiles], compute_mode="donot_use_mm_for_euclid_dist")
        if len(rows):
            found[rows, tiles[far.argmin(1)]] = 1
    return found
