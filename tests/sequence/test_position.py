"""Laws of places: boxes in order, and coarse tokens that know which fine ones they stand for."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.sequence import Align, coarsen, grid
from refrain.sequence.position import coarse_size

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
factors = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
ALIGNS: tuple[Align, ...] = ("centre", "corner", "none")


@given(sizes)
def test_a_grid_counts_columns_fastest_from_its_origin(size: tuple[int, int, int]) -> None:
    t, y, x = size
    places = grid(t, y, x, (0.5, -1.0, 2.0))
    expected = [[i + 0.5, j - 1.0, k + 2.0] for i in range(t) for j in range(y) for k in range(x)]
    assert places.tolist() == expected
    assert places.dtype == torch.float32


@given(sizes, st.sampled_from(ALIGNS), st.booleans())
def test_a_factor_of_one_is_the_grid(size: tuple[int, int, int], align: Align, causal: bool) -> None:
    assert torch.equal(coarsen(*size, factor=(1, 1, 1), align=align, causal=causal), grid(*size))


@given(sizes, factors, st.sampled_from(ALIGNS), st.booleans())
def test_coarse_tokens_are_a_box_of_coarse_size(
    size: tuple[int, int, int], factor: tuple[int, int, int], align: Align, causal: bool
) -> None:
    places = coarsen(*size, factor=factor, align=align, causal=causal)
    counted = tuple(len(set(places[:, axis].tolist())) for axis in range(3))
    assert counted == coarse_size(*size, factor=factor, causal=causal)
    assert len(places) == counted[0] * counted[1] * counted[2]


@given(sizes, factors, st.booleans())
def test_a_corner_is_the_factor_times_the_index_and_none_is_the_index(
    size: tuple[int, int, int], factor: tuple[int, int, int], causal: bool
) -> None:
    index = coarsen(*size, factor=factor, align="none", causal=causal)
    assert torch.equal(index, grid(*coarse_size(*size, factor=factor, causal=causal)))
    assert torch.equal(coarsen(*size, factor=factor, align="corner", causal=causal), index * torch.tensor(factor))


def test_forty_five_rows_are_covered_by_twenty_three() -> None:
    assert coarse_size(21, 45, 80) == (21, 23, 40)
    rows = coarsen(1, 45, 2)[:, 1]
    assert rows.tolist() == [2 * i + 0.5 for i in range(23)]


@pytest.mark.parametrize(
    ("frames", "expected"), [(1, [0.0]), (2, [0.0, 1.5]), (5, [0.0, 1.5, 3.5]), (6, [0, 1.5, 3.5, 5.5])]
)
def test_in_time_the_first_frame_stands_alone(frames: int, expected: list[float]) -> None:
    assert coarsen(frames, 1, 1, (2, 1, 1))[:, 0].tolist() == expected
