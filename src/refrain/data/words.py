"""The words that ask for an edit: a grammar that says (effect, parameters) in many ways, and reads them back.

What is asked (`NOUNS`, `ADJECTIVES`, `VERBS`) and how it is asked (the frames) are drawn independently, so that every
content word turns up in every frame: a model that saw "add X" only with some X misreads the others. A parameter at its
middle value is left unsaid half of the time.
"""

import re
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np

from refrain.data.phrases import (
    ADJECTIVE_FRAMES,
    ADJECTIVES,
    AMOUNTS,
    CLAUSES,
    COLOURS,
    DIRECTIONS,
    KEEP,
    KNOWN,
    NAMED_AMOUNTS,
    NOUN_FRAMES,
    NOUNS,
    POLITE,
    REFUSED,
    SCENES,
    STRONG_ADVERBS,
    VERB_FRAMES,
    VERBS,
    WEAK_ADVERBS,
    WITHOUT_COLOUR,
)

__all__ = ["KNOWN", "content_words", "instruction", "understands", "vocabulary", "words_of"]

_LEVELS = {"light": -1, "thin": -1, "slight": -1, "medium": 0, "heavy": 1, "thick": 1, "strong": 1}


def words_of(text: str) -> tuple[str, ...]:
    """The words of an instruction: lower case, hyphens split, apostrophes dropped, all else that is no letter gone."""
    return tuple(re.findall(r"[a-z]+", text.lower().replace("'", "").replace("\u2019", "")))


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def instruction(rng: np.random.Generator, effect: str, parameters: Any) -> str:
    """One wording of an edit, drawn by `rng`. The parameters are those of the effect (`refrain.data.effects`)."""
    if effect == "keep":
        said = _one(rng, KEEP)
    elif effect == "mono" and parameters.contrast == "medium" and rng.random() < 0.25:
        said = _one(rng, WITHOUT_COLOUR)
    else:
        said = _asked(rng, effect, parameters)
    if rng.random() < 0.3:
        said = _one(rng, POLITE).replace("{said}", said)
    return said.replace("{scene}", _one(rng, SCENES))


def _asked(rng: np.random.Generator, effect: str, parameters: Any) -> str:
    """Frame and content of one request, the amount, the direction and the colour said or left out."""
    values = {field.name: getattr(parameters, field.name) for field in fields(parameters)}
    level = _LEVELS[str(next((values[k] for k in ("amount", "strength", "contrast") if k in values), "medium"))]
    tail = _tail(rng, effect, str(values.get("wind", values.get("where", ""))))
    named = values.get("colour", "white")
    colour = _one(rng, COLOURS[named]) if named in COLOURS else "warm" if named == "warm" else ""
    kind = rng.random()
    subject = (effect, values["colour"]) if effect == "tint" else (effect, "")
    if effect in ("glow", "sparkles") and colour:
        kind *= 0.62 if effect == "glow" else 0.5  # a colour is said best of a thing
    if not level and not colour and effect in CLAUSES and rng.random() < 0.08:
        said = _one(rng, CLAUSES[effect])
    elif kind < 0.5:
        said = _one(rng, NOUN_FRAMES).replace("{noun}", _noun(rng, subject, colour, level))
    elif kind < 0.85 or effect not in VERBS:
        said = _one(rng, ADJECTIVE_FRAMES).replace("{adjective}", _adjective(rng, subject, colour, level))
    else:
        said = _one(rng, VERB_FRAMES).replace("{verb}", _one(rng, VERBS[effect]))
        if effect == "glow" and colour:
            said = f"{said} in {colour}"
        if level or rng.random() < 0.1:
            said = f"{said} {_one(rng, AMOUNTS[level][1])}"
    said = _article(said)
    return f"{said} {tail}" if tail else said


def _tail(rng: np.random.Generator, effect: str, direction: str) -> str:
    """Where the effect comes from or goes to; unsaid half of the time where it is the usual one."""
    usual = direction in ("none", "everywhere", "") or (effect == "fire" and direction == "below")
    if direction == "" or (usual and rng.random() < 0.6):
        return ""
    choices = DIRECTIONS.get((effect, direction), DIRECTIONS.get(("wind", direction), ()))
    return _one(rng, choices) if choices else ""


def _noun(rng: np.random.Generator, subject: tuple[str, str], colour: str, level: int) -> str:
    """A thing with its colour and amount: "heavy snow", "some golden sparkles", "a blizzard"."""
    effect = subject[0]
    named = NAMED_AMOUNTS.get((effect, level), ())
    if named and not colour and (effect == "night" or rng.random() < 0.25):
        return _one(rng, named)
    noun = _one(rng, _nouns(*subject))
    if colour and effect != "tint":
        noun = f"{colour} {noun}" if rng.random() < 0.7 else f"{noun} in {colour}"
    single = not noun.split(" in ")[0].endswith("s") and not noun.startswith(("a ", "the "))
    if level == 0 and (effect == "night" or rng.random() < 0.85):
        return f"a {noun}" if single and rng.random() < 0.2 else f"some {noun}" if rng.random() < 0.15 else noun
    amount = _one(rng, AMOUNTS[level][0])
    article = single and not amount.startswith(("a ", "lots ")) and rng.random() < 0.5
    return f"a {amount} {noun}" if article else f"{amount} {noun}"


