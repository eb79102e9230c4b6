"""What tiles take for granted costs nothing where it is so: constant tiles are exact, linear ones to first order."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from refrain.attention import Dense, Isa, Plan, attend
from refrain.sequence import RULES, Segment, Sequence, grid

ROW = Sequence(
    [Segment("text", 0, grid(1, 1, 3)), Segment("source", 0, grid(3, 5, 4)), Segment("target", 2, grid(3, 5, 4))]
)
CUT = (2, 2, 2)  # ragged: parts of an axis differ by one
KEEPS = st.sampled_from([0.0, 1 / 8, 1 / 2, 1.0, (0.0, 1 / 4), (1 / 4, 0.0)])


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kernel", ["reference", "gather"])
@given(
    KEEPS,
    st.sampled_from([0, 1]),
    st.sampled_from(sorted(RULES)),
    st.sampled_from([1.0, 4.0, 16.0]),
    st.integers(0, 99),
)
def test_whatever_is_kept(kernel: str, keep, order: int, rule: str, times: float, seed: int) -> None:
    """Keys and values that are equal within each tile: a mean is each of them, and its weight that of all."""
    plan = Plan.of(ROW, RULES[rule])
    tiles = plan.tiling(CUT, torch.device("cpu")).keys
    assert len(tiles.lengths.unique()) > 1
    whose = tiles.back // tiles.slots  # [L] the tile of each token
    q = times * normal(1, len(ROW), 4, 8, seed=seed)
    k, v = normal(2, 1, len(tiles), 2, 8, seed=seed + 100)[:, :, whose]
    sparse = attend(q, k, v, plan, Isa(keep, CUT, order=order, kernel=kernel))
    torch.testing.assert_close(sparse, attend(q, k, v, plan, Dense()), rtol=0, atol=1e-11)


def error(keep: float, order: int, spread: float, seed: int) -> float:
    """rms error on one segment of equal tiles, in each of which keys and values are linear in position, alike in all.

    Keys lie about their tile's mean as spread * A x, values as B x, where x is the place in the tile.
    """
    row = Sequence([Segment("target", 2, grid(4, 8, 8))])
    plan = Plan.of(row, RULES["full"], tile=(2, 4, 4))
    tiles = plan.tiling(None, torch.device("cpu")).keys
    whose = tiles.back // tiles.slots
    x = row.segments[0].canvas.double() - tiles.centre[whose].double()  # [L, 3]
    q = normal(1, len(row), 2, 8, seed=seed)
    mean_k, mean_v = normal(2, 1, len(tiles), 2, 8, seed=seed + 1)
    a, b = normal(2, 2, 8, 3, seed=seed + 2)  # [H, D, 3] each
    k = mean_k[:, whose] + spread * torch.einsum("hdc,lc->lhd", a, x)
    v = mean_v[:, whose] + torch.einsum("hdc,lc->lhd", b, x)
    sparse = attend(q, k, v, plan, Isa(keep, order=order, kernel="reference"))
    return float((sparse - attend(q, k, v, plan, Dense())).square().mean().sqrt())


@pytest.mark.parametrize(("keep", "order", "power"), [(0, 0, 1), (0, 1, 3), (1 / 4, 0, 1), (1 / 4, 1, 2)])
def test_linear_tiles_are_exact_to_first_order(keep: float, order: int, power: int) -> None:
    """Halving the spread of keys divides the error by 2^power; the first-order term takes away the first power.

    Of second order is only sum p_j sigma_j^2 / 2 (vbar_j - o~), for boxes are symmetric and so have no odd moments; and
    as sigma_j is alike in all tiles, that sum is sigma^2 / 2 times the first-order term, if nothing is exact.
    """
    for seed in range(5):
        ratio = error(keep, order, 0.02, seed) / error(keep, order, 0.01, seed)
        assert ratio == pytest.approx(2**power, rel=0.05)
