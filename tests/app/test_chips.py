"""An effect that is picked becomes words that the reader of requests takes for that effect."""

import json

import pytest

from guarantees.house import PACKAGE
from refrain.app.chips import chips, said
from refrain.data import words
from refrain.data.effects import EFFECTS

ALL = chips(tuple(words.KNOWN.values()))
OWN = json.loads((PACKAGE / "models" / "embedded" / "weights" / "refrain.json").read_text("utf-8"))


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
    known = {*OWN["content_words"], *OWN["colour_words"]}
    for chip in chips(tuple(OWN["understands"])):
        for picked in ({}, *({choice.field: value} for choice in chip.choices for value in choice.values)):
            text = said(chip.name, picked)
            plain = set(text.split())
            assert plain & known or any(" " in word and word in text for word in known), text
            assert not plain & set(OWN["refused_words"]), text
