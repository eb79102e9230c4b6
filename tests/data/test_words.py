"""The grammar says what the parameters are, in words that are all known, and reads itself back."""

from collections import defaultdict

import numpy as np
import pytest

from refrain.data.effects import EFFECTS
from refrain.data.effects.fire import Fire
from refrain.data.effects.night import Night
from refrain.data.effects.snow import Snow
from refrain.data.effects.tint import Tint
from refrain.data.phrases import KNOWN
from refrain.data.words import content_words, instruction, understands, vocabulary, words_of


def drawn(number: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(0)
    names = list(EFFECTS)
    return [(n, instruction(rng, n, EFFECTS[n].draw(rng))) for n in (names[i % len(names)] for i in range(number))]


def test_every_drawn_word_is_in_the_vocabulary_and_it_is_small() -> None:
    known = set(vocabulary())
    assert list(vocabulary()) == sorted(known) and len(known) < 500
    for _, said in drawn(5000):
        assert set(words_of(said)) <= known, said
        assert "{" not in said


def test_every_drawn_instruction_is_understood_as_what_it_asks_for() -> None:
    for effect, said in drawn(5000):
        assert understands(said) == (effect,), said


def test_every_content_word_stands_in_many_frames() -> None:
    content = content_words()
    frames = defaultdict(set)
    for _, said in drawn(60_000):
        words = words_of(said)
        masked = " ".join("_" if w in content else w for w in words)
        for word in words:
            if word in content:
                frames[word].add(masked)
    assert set(frames) == set(content)
    few = {word: len(seen) for word, seen in frames.items() if len(seen) < 12}
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


@pytest.mark.parametrize(
    ("said", "effects"),
    [
        ("Make it snow!", ("snow",)),
        ("it is snowing on the wolf", ("snow",)),
        ("make it mist", ("fog",)),
        ("set everything on fire", ("fire",)),
        ("make it black-and-white", ("mono",)),
        ("Greyscale, please", ("mono",)),
        ("turn it blue", ("tint",)),
        ("blue sparkles", ("sparkles",)),
        ("give it a warm glow", ("glow",)),
        ("do nothing", ("keep",)),
        ("don't change anything", ("keep",)),
        ("make it night and snowy", ("night", "snow")),
        ("remove the snow", ()),
        ("add a red hat", ()),
        ("replace the dog with a cat", ()),
        ("", ()),
    ],
)
def test_what_people_say_is_understood_or_not(said: str, effects: tuple[str, ...]) -> None:
    assert understands(said) == effects


def test_the_examples_of_what_is_known_are_understood() -> None:
    assert set(KNOWN) == set(EFFECTS)
    for effect, said in KNOWN.items():
        assert understands(said.split("(")[0]) == (effect,)
        assert set(words_of(said)) <= set(vocabulary()) | {"or"}


def test_a_wording_is_repeated_by_its_seed() -> None:
    for name, effect in EFFECTS.items():
        parameters = effect.draw(np.random.default_rng(3))
        first, again = (instruction(np.random.default_rng(4), name, parameters) for _ in range(2))
        assert first == again
