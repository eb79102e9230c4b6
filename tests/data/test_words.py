"""The grammar says what the parameters are, in words that are all known, and reads itself back."""

import re
from collections import defaultdict
from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest

from refrain.data import draw_edit, phrases
from refrain.data.effects import EFFECTS, Shot, Wording
from refrain.data.effects.fire import Fire
from refrain.data.effects.night import Night
from refrain.data.effects.snow import Snow
from refrain.data.effects.tint import Tint
from refrain.data.reading import FILLINGS
from refrain.data.words import (
    KNOWN,
    caption,
    card_words,
    content_words,
    instruction,
    nearest,
    reversed_instruction,
    understands,
    vocabulary,
    words_of,
)
from refrain.editing.request import understood
from refrain.errors import BadInput
from refrain.models.protocols import Card

each_effect = pytest.mark.parametrize("name", EFFECTS)


@cache
def drawn(name: str, number: int = 150) -> list[tuple[Any, str]]:
    """Parameters of the effect and an instruction, many times."""
    rng = np.random.default_rng(0)
    return [(p, instruction(rng, name, p)) for p in (EFFECTS[name].draw(rng) for _ in range(number))]


def filled(phrase: str) -> str:
    """The phrase with the last word of every slot, without its article."""
    for slot, words in FILLINGS.items():
        phrase = phrase.replace(f"{{{slot}}}", words[-1])
    return re.sub(r"^(a|an|the|some) (?=\w+ ?\w*$)", "", phrase)


def parts(wording: Wording) -> dict[str, tuple[str, ...]]:
    shared = {"nouns": wording.nouns, "adjectives": wording.adjectives, "verbs": wording.verbs}
    named = tuple(p for many in (*wording.named.values(), *wording.looks.values()) for p in many)
    return {**shared, "clauses": wording.clauses, "named": named}


@each_effect
def test_no_phrase_of_an_effect_is_understood_as_another(name: str) -> None:
    wrong = [
        f"{kind}: '{phrase}' of {name} is understood as {understands(filled(phrase)) or 'nothing'}"
        for kind, many in parts(EFFECTS[name].wording).items()
        for phrase in many
        if ("{colour}" not in phrase or kind == "clauses") and understands(filled(phrase)) != (name,)
    ]
    assert not wrong, "\n".join(wrong)


@each_effect
def test_what_is_said_after_a_thing_names_no_other_effect(name: str) -> None:
    wording = EFFECTS[name].wording
    ends = [p for values in wording.tails.values() for many in values.values() for p in many]
    wrong = {end: understands(filled(end)) for end in (*ends, *wording.about)}
    wrong = {end: other for end, other in wrong.items() if other not in ((), (name,))}
    assert not wrong


@each_effect
def test_every_drawn_instruction_is_understood_as_what_it_asks_for(name: str) -> None:
    for parameters, said in drawn(name):
        assert understands(said) == (name,), (said, parameters)


@each_effect
def test_every_drawn_word_is_in_the_vocabulary_and_the_request_is_short(name: str) -> None:
    known = set(vocabulary())
    rng = np.random.default_rng(1)
    for parameters, said in drawn(name):
        span = [None, (0.5, None), (None, 3.0), (1.5, 2.5)][int(rng.integers(4))]
        timed = instruction(rng, name, parameters, span)
        back, seen = reversed_instruction(rng, name, parameters), caption(rng, name, parameters)
        for text in (said, timed, back, seen):
            assert set(words_of(text)) <= known, text
            assert "{" not in text and "  " not in text and re.fullmatch(r"[a-z, ]+", text), text
            assert 1 <= len(words_of(text)) <= 23, text
        assert understands(timed) == (name,), timed


def test_the_vocabulary_is_sorted_and_small() -> None:
    assert list(vocabulary()) == sorted(set(vocabulary())) and len(vocabulary()) < 1200


def says(said: str, phrase: str) -> bool:
    pattern = re.sub(r"\\\{\w+\\\}", r"[a-z ]+", re.escape(phrase))
    return re.search(rf"\b{pattern}\b", said) is not None


def ways_to_say(wording: Wording, field: str, value: str) -> tuple[str, ...]:
    """Every phrase that tells this value of this parameter."""
    if value in wording.tails.get(field, {}):
        return wording.tails[field][value]
    if field == "wind":
        return phrases.WINDS[value]
    if field == "colour":
        colours = phrases.COLOURS.get(value, (value,))
        return (*colours, *wording.looks.get(value, ()), *wording.named.get(value, ()))
    if field == "size":
        return phrases.SIZES[value]
    if field == "speed":
        return tuple(word for words in phrases.SPEEDS[value] for word in words)
    level = phrases.LEVELS[value]
    own = (*wording.named.get(level, ()), *wording.looks.get(level, ()))
    return tuple(w.removeprefix("a ").removeprefix("the ") for w in own) + sum(phrases.AMOUNTS[level], ())


