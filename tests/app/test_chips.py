"""An effect that is picked becomes words that the reader of requests takes for that effect."""

import pytest

from refrain.app.chips import Learnt, chips, said
from refrain.cli.serve import _model
from refrain.data import words
from refrain.data.effects import EFFECTS
from refrain.editing.request import understood
from refrain.models.outline import Outline

ALL = chips(tuple(words.KNOWN.values()))


@pytest.mark.parametrize("chip", ALL, ids=lambda chip: chip.name)
def test_every_choice_of_every_effect_is_understood(chip) -> None:
    asked = [{}, *({choice.field: value} for choice in chip.choices for value in choice.values)]
    for picked in asked:
        text = said(chip.name, picked)
        assert words.understands(text), text
        assert len(words.words_of(text)) <= words.LONGEST and "{" not in text


def test_there_is_a_chip_for_every_effect_and_for_whatever_else_a_checkpoint_understands() -> None:
    assert {chip.name for chip in ALL} == set(EFFECTS)
    (own,) = chips(("paint it in oil",))
    assert own.known == own.label == said(own.name, {}) == "paint it in oil" and not own.choices


def test_what_is_picked_is_said() -> None:
    assert said("snow", {}) == "add snow"
    assert said("snow", {"amount": "heavy", "wind": "left"}) == "add heavy snow blowing to the left"
    assert said("tint", {"colour": "red", "strength": "strong"}) == "give it a strong red tint"
    assert said("snow", {"wind": "<b>", "amount": "../.."}) == "add snow"


def test_the_embedded_model_knows_the_words_of_its_chips() -> None:
    own = Outline.of("embedded")
    for chip in chips(own.card.understands):
        for picked in ({}, *({choice.field: value} for choice in chip.choices for value in choice.values)):
            text = said(chip.name, picked)
            assert understood(text, own.card, own.vocabulary), text


def test_what_ships_as_a_lora_has_a_chip_whose_every_choice_calls_it_and_the_model_does_not_know_it_itself() -> None:
    model = _model("embedded", "cpu", None)
    own, all_ = chips(model.understands), chips(model.understands, model.learnt)
    assert all_[: len(own)] == own
    taught = {chip.name: chip for chip in all_[len(own) :]}
    assert set(taught) == {one.name for one in model.learnt} - {chip.name for chip in own}
    for one in model.learnt:
        chip = taught[one.name]
        assert chip.learnt and chip.said({}) == one.words
        for picked in ({}, *({choice.field: value} for choice in chip.choices for value in choice.values)):
            assert one.called(chip.said(picked)), chip.said(picked)


def test_an_effect_of_no_name_of_ours_and_one_that_the_model_knows_by_itself() -> None:
    strange, known = Learnt("slime", "slime", "cover it with slime", ("slime",)), Learnt("snow", "snow", "make it snow")
    *_, snow, slime = chips(("add snow", words.KNOWN["snow"]), (known, strange))
    assert not snow.learnt and slime.learnt and slime.said({"amount": "heavy"}) == "cover it with slime"
    assert strange.called("Green SLIME!") and not strange.called("slimy") and not strange.called("")
