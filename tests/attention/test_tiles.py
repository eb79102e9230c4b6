"""Tiles are boxes of their segment's grid, small enough, and cut where the search says that they fill best."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.attention.tiles import SLOTS, Box, Cut, best_box, checked, tiles_of
from refrain.sequence import Segment, grid

SIDE = st.integers(1, 11)
SIZE = st.tuples(SIDE, SIDE, SIDE)


@pytest.mark.parametrize(
    ("size", "box", "count"),
    [
        ((21, 30, 52), (3, 5, 4), 546),  # 480 x 832 x 81
        ((21, 45, 80), (3, 5, 4), 1260),  # 720 x 1280 x 81
        ((21, 15, 26), (3, 5, 4), 147),  # its half
        ((1, 30, 52), (1, 10, 6), 27),  # a first frame at full size
    ],
)
def test_the_best_box_of_known_grids(size: Box, box: Box, count: int) -> None:
    assert best_box(size) == box
    assert math.prod(-(-n // b) for n, b in zip(size, box)) == count
    if count in (546, 1260):
        tiles = tiles_of([Segment("target", 0, grid(*size))], [0], None)
        assert len(tiles) == count and bool((tiles.lengths == 60).all())


@given(SIZE)
def test_no_box_within_the_slots_is_worth_more(size: Box) -> None:
    """Fullness over reach, said anew: tokens per slot, divided by 1 + the rms distance from a full box's middle.

    In the distance a step in time counts as two in space.
    """

    def worth(box: Box) -> float:
        tiles = math.prod(math.ceil(n / b) for n, b in zip(size, box))
        reach = math.sqrt(sum((step * step * (b * b - 1)) / 12 for step, b in zip((2, 1, 1), box)))
        return math.prod(size) / (tiles * SLOTS * (1 + reach))

    found = best_box(size)
    assert math.prod(found) <= SLOTS and all(b <= n for n, b in zip(size, found))
    t, y, x = (range(1, n + 1) for n in size)
    rivals = [(a, b, c) for a in t for b in y for c in x if a * b * c <= SLOTS]
    assert worth(found) >= max(map(worth, rivals)) - 1e-12


@given(SIZE)
def test_a_grid_that_fits_one_tile_is_one_tile(size: Box) -> None:
    if math.prod(size) <= SLOTS:
        assert best_box(size) == size


@given(SIZE, st.sampled_from([None, (3, 5, 4), (2, 2, 2), (1, 8, 8), (4, 1, 16)]))
def test_a_tile_is_a_box_and_its_place_and_centre_say_where(size: Box, cut: Cut) -> None:
    segment = Segment("target", 0, grid(*size), canvas=grid(*size, origin=(2.0, 1.0, 5.0)))
    tiles = tiles_of([segment], [0], cut)
    box = best_box(size) if cut is None else cut
    assert isinstance(box, tuple)
    counts = [-(-n // b) for n, b in zip(size, box)]
    assert len(tiles) == math.prod(counts) == len({tuple(place.tolist()) for place in tiles.place})
    assert tiles.place.amax(0).tolist() == [n - 1 for n in counts]
    for order, length, centre in zip(tiles.order, tiles.lengths, tiles.centre):
        there = segment.canvas[order[:length]]
        low, high = there.amin(0), there.amax(0)
        assert (high - low + 1).prod() == length  # all tokens of a box, and no others
        assert all(side <= b for side, b in zip((high - low + 1).tolist(), box))
        torch.testing.assert_close(centre, (low + high) / 2)


@given(SIZE, st.integers(1, SLOTS))
def test_a_run_is_a_piece_of_the_raster(size: Box, run: int) -> None:
    tiles = tiles_of([Segment("source", 0, grid(*size))], [0], run)
    in_order = tiles.order[tiles.filled]
    assert torch.equal(in_order, torch.arange(math.prod(size)))
    assert bool((tiles.lengths[:-1] == run).all()) and 1 <= int(tiles.lengths[-1]) <= run


@given(st.integers(1, 200), st.sampled_from([None, (3, 5, 4), (1, 1, 7)]))
def test_words_are_cut_into_runs(count: int, cut: Cut) -> None:
    """They have no grid; a box says nothing of them."""
    tiles = tiles_of([Segment("text", 0, torch.zeros(count, 3))], [0], cut)
    assert tiles.lengths.tolist() == [len(part) for part in torch.arange(count).split(SLOTS)]


@given(SIZE)
def test_empty_slots_repeat_the_first_token_of_their_tile(size: Box) -> None:
    tiles = tiles_of([Segment("source", 0, grid(*size))], [0], (2, 3, 4))
    first = tiles.order[:, :1].expand_as(tiles.order)
    assert torch.equal(tiles.order[~tiles.filled], first[~tiles.filled])


@pytest.mark.parametrize("cut", [None, 1, 64, (4, 4, 4), (1, 1, 1), (64, 1, 1)])
def test_a_cut_that_can_be_made_is_taken_as_it_is(cut: Cut) -> None:
    assert checked(cut) == cut
