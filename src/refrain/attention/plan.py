"""The plan: a rule laid on a row. It is made once per edit and holds no tensors of the size of the row's states.

Segments that see the same segments are one `Sight`: their queries go together through one attention call over exactly
the keys they see, so no mask is ever needed (a gather followed by an unmasked call equals the masked one). Sparse
attention also needs the row cut into tiles: a `Tiling`, made when it is first asked for, and kept.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.sequence import Rule, Sequence

from .tiles import Cut, Tiles, checked, tiles_of
from .tiling import Tiling, tiling_of


@dataclass(frozen=True)
class Sight:
    """The segments `queries` all see exactly the segments `keys` (numbers of segments in the row)."""

    queries: tuple[int, ...]
    keys: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Who sees whom.

    lengths: tokens of every segment of the row.
    queries: the segments that q holds, in row order; all of them without memory.
    keys:    the segments that k and v hold, in row order: all that some query sees.
    sights:  a partition of `queries`.
    tile:    how tokens are cut into tiles, unless the choice of attention says.
    """

    lengths: tuple[int, ...]
    queries: tuple[int, ...]
    keys: tuple[int, ...]
    sights: tuple[Sight, ...]
    tile: Cut = None
    row: Sequence | None = field(default=None, compare=False, repr=False)
    _tilings: dict[tuple[Cut, torch.device], Tiling] = field(
        default_factory=dict[tuple[Cut, torch.device], Tiling], compare=False, repr=False
    )
    _tiles: dict[tuple[int, Cut, torch.device], Tiles] = field(
        default_factory=dict[tuple[int, Cut, torch.device], Tiles], compare=False, repr=False
    )

    @staticmethod
    def of(sequence: Sequence, rule: Rule, queries: Collection[int] | None = None, tile: Cut = None) -> "Plan":
        """Lay `rule` on the row. `queries` (numbers of segments) restricts the plan to those that ask."""
        segments = sequence.segments
        asking = range(len(segments)) if queries is None else sorted(queries)
        groups: dict[tuple[int, ...], list[int]] = {}
        for i in asking:
            seen = tuple(j for j, key in enumerate(segments) if rule(segments[i], key))
            if not seen:
                raise BadInput(f"Segment {i} ({segments[i].kind}, beat {segments[i].beat}) sees nothing by this rule.")
            groups.setdefault(seen, []).append(i)
        keys = sorted({j for seen in groups for j in seen})
        sights = tuple(Sight(tuple(asks), seen) for seen, asks in groups.items())
        return Plan(tuple(map(len, segments)), tuple(asking), tuple(keys), sights, checked(tile), sequence)

    def check(self, q: Tensor, k: Tensor, v: Tensor) -> None:
        """Refuse tensors that do not hold what the plan says."""
        want_q, want_k = (sum(self.lengths[i] for i in held) for held in (self.queries, self.keys))
        shapes = f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}"
        if not q.ndim == k.ndim == 4 or q.shape[1] != want_q or k.shape[1] != want_k or k.shape != v.shape:
            raise BadInput(f"The plan needs q of {want_q} and k, v of {want_k} tokens; got {shapes}.")
        if q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3] or not k.shape[2] or q.shape[2] % k.shape[2]:
            raise BadInput(
                f"q, k and v need one batch and one head width, and heads of q a multiple of those of k; got {shapes}."
            )
        if not q.dtype == k.dtype == v.dtype or not q.device == k.device == v.device:
            raise BadInput(
                f"q, k and v need one dtype and one device; got {q.dtype}, {k.dtype}, {v.dtype} "
                f"on {q.device}, {k.device}, {v.device}."
            )

    def tiling(self, cut: Cut, device: torch.device) -> Tiling:
        """The plan in tiles, cut by `cut` or, where that is None, by the plan's own `tile`; made once."""
        cut = self.tile if cut is None else cut
        if self.row is None:
            raise BadInput("A plan made by hand has no tiles; make it with Plan.of.")
        if (cut, device) not in self._tilings:
            self._tilings[cut, device] = tiling_of(
                self.row, self.queries, self.keys, [(s.queries, s.keys) for s in self.sights], cut
            ).to(device)
        return self._tilings[cut, device]

    def tiles(self, number: int, cut: Cut, device: torch.device) -> Tiles:
        """Segment `number` alone in tiles, which are those it has in `tiling`; made once."""
        cut = self.tile if cut is None else cut
        if self.row is None:
            raise BadInput("A plan made by hand has no tiles; make it with Plan.of.")
        if (number, cut, device) not in self._tiles:
            self._tiles[number, cut, device] = tiles_of(self.row.segments, [number], cut).to(device)
        return self._tiles[number, cut, device]

    def area(self) -> int:
        """Query-key pairs that are computed: the cost of attention, to be multiplied by 4 H D for FLOPs."""
        return sum(
            sum(self.lengths[i] for i in sight.queries) * sum(self.lengths[j] for j in sight.keys)
            for sight in self.sights
        )
