"""Effects to pick in place of typing: each with its colour, direction and strength, put into plain words."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from refrain.data import words
from refrain.data.effects import EFFECTS, Wording
from refrain.data.phrases import LEVELS, SIZES, SPEEDS, WINDS
from refrain.editing.request import words_in

LABELS = {"amount": "How much", "strength": "How much", "contrast": "How much", "wind": "Blown to the"}
NAMES = {
    "mono": "black and white", "lightdust": "light dust", "recolour": "new colour", "keep": "keep as it is",
    "traversal": "light trails", "aggregation": "gather", "dispersion": "scatter", "ghost": "a ghost",
    "bunny": "a bunny", "ball": "a ball", "lines": "drawn lines",
}  # fmt: skip
OPENING = {"glow": "give it a", "tint": "give it a", "mono": "make it", "night": "turn it into"}  # others: add
WHOLE = {"make it", "turn it into"}  # what follows is the whole look, and says its own amount
LEVELLED = ("amount", "strength", "contrast")
DRAWN = 100  # draws of parameters from which the values of an effect are known


@dataclass(frozen=True)
class Choice:
    """One thing that may be chosen of an effect: the field of its parameters, its name, its values, usual one first."""

    field: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Chip:
    """One effect. known: a plain request for it. learnt: it needs an Effect-LoRA, which is of the same name."""

    name: str
    label: str
    known: str
    choices: tuple[Choice, ...] = ()
    learnt: bool = False

    def said(self, picked: Mapping[str, str]) -> str:
        """A request for it with what was picked."""
        usual = self.learnt and said(self.name, picked) == said(self.name, {})
        return self.known if usual or self.name not in EFFECTS else said(self.name, picked)

    def usual(self, choice: Choice) -> str:
        """The value of a choice that needs no word."""
        plain = self.said({})
        return next((value for value in choice.values if self.said({choice.field: value}) == plain), choice.values[0])


@dataclass(frozen=True)
class Learnt:
    """An Effect-LoRA that may be picked: what the model does not know itself.

    file: what `--effect` is given. words: a request that it was taught; triggers: words and phrases that call it.
    """

    name: str
    file: str
    words: str
    triggers: tuple[str, ...] = ()

    def called(self, said: str) -> bool:
        """Whether words speak of it."""
        plain = f" {' '.join(words_in(said))} "
        calls = (" ".join(words_in(call)) for call in (self.words, *self.triggers))
        return any(f" {call} " in plain for call in calls if call)


def chips(understood: tuple[str, ...], learnt: tuple[Learnt, ...] = ()) -> tuple[Chip, ...]:
    """A chip for every request that a checkpoint says it understands; one of no effect of ours is its own words.

    learnt: and for every effect that it does not understand by itself.
    """
    named = {known: name for name, known in words.KNOWN.items()}
    own = tuple(_chip(named[said], said) if said in named else Chip(said, said, said) for said in understood)
    known = {chip.name for chip in own}
    return (*own, *(_taught(one) for one in learnt if one.name not in known))


def _taught(one: Learnt) -> Chip:
    """The chip of a LoRA, with those choices of which its words can speak."""
    plain = Chip(one.name, f"{NAMES.get(one.name, one.name)} +", one.words, learnt=True)
    if one.name not in EFFECTS or EFFECTS[one.name].wording is None:
        return plain
    speaks = (
        choice
        for choice in _chip(one.name, one.words).choices
        if all(one.called(plain.said({choice.field: value})) for value in choice.values)
    )
    return replace(plain, choices=tuple(speaks))


@cache
def _chip(name: str, known: str) -> Chip:
    seen = _drawn(name)
    usual = asdict(_usual(name))
    choices = tuple(
        Choice(field, LABELS.get(field, field.capitalize()), _ordered(values, usual[field]))
        for field, values in seen.items()
        if len(values) > 1
    )
    return Chip(name, NAMES.get(name, name), known, choices)


@cache
def _drawn(name: str) -> dict[str, list[str]]:
    """Every field of an effect's parameters that is a word, with the values it takes."""
    rng, seen = np.random.default_rng(0), dict[str, list[str]]()
    for _ in range(DRAWN):
        for field, value in asdict(EFFECTS[name].draw(rng)).items():
            if isinstance(value, str) and value not in seen.setdefault(field, []):
                seen[field].append(value)
    return seen


def _usual(name: str) -> Any:
    """The parameters of an effect where nothing is said of them."""
    return type(EFFECTS[name].draw(np.random.default_rng(0)))()


def _ordered(values: list[str], usual: str) -> tuple[str, ...]:
    """From little to much where they are amounts; otherwise the usual one first and the others by the alphabet."""
    if all(value in LEVELS for value in values):
        return tuple(sorted(values, key=lambda value: LEVELS[value] or 0))
    return tuple(sorted(values, key=lambda value: (value != usual, value)))


def said(name: str, picked: Mapping[str, str]) -> str:
    """A plain request for an effect with what was picked: "add heavy snow blowing to the left".

    picked: fields with their values; others, values that the effect does not have, and usual ones stay unsaid.
    """
    if name not in EFFECTS:
        return name
    wording, usual, values = EFFECTS[name].wording, asdict(_usual(name)), _drawn(name)
    given = {
        field: value for field, value in picked.items() if value in values.get(field, ()) and value != usual[field]
    }
    if not wording.nouns:
        clause = next((one for one in wording.clauses if "{colour}" in one), wording.clauses[0])
        return _filled(" ".join((clause, *_ends(wording, given))), given.get("colour") or str(usual.get("colour", "")))
    amount = next((given[field] for field in given if field in LEVELLED), "")
    colour = given.get("colour", "")
    opening, noun = OPENING.get(name, "add"), wording.nouns[0]
    if opening in WHOLE and amount:
        noun, amount = wording.named[LEVELS[amount]][0], ""
    if "{colour}" in noun:
        noun, colour = noun.replace("{colour}", colour or usual["colour"]), ""
    if amount or colour or "size" in given:
        noun = re.sub(r"^(a|an|the) ", "", noun)
        article = "a" if wording.nouns[0].startswith(("a ", "an ")) else ""
        size = SIZES[given["size"]][0] if "size" in given else ""
        noun = " ".join(word for word in (article, amount, size, colour, noun) if word)
    ends = _ends(wording, given)
    about = [wording.about[0]] if wording.about and not ends else []
    return _filled(" ".join((opening, noun, *about, *ends)), "")


def _ends(wording: Wording, given: Mapping[str, str]) -> list[str]:
    """What is said after everything else: where, whither, how fast."""
    ends = [wording.tails[field][value][0] for field, value in given.items() if value in wording.tails.get(field, {})]
    if "wind" in given and "wind" not in wording.tails:
        ends.append(WINDS[given["wind"]][0])
    return ends + ([SPEEDS[given["speed"]][1][0]] if "speed" in given else [])


def _filled(said: str, colour: str) -> str:
    """The slots that are left, filled as of a clip that nobody has looked at; articles before a vowel mended."""
    slots = {"{subject}": "the subject", "{thing}": "the subject", "{scene}": "scene", "{colour}": colour}
    for slot, word in slots.items():
        said = said.replace(slot, word)
    return re.sub(r"\ba (?=[aeiou])", "an ", said)