def _adjective(rng: np.random.Generator, subject: tuple[str, str], colour: str, level: int) -> str:
    """A property with its amount: "very snowy", "slightly red", "glowing golden"."""
    effect = subject[0]
    named = NAMED_AMOUNTS.get((effect, level), ())
    if effect == "night" and level and rng.random() < 0.6:
        return _one(rng, named).removeprefix("a ").removeprefix("the ")
    adjective = _one(rng, _adjectives(*subject))
    if effect == "glow" and colour:
        adjective = f"{adjective} {colour}"
    if not level:
        return adjective
    return f"{_one(rng, STRONG_ADVERBS if level > 0 else WEAK_ADVERBS)} {adjective}"


def _article(phrase: str) -> str:
    """Mend "a intense" to "an intense", and a doubled article."""
    return re.sub(r"\ba (?=[aeiou])", "an ", re.sub(r"\ba (?=(a|an|the|some|lots) )", "", phrase))


def _nouns(effect: str, colour: str) -> tuple[str, ...]:
    if effect == "tint" and colour in COLOURS:
        return tuple(f"{word} {thing}" for word in COLOURS[colour] for thing in NOUNS["tint"])
    return NOUNS[colour or effect]


def _adjectives(effect: str, colour: str) -> tuple[str, ...]:
    if effect == "tint" and colour in COLOURS:
        return (*COLOURS[colour] * 3, *(f"{word} tinted" for word in COLOURS[colour]), *ADJECTIVES[colour])
    return ADJECTIVES[colour or effect]


@lru_cache(maxsize=1)
def content_words() -> dict[str, frozenset[str]]:
    """Every word that names an effect (or a colour), with the effects it may name."""
    named: dict[str, set[str]] = {}
    looks = ("warm", "cold", "sepia")
    amounts = [phrase for nouns, adverbs in AMOUNTS.values() for phrase in (*nouns, *adverbs)]
    frames = (*NOUN_FRAMES, *ADJECTIVE_FRAMES, *VERB_FRAMES, *POLITE, *amounts)
    everyday = {word for frame in frames for word in words_of(frame)}
    for table in (NOUNS, ADJECTIVES, VERBS):
        for name, phrases in table.items():
            effect = "tint" if name in looks or name in COLOURS else name
            for word in {w for phrase in phrases for w in words_of(phrase)} - everyday - _PLAIN:
                named.setdefault(word, set()).add(effect)
    for (effect, _), phrases in NAMED_AMOUNTS.items():
        for word in {w for phrase in phrases for w in words_of(phrase)} - everyday - _PLAIN:
            named.setdefault(word, set()).add(effect)
    for colour, phrases in COLOURS.items():
        effects = {"sparkles", "glow"} if colour in ("golden", "silver", "white") else {"tint", "sparkles", "glow"}
        for word in {w for phrase in phrases for w in words_of(phrase)}:
            named.setdefault(word, set()).update(effects)
    named["warm"].add("glow")
    return {word: frozenset(effects) for word, effects in sorted(named.items())}


# words that stand in phrases but name nothing by themselves
_PLAIN = frozenset(
    (
        "a an the of in at on with and to full it all by some more look tone tones light lights day time air falling"
        " soft dreamy old storm drops effect sky colour color tint filter cast tinted toned style banks drifting"
        " covered soaked go as up grow become turn catch morning over fill rose few small wall sea veil many colours"
        " colors black white high contrast hard deep pitch down fall"
    ).split()
)


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """Every word the grammar can say, sorted."""
    said: list[str] = [*SCENES, *POLITE, *KEEP, *WITHOUT_COLOUR, *NOUN_FRAMES, *ADJECTIVE_FRAMES, *VERB_FRAMES]
    for table in (NOUNS, ADJECTIVES, VERBS, CLAUSES, COLOURS, DIRECTIONS, NAMED_AMOUNTS):
        for phrases in table.values():
            said += phrases
    for nouns, adverbs in AMOUNTS.values():
        said += [*nouns, *adverbs]
    said += [*STRONG_ADVERBS, *WEAK_ADVERBS, "some", "a", "an", "in"]
    said = [re.sub(r"\{\w+\}", " ", phrase) for phrase in said]
    return tuple(sorted({word for phrase in said for word in words_of(phrase)}))


def _says(phrases: tuple[str, ...], plain: str) -> bool:
    scene = "(" + "|".join(SCENES) + ")"
    return any(re.search(rf"\b{' '.join(words_of(p)).replace(' scene', ' ' + scene)}\b", plain) for p in phrases)


def understands(text: str) -> tuple[str, ...]:
    """The effects an instruction asks for, in the order of their first word; () where it asks for nothing known.

    A word that names one effect decides; colours and other words of several effects count only when none does, and then
    only if every word is known. Requests to remove or replace are not understood: no edit here can do them.
    """
    plain = re.sub(r"\b(without|no) wind\b", "", " ".join(words_of(text)))
    if _says(WITHOUT_COLOUR, plain):
        return ("mono",)
    if _says(KEEP, plain):
        return ("keep",)
    if not plain or REFUSED & set(plain.split()):
        return ()
    plain = re.sub(r"\b(black and white|white and black|black white)\b", "monochrome", plain)
    found: dict[str, None] = {}
    maybe: list[frozenset[str]] = []
    for word in plain.split():
        effects = content_words().get(word, frozenset())
        if len(effects) == 1:
            found[next(iter(effects))] = None
        elif effects:
            maybe.append(effects)
    if found or not maybe or not set(plain.split()) <= set(vocabulary()):
        return tuple(found)
    shared = frozenset.intersection(*maybe)
    return ("tint",) if "tint" in shared else tuple(sorted(shared))[:1]
