"""What is repeated for speed is what numpy's own broadcasting gives, to the bit."""

import numpy as np
import pytest

from refrain.data.effects.behind import differs
from refrain.data.repeat import looked_up, rowed, spread

RNG = np.random.default_rng(7)
SIZES = [(1, 1), (3, 1), (1, 5), (7, 13), (16, 32)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
def test_a_plane_is_the_same_in_every_channel(size: tuple[int, int], kind: type) -> None:
    plane = (RNG.random(size) * 200).astype(kind)
    cut = np.pad(plane, 2)[2:-2, 2:-2]  # a part of a larger plane, as boxes are
    assert np.array_equal(spread(plane), np.repeat(plane[..., None], 3, -1)) and spread(plane).dtype == kind
    assert np.array_equal(spread(cut), spread(plane))


@pytest.mark.parametrize("size", SIZES)
def test_a_row_of_a_colour_is_the_colour_at_every_pixel(size: tuple[int, int]) -> None:
    picture, colour = RNG.random((*size, 3), np.float32), RNG.random(3, np.float32)
    row = rowed(colour, size[1])
    assert np.array_equal(picture * row, picture * colour) and np.array_equal(row - picture, colour - picture)


@pytest.mark.parametrize("size", SIZES)
def test_a_table_is_read_at_every_pixel(size: tuple[int, int]) -> None:
    table, levels = RNG.random((256, 3), np.float32), RNG.integers(0, 256, size, np.uint8)
    assert np.array_equal(looked_up(table, levels), table[levels])


@pytest.mark.parametrize("size", SIZES)
def test_one_channel_that_differs_is_enough(size: tuple[int, int]) -> None:
    one = RNG.integers(0, 2, (*size, 3)).astype(np.float32)
    other = RNG.integers(0, 2, (*size, 3)).astype(np.float32)
    assert np.array_equal(differs(one, other), (one != other).any(-1).astype(np.float32))