@each_effect
def test_a_parameter_off_its_usual_value_is_said(name: str) -> None:
    wording = EFFECTS[name].wording
    rest = {"amount": "medium", "strength": "medium", "contrast": "medium", "speed": "medium", "size": "medium"}
    usual = {**rest, "wind": "none", **wording.usual}
    for parameters, said in drawn(name):
        for field in (f.name for f in fields(parameters)):
            value = str(getattr(parameters, field))
            if value != usual.get(field):
                assert any(says(said, way) for way in ways_to_say(wording, field, value)), (said, field, value)


@each_effect
def test_every_noun_stands_in_many_frames(name: str) -> None:
    nouns = sorted({re.sub(r"^(a|an|the) ", "", noun) for noun in EFFECTS[name].wording.nouns}, key=len)
    frames: dict[str, set[str]] = defaultdict(set)
    for _, said in drawn(name, 600):
        noun = next((noun for noun in reversed(nouns) if says(said, noun)), None)
        if noun is not None:
            frames[noun].add(" ".join(said.replace(noun, "_").split()[:2]))
    few = {noun: frames[noun] for noun in nouns if len(frames[noun]) < 9}
    assert not few


def test_parameters_are_said() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        assert {"left", "right"} & set(words_of(instruction(rng, "snow", Snow("medium", "left"))))
        assert {"left", "right"} & set(words_of(instruction(rng, "fire", Fire("medium", "right"))))
        assert {"blue", "bluish", "azure"} & set(words_of(instruction(rng, "tint", Tint("blue", "medium"))))
        heavy, light = (words_of(instruction(rng, "snow", Snow(amount))) for amount in ("heavy", "light"))
        plain = set(words_of(instruction(rng, "snow", Snow("medium"))))
        assert heavy != light
        assert not {"heavily", "heavy", "strong", "light", "lightly", "blizzard"} & plain
        assert "midnight" not in words_of(instruction(rng, "night", Night("slight")))


def test_left_and_right_are_told_apart_by_the_words() -> None:
    rng = np.random.default_rng(2)
    left = {instruction(rng, "snow", Snow("medium", "left")).split("snow")[-1] for _ in range(500)}
    right = {instruction(rng, "snow", Snow("medium", "right")).split("snow")[-1] for _ in range(500)}
    tails = {t for t in left & right if "left" in t or "right" in t}
    assert not tails


@each_effect
def test_the_way_back_does_not_say_how_it_was_and_asks_for_no_effect(name: str) -> None:
    wording = EFFECTS[name].wording
    frames = " ".join(f for many in phrases.REVERSED_FRAMES.values() for f in many)
    own = " ".join((*(p for many in parts(wording).values() for p in many), *wording.about, *wording.undone))
    given = " ".join(w for words in (*FILLINGS.values(), *phrases.COLOURS.values()) for w in words)
    allowed = {*words_of(f"{frames} {own} {given}"), "in", *(str(getattr(p, "colour", "")) for p, _ in drawn(name))}
    presumed = {"day", "daylight", "sunny", "original", "before", "summer", "dry", "bright"}
    rng = np.random.default_rng(4)
    for parameters, _ in drawn(name):
        back = reversed_instruction(rng, name, parameters)
        assert set(words_of(back)) <= allowed - presumed, back
        assert understands(back) in ((), ("keep",)), back
        if name != "keep":
            assert understands(back) == (), back


@each_effect
def test_a_caption_names_what_is_seen(name: str) -> None:
    rng = np.random.default_rng(5)
    own = {w for many in parts(EFFECTS[name].wording).values() for p in many for w in words_of(p)}
    own |= {w for p in EFFECTS[name].wording.seen for w in words_of(p)}
    for parameters, _ in drawn(name):
        seen = words_of(caption(rng, name, parameters, subject="it"))
        assert own & set(seen) and ("it" not in seen[1:] or name == "keep"), seen


def test_a_stretch_of_time_is_said_in_words() -> None:
    rng = np.random.default_rng(6)
    said = [instruction(rng, "snow", Snow(), (2.0, None)) for _ in range(50)]
    assert all({"two"} <= set(words_of(s)) and {"second", "seconds"} & set(words_of(s)) for s in said)
    assert all("four" in words_of(instruction(rng, "snow", Snow(), (None, 4.1))) for _ in range(50))
    assert all("half a second" in instruction(rng, "snow", Snow(), (0.6, None)) for _ in range(50))
    assert all({"one", "three"} <= set(words_of(instruction(rng, "snow", Snow(), (1.0, 3.0)))) for _ in range(50))
    assert all("forty two" in instruction(rng, "snow", Snow(), (0, 42.3)) for _ in range(50))
    assert instruction(np.random.default_rng(7), "keep", EFFECTS["keep"].draw(rng), (0.0, None)) == instruction(
        np.random.default_rng(7), "keep", EFFECTS["keep"].draw(rng)
    )


