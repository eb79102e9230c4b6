"""The text encoder of a recipe is told what sentences and single words stand for, and goes on saying what it said."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from guarantees.house import ROOT
from refrain.models.embedded.new import new_text_encoder, new_tokenizer
from refrain.models.wan.words import states_of

KNOWN = ("one", "two", "left", "right", "put", "snow")


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import text_encoder

    yield text_encoder
    sys.modules.pop("text_encoder", None)


def told(recipe: ModuleType, seed: int) -> object:
    """Every third sentence is of snow; the others say where one goes, or one and two."""
    if seed % 3 == 0:
        return recipe.Wording("snow" if seed % 2 else "put snow", frozenset({"snow"}))
    here, there = ("left", "right") if seed % 2 else ("right", "left")
    if seed % 3 == 2:
        return recipe.Wording(f"put <1> {here}", frozenset({"put"}), {"one": f"goes {here}"})
    of_words = {"one": f"goes {here}", "two": f"goes {there}"}
    return recipe.Wording(f"put <1> {here} <2> {there}", frozenset({"put"}), of_words)


def guessing(facts: object, sentence: list[set[str]]) -> Tensor:
    """What a head says [1, 24, F] that is sure of these facts of each word, and of no others."""
    every = {**facts.whole, **facts.single}  # type: ignore[attr-defined]
    sure = torch.full((1, 24, len(every)), -9.0)
    for n, known in enumerate(sentence):
        sure[0, n, [every[fact] for fact in known]] = 9.0
    return sure


def test_a_fact_of_one_word_is_asked_of_that_word_alone(recipe: ModuleType) -> None:
    facts = recipe.Facts.of(new_tokenizer(KNOWN), [told(recipe, n) for n in range(6)])
    assert set(facts.whole) == {"put", "snow"} and set(facts.single) == {"goes left", "goes right"}
    one = told(recipe, 1)  # put one left two right
    spoken = torch.arange(24)[None] < 6
    right = [{"put"}, {"put", "goes left"}, {"put"}, {"put", "goes right"}, {"put"}, {"put"}]
    swapped = [{"put"}, {"put", "goes right"}, {"put"}, {"put", "goes left"}, {"put"}, {"put"}]
    elsewhere = [known | {"goes left"} if n not in (1, 3) else known for n, known in enumerate(right)]
    forgotten = [known - {"put"} if n == 4 else known for n, known in enumerate(right)]
    of = {
        name: float(facts.missed(guessing(facts, said), spoken, [one]))
        for name, said in (("right", right), ("swapped", swapped), ("elsewhere", elsewhere), ("forgotten", forgotten))
    }
    assert of["right"] < 0.01 and of["elsewhere"] == of["right"]
    assert of["swapped"] > 1 and of["forgotten"] > 0.1


def test_it_learns_which_goes_where_and_says_the_old_sentences_alike(recipe: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tokenizer, before = new_tokenizer(KNOWN), new_text_encoder(len(KNOWN), 32)
    before.save_pretrained(tmp_path / "text_encoder")
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    old, encoder = recipe.Before.load(tmp_path), new_text_encoder(len(KNOWN), 32)
    old.hand_down(tokenizer, encoder)
    snow, asked = ["snow", "put snow"], ["put <1> left", "put <1> right"]
    with torch.no_grad():
        assert float(old.apart(states_of(tokenizer, encoder, snow), snow)) < 1e-9
        first = states_of(tokenizer, encoder, asked)
    recipe.teach(tokenizer, encoder, old, lambda seed: told(recipe, seed), 60, batch=12)
    with torch.no_grad():
        states = states_of(tokenizer, encoder, asked)
        assert float(old.apart(states_of(tokenizer, encoder, snow), snow)) < 0.02
    one = states[:, 1]  # the word that names the first reference, going left and going right
    apart = (one[0] - one[1]).square().mean() / one.square().mean()
    was = (first[0, 1] - first[1, 1]).square().mean() / first[:, 1].square().mean()
    assert float(apart) > 5 * float(was)
