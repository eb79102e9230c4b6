"""A tile holds tokens of one segment; each token lies in one tile; no tile is longer than 64."""

from typing import get_args

import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.attention import Plan
from refrain.attention.tiles import SLOTS, Cut
from refrain.sequence import RULES, Kind, Segment, Sequence, grid

SEGMENTS = st.builds(
    lambda kind, beat, size: Segment(kind, 2 * beat + (kind == "answer"), grid(*size)),
    st.sampled_from(get_args(Kind)),
    st.integers(0, 2),
    st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 7)),
)
ROWS = st.lists(SEGMENTS, min_size=1, max_size=4).map(Sequence)
CUTS: st.SearchStrategy[Cut] = st.sampled_from([None, (3, 5, 4), (2, 2, 2), (1, 1, 64), 64, 7, 1])


@given(ROWS, CUTS, st.sampled_from(sorted(RULES)), st.data())
def test_one_segment_each_token_once_and_none_longer_than_64(
    row: Sequence, cut: Cut, rule: str, data: st.DataObject
) -> None:
    asking = data.draw(st.sets(st.integers(0, len(row.segments) - 1), min_size=1))
    plan = Plan.of(row, RULES[rule], asking)
    tiling = plan.tiling(cut, torch.device("cpu"))
    for tiles, held in ((tiling.queries, plan.queries), (tiling.keys, plan.keys)):
        owner = torch.tensor([n for n in held for _ in range(len(row.segments[n]))])
        assert tiles.slots <= SLOTS and int(tiles.lengths.min()) >= 1
        tokens = tiles.order[tiles.filled]
        assert torch.equal(tokens.sort().values, torch.arange(len(owner)))
        for order, length, segment in zip(tiles.order, tiles.lengths, tiles.segment):
            assert bool((owner[order[:length]] == segment).all())
        assert list(tiles.runs) == [int((tiles.segment == n).sum()) for n in held]


@given(ROWS, CUTS, st.integers(0, 99))
def test_what_is_laid_in_tiles_comes_back_in_order(row: Sequence, cut: Cut, seed: int) -> None:
    tiles = Plan.of(row, RULES["full"]).tiling(cut, torch.device("cpu")).queries
    x = torch.randn(2, len(row), 3, 2, generator=torch.Generator().manual_seed(seed))
    laid = tiles.lay(x)
    assert laid.shape == (2, 3, len(tiles), tiles.slots, 2)
    assert torch.equal(tiles.unlay(laid), x)
    poisoned = laid.masked_fill(~tiles.filled[..., None], torch.nan)
    assert torch.equal(tiles.unlay(poisoned), x)
