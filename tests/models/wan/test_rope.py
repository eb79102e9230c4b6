"""The rotary embedding is Wan's on integers, and what lies between on floats."""

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed
from hypothesis import given
from hypothesis import strategies as st

from refrain.models.wan.rope import rotate, rotation
from refrain.sequence import grid
from rows import some

places = st.lists(st.tuples(*[st.floats(-60, 60, width=32)] * 3), min_size=1, max_size=5).map(torch.tensor)


@pytest.mark.parametrize("width", [12, 64, 128])
def test_on_integers_it_is_the_table_of_wan(width: int) -> None:
    theirs = WanRotaryPosEmbed(width, (1, 2, 2), 1024)(torch.zeros(1, 1, 21, 90, 20))
    ours = rotation(grid(21, 45, 10), width)
    for our, their in zip(ours, theirs):
        assert torch.equal(our, their[..., 0::2])
        assert torch.equal(our, their[..., 1::2])


@given(places, st.sampled_from([12, 64, 128]))
def test_half_way_it_is_half_the_turn(where: torch.Tensor, width: int) -> None:
    x = some(1, len(where), 2, width)
    half = rotation(where.double() / 2, width)
    torch.testing.assert_close(rotate(rotate(x, half), half), rotate(x, rotation(where, width)), atol=1e-5, rtol=1e-5)


def test_halves_are_told_from_the_wholes_beside_them() -> None:
    turns = torch.cat([rotation(torch.tensor([[0.0, y, 0.0]]), 128)[0] for y in (0.0, 0.5, 1.0)], dim=1)
    first = turns[0, :, 0, 22]  # the fastest pair of the rows: one radian a row
    torch.testing.assert_close(first, torch.tensor([0.0, 0.5, 1.0]).cos())


@given(places, st.tuples(*[st.floats(-9, 9, width=32)] * 3).map(torch.tensor))
def test_scores_depend_on_distances_alone(where: torch.Tensor, moved: torch.Tensor) -> None:
    q, k = some(2, 1, len(where), 1, 12, seed=3).double()

    def scores(places: torch.Tensor) -> torch.Tensor:
        by = rotation(places, 12)
        return rotate(q, by)[0, :, 0] @ rotate(k, by)[0, :, 0].T

    torch.testing.assert_close(scores(where), scores(where.double() + moved.double()), atol=1e-4, rtol=1e-4)


def test_a_rotation_keeps_lengths_and_dtype() -> None:
    x = some(1, 12, 2, 12).bfloat16()
    turned = rotate(x, rotation(grid(2, 2, 3), 12))
    assert turned.dtype == torch.bfloat16
    torch.testing.assert_close(turned.float().norm(dim=-1), x.float().norm(dim=-1), rtol=0.02, atol=0.02)