@pytest.mark.parametrize("span", [(-1.0, 2.0), (3.0, 2.0), (2.0, 2.0), (float("nan"), None), (None, 100.0)])
def test_a_stretch_that_is_none_is_refused(span: tuple[float | None, float | None]) -> None:
    with pytest.raises(BadInput):
        instruction(np.random.default_rng(0), "snow", Snow(), span)


@pytest.mark.parametrize(
    ("said", "effects"),
    [
        ("Make it snow!", ("snow",)),
        ("it is snowing on the wolf", ("snow",)),
        ("make it snow without wind", ("snow",)),
        ("make it mist", ("fog",)),
        ("set everything on fire", ("fire",)),
        ("set the subject on fire", ("fire",)),
        ("make it black-and-white", ("mono",)),
        ("Greyscale, please", ("mono",)),
        ("take the colours away", ("mono",)),
        ("turn it blue", ("tint",)),
        ("add red light", ("tint",)),
        ("blue sparkles", ("sparkles",)),
        ("give it a warm glow", ("glow",)),
        ("do nothing", ("keep",)),
        ("don't change anything", ("keep",)),
        ("make it snow and leave the scene as it is", ("snow",)),
        ("make it night and snowy", ("night", "snow")),
        ("a circus in the rain, then fog", ("rain", "fog")),
        ("remove the snow", ()),
        ("make the snow disappear", ()),
        ("do not let it burn", ()),
        ("add a red hat", ()),
        ("replace the dog with a cat", ()),
        ("", ()),
    ],
)
def test_what_people_say_is_understood_or_not(said: str, effects: tuple[str, ...]) -> None:
    assert understands(said) == effects
    words = card_words()
    card = Card(name="reader", content_words=words.content, colour_words=words.colour, refused_words=words.refused)
    assert understood(said, card, frozenset(vocabulary())) == bool(effects), "the card says the same"


@each_effect
def test_the_card_understands_what_is_drawn(name: str) -> None:
    words = card_words()
    card = Card(name="reader", content_words=words.content, colour_words=words.colour, refused_words=words.refused)
    known = frozenset(vocabulary())
    rng = np.random.default_rng(8)
    for parameters, said in drawn(name)[:100]:
        assert understood(said, card, known), said
        back = reversed_instruction(rng, name, parameters)
        assert name == "keep" or not understood(back, card, known), back


def test_a_model_that_learnt_some_effects_takes_their_words_and_hardly_any_of_the_others() -> None:
    learnt = {"keep", "snow", "fog", "fire", "tint", "glow", "aura", "recolour", "aggregation"}
    words = card_words(frozenset(EFFECTS) - learnt)
    card = Card(name="reader", content_words=words.content, colour_words=words.colour, refused_words=words.refused)
    known = frozenset(vocabulary())
    for name in EFFECTS:
        taken = [understood(said, card, known) for _, said in drawn(name)]
        assert all(taken) if name in learnt else np.mean(taken) < 0.35, name
        assert understood(KNOWN[name], card, known) == (name in learnt), name
    assert not understood("add blue lightning around the subject", card, known), "which is no tint"


@each_effect
def test_the_example_of_what_is_known_is_understood(name: str) -> None:
    assert understands(KNOWN[name].split("(")[0]) == (name,)
    assert set(words_of(KNOWN[name])) <= set(vocabulary()) | {"or"}


def test_content_words_hold_every_word_that_alone_asks_for_an_effect() -> None:
    content = content_words()
    assert {word for word in card_words().content if " " not in word} <= set(content)
    assert "snow" in content["snow"] and {"tint"} <= content["crimson"] and "the" not in content


def test_a_wording_is_repeated_by_its_seed() -> None:
    for name, effect in EFFECTS.items():
        parameters = effect.draw(np.random.default_rng(3))
        for say in (instruction, reversed_instruction, caption):
            first, again = (say(np.random.default_rng(4), name, parameters) for _ in range(2))
            assert first == again


def test_all_sentences_call_the_subject_as_they_are_told() -> None:
    rng = np.random.default_rng(9)
    others = set(phrases.SUBJECTS) - {"it", "the cat"}
    for name, effect in EFFECTS.items():
        for say in (instruction, reversed_instruction, caption):
            for _ in range(20):
                said = say(rng, name, effect.draw(rng), subject="the cat")
                assert not [other for other in others if says(said, other)], said


def test_an_example_carries_the_way_back_and_what_is_seen() -> None:
    example = draw_edit(3, Shot(np.zeros((2, 16, 16, 3), np.uint8)), effect="snow")
    assert "snow" in example.caption + example.reverse and example.caption != example.reverse


def test_the_names_nearest_to_a_wrong_one_are_offered() -> None:
    assert nearest("sparkle", EFFECTS)[0] == "sparkles" and nearest("xyzzy", EFFECTS) == ()
    with pytest.raises(BadInput, match="sparkles"):
        draw_edit(0, Shot(np.zeros((1, 8, 8, 3), np.uint8)), effect="sparkle")
