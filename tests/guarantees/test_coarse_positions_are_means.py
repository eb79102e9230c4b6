"""With `centre`, a coarse token stands at the mean of the fine tokens that it covers, in space and in causal time."""

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.sequence import coarsen, grid
from refrain.sequence.position import coarse_size

sizes = st.tuples(st.integers(1, 7), st.integers(1, 45), st.integers(1, 9))
factors = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))


def covered(i: int, n: int, alone: bool) -> list[float]:
    """The fine cells of coarse cell i; with `alone` the first cell is a group of its own."""
    if not alone:
        return [float(n * i + k) for k in range(n)]
    return [0.0] if i == 0 else [float(n * (i - 1) + 1 + k) for k in range(n)]


@given(sizes, factors, st.booleans())
def test_by_brute_force(size: tuple[int, int, int], factor: tuple[int, int, int], causal: bool) -> None:
    alone = (causal, False, False)
    cells = [range(n) for n in coarse_size(*size, factor=factor, causal=causal)]
    means = [
        [sum(cover) / len(cover) for cover in map(covered, place, factor, alone)] for place in itertools.product(*cells)
    ]
    torch.testing.assert_close(coarsen(*size, factor=factor, causal=causal), torch.tensor(means))
    for axis, last in enumerate(cells):  # every fine cell is covered, and no coarse cell covers none
        assert covered(last[-1], factor[axis], alone[axis])[0] <= size[axis] - 1
        assert covered(last[-1], factor[axis], alone[axis])[-1] >= size[axis] - 1


def test_pooled_coordinates_are_coarse_positions() -> None:
    """What the mean over cells does to pixels it does to their coordinates."""
    fine = grid(3, 8, 12).unflatten(0, (3, 8, 12)).permute(0, 3, 1, 2)
    pooled = torch.nn.functional.avg_pool2d(fine, 2).permute(0, 2, 3, 1).reshape(-1, 3)
    assert torch.equal(pooled, coarsen(3, 8, 12))
