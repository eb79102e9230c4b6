"""The choice of attention: what it is by default, what the paper's is, and what it says for a layer and a time."""

from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refrain.attention import Dense, Flex, Isa
from refrain.errors import BadInput

LAYER, TIME = st.integers(0, 9), st.floats(0, 1)


def test_published_is_what_the_paper_says() -> None:
    spec = Isa.published()
    assert (spec.context, spec.dense_share, spec.keep, spec.tile) == (1 / 8, 1 / 2, 1 / 16, 64)
    assert (spec.routing, spec.order, spec.drop_context) == ("sharpness", 0, True)
    assert not (spec.neighbours or spec.aligned or spec.coarse_gate or spec.budgets)
    assert Isa.published(coarse_gate=True).coarse_gate


def test_ours_drops_nothing_and_knows_places() -> None:
    spec = Isa()
    assert (spec.keep, spec.context, spec.drop_context, spec.routing) == (1 / 8, 1.0, False, "budget")
    assert spec.aligned and not spec.neighbours and spec.tile is None


@given(LAYER, TIME)
def test_dense_and_flex_are_the_same_everywhere(layer: int, t: float) -> None:
    assert Dense().at(layer, t) == Dense() and Flex(tile=8).at(layer, t) == Flex(tile=8)


@given(LAYER, TIME, st.integers(0, 5), TIME)
def test_first_layers_and_first_steps_are_dense(layer: int, t: float, layers: int, time: float) -> None:
    spec = Isa(dense_layers=layers, dense_time=time)
    assert spec.at(layer, t) == (Dense() if layer < layers or t > time else spec)


@given(st.integers(0, 2), TIME)
def test_each_layer_has_its_budgets(layer: int, t: float) -> None:
    budgets = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))
    assert Isa(budgets=budgets).at(layer, t) == Isa(budgets=(budgets[layer],))


def test_a_layer_without_a_budget_is_named() -> None:
    with pytest.raises(BadInput, match="for 1 layers; layer 1"):
        Isa(budgets=((0.5, 0.5),)).at(1, 0.0)


def test_a_choice_can_be_a_key_and_cannot_be_changed() -> None:
    assert {Isa(): 1}[Isa(keep=0.125)] == 1 and Isa() != Isa(keep=0.25)
    with pytest.raises(FrozenInstanceError):
        Isa().keep = 1.0  # type: ignore[misc]


def test_every_field_is_explained() -> None:
    for spec in (Isa, Flex):
        for f in fields(spec):
            assert f"\n    {f.name}:" in str(spec.__doc__), f.name
