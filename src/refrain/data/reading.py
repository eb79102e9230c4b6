"""Reading an instruction: which effects its words ask for, and every word that the grammar of `words` knows.

What names an effect is a whole phrase of its wording. Of phrases that overlap the longer one counts, a colour for
nothing: "light dust" is dust and no tint, "set the dog on fire" is fire. A phrase of two effects names neither.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import combinations, product

from refrain.data import phrases
from refrain.data.effects import EFFECTS, Wording
from refrain.data.phrases import COLOURS, REFUSED, SCENES, SUBJECTS

__all__ = [
    "FILLINGS",
    "KNOWN",
    "CardWords",
    "card_words",
    "content_words",
    "nearest",
    "understands",
    "vocabulary",
    "words_of",
]

# effect -> one plain request for it: for help, and for the error that lists what can be asked
KNOWN: dict[str, str] = {name: effect.wording.known for name, effect in EFFECTS.items()}

FILLINGS: dict[str, tuple[str, ...]] = {
    "scene": SCENES,
    "subject": SUBJECTS,
    "thing": tuple(subject for subject in SUBJECTS if subject != "it"),  # "it" would be the whole scene here
    "colour": tuple(word for words in COLOURS.values() for word in words),
}
_COLOURED = frozenset(FILLINGS["colour"])


def words_of(text: str) -> tuple[str, ...]:
    """The words of an instruction: lower case, hyphens split, apostrophes dropped, all else that is no letter gone."""
    return tuple(re.findall(r"[a-z]+", text.lower().replace("'", "").replace("\u2019", "")))


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names most like `name`, the likest first, at most three; () where none is like it."""
    return tuple(get_close_matches(name.lower(), list(names), n=3, cutoff=0.5))


def _filled(phrase: str) -> Iterator[tuple[str, ...]]:
    """The words of a phrase, its slots filled in every way; a leading article is left out."""
    slots = list(dict.fromkeys(re.findall(r"\{(\w+)\}", phrase)))
    phrase = re.sub(r"^(a|an|the|some) (?!\{)", "", phrase)
    for filling in product(*(sorted(set(FILLINGS[slot])) for slot in slots)):
        said = phrase
        for slot, word in zip(slots, filling, strict=True):
            said = said.replace(f"{{{slot}}}", word)
        yield _plain(words_of(said))


def _plain(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("a" if word == "an" else word for word in words)


def _naming(wording: Wording) -> Iterator[str]:
    """The phrases that name an effect. A thing or a look that is said by its colour names none: others have it too."""
    for many in (wording.nouns, wording.adjectives, wording.verbs, *wording.named.values(), *wording.looks.values()):
        yield from (phrase for phrase in many if "{colour}" not in phrase)
    yield from wording.clauses


def _everything(wording: Wording) -> Iterator[str]:
    """All that can be said of an effect."""
    for many in (wording.nouns, wording.adjectives, wording.verbs, *wording.named.values(), *wording.looks.values()):
        yield from many
    for values in wording.tails.values():
        for many in values.values():
            yield from many
    yield from (*wording.clauses, *wording.about, *wording.undone, *wording.seen)


@lru_cache(maxsize=1)
def _phrases() -> dict[tuple[str, ...], str]:
    """Words of a phrase -> the effect that it names; "" for a phrase that names none but may hold a refused word."""
    owners: dict[tuple[str, ...], set[str]] = {}
    for name, effect in EFFECTS.items():
        for phrase in _naming(effect.wording):
            for words in _filled(phrase):
                owners.setdefault(words, set()).add(name)
    named = {words: next(iter(names)) for words, names in owners.items() if len(names) == 1 and set(words) - _COLOURED}
    tails = [
        t for e in EFFECTS.values() for values in e.wording.tails.values() for many in values.values() for t in many
    ]
    for tail in (*tails, *(wind for winds in phrases.WINDS.values() for wind in winds)):
        for words in _filled(tail) if REFUSED & set(words_of(tail)) else ():
            named.setdefault(words, "")
    return named


def _parted(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The effects that phrases name, in their order, and the words outside the phrases."""
    known, words, count = _phrases(), _plain(words), len(words)
    longest = _longest()
    matches: list[tuple[int, int, int, int]] = []
    for start in range(count):
        for stop in range(start + 1, min(count, start + longest) + 1):
            if words[start:stop] in known:
                plain = sum(word not in _COLOURED for word in words[start:stop])
                matches.append((-plain, start - stop, start, stop))
    taken: dict[int, str] = {}
    for _, _, start, stop in sorted(matches):
        if not any(place in taken for place in range(start, stop)):
            taken.update(dict.fromkeys(range(start, stop), known[words[start:stop]]))
    found = dict.fromkeys(taken[place] for place in sorted(taken) if taken[place])
    return tuple(found), tuple(word for place, word in enumerate(words) if place not in taken)


@lru_cache(maxsize=1)
def _longest() -> int:
    return max(len(words) for words in _phrases())


@lru_cache(maxsize=1)
def _tints() -> frozenset[str]:
    """The colours that are an edit by themselves."""
    return frozenset(w for look in EFFECTS["tint"].wording.looks for w in COLOURS.get(str(look), (str(look),)))


def understands(text: str) -> tuple[str, ...]:
    """The effects an instruction asks for, in the order of their first word; () where it asks for nothing known.

    A phrase that names one effect decides. A bare colour is a tint only where every word is known. Words that ask to
    take away what was there are understood only inside such a phrase.
    """
    words = words_of(text)
    found, rest = _parted(words)
    if REFUSED & set(rest):
        return ()
    if len(found) > 1:
        found = tuple(effect for effect in found if effect != "keep")  # "snow, and keep the rest" is snow
    if not found and _tints() & set(words) and set(words) <= _known_words():
        return ("tint",)
    return found


@lru_cache(maxsize=1)
def _common_words() -> frozenset[str]:
    """What sentences of all effects share: frames, amounts, speeds, winds, sizes, times, colours, scenes, subjects."""
    frames = (*phrases.NOUN_FRAMES, *phrases.ADJECTIVE_FRAMES, *phrases.VERB_FRAMES, *phrases.POLITE)
    more = (phrases.SUBJECT_FRAMES, phrases.REVERSED_FRAMES, phrases.CAPTION_FRAMES, phrases.WINDS, phrases.SIZES)
    said: list[str] = [
        *frames,
        *phrases.NUMBERS,
        *phrases.TENS,
        *(word for words in FILLINGS.values() for word in words),
    ]
    said += [word for table in (*more, phrases.SPANS) for words in table.values() for word in words]
    said += [
        word for table in (phrases.AMOUNTS, phrases.SPEEDS) for kinds in table.values() for k in kinds for word in k
    ]
    return _words_of_all((*said, "some a an in and half second seconds"))


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    return _common_words().union(*(_words_of_all(_everything(effect.wording)) for effect in EFFECTS.values()))


def _words_of_all(said: Iterable[str]) -> frozenset[str]:
    return frozenset(word for phrase in said for word in words_of(re.sub(r"\{\w+\}", " ", phrase)))


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """Every word the grammar can say, sorted."""
    return tuple(sorted(_known_words()))


@lru_cache(maxsize=1)
def content_words() -> dict[str, frozenset[str]]:
    """Every word that stands in a phrase of an effect and in no frame, with the effects; and every colour.

    These are the words that meaning hangs on, alone or in a phrase; whether one alone asks for an effect, `understands`
    tells.
    """
    frames = (*phrases.NOUN_FRAMES, *phrases.ADJECTIVE_FRAMES, *phrases.VERB_FRAMES, *phrases.POLITE, *SUBJECTS)
    amounts = [phrase for kinds in phrases.AMOUNTS.values() for many in kinds for phrase in many]
    everyday = {word for frame in (*frames, *SCENES, *amounts) for word in words_of(re.sub(r"\{\w+\}", " ", frame))}
    named: dict[str, set[str]] = {word: {"tint"} if word in _tints() else set() for word in _COLOURED}
    for name, effect in EFFECTS.items():
        for phrase in _naming(effect.wording):
            for word in set(words_of(re.sub(r"\{\w+\}", " ", phrase))) - everyday:
                named.setdefault(word, set()).add(name)
    return {word: frozenset(effects) for word, effects in sorted(named.items())}


@dataclass(frozen=True)
class CardWords:
    """What a model's card says of the words it understands (`refrain.models.protocols.Card`).

    known: an example of every edit. content: words and phrases of which an instruction must hold one. colour: words
    that count as such where every word is known. refused: words that it must not hold outside such a phrase.
    """

    known: tuple[str, ...]
    content: tuple[str, ...]
    colour: tuple[str, ...]
    refused: tuple[str, ...]


@lru_cache(maxsize=4)
def card_words(unlearnt: frozenset[str] = frozenset()) -> CardWords:
    """The lists of a model that learnt every effect but those of these names.

    A phrase that holds a shorter one of the list is left out, and so is one with a slot for a colour, which counts as a
    colour does. Words that name only what was not learnt are refused.
    """
    naming = [phrase for effect in EFFECTS.values() for phrase in _naming(effect.wording)]
    known = tuple(said for name, said in KNOWN.items() if name not in unlearnt)
    coloured = {words for phrase in naming if "{colour}" in phrase for words in _filled(phrase)}
    listed: set[tuple[str, ...]] = set()
    learnt = {words for words, name in _phrases().items() if name not in unlearnt}
    for words in sorted(learnt - coloured, key=len):
        rest = list(words)
        for start, stop in combinations(range(len(words) + 1), 2):
            if words[start:stop] in listed:
                rest[start:stop] = [""] * (stop - start)
        if "" not in rest or REFUSED & set(rest):
            listed.add(words)
    content = tuple(sorted(" ".join(words) for words in listed))
    said = {name: _words_of_all(_everything(effect.wording)) for name, effect in EFFECTS.items()}
    spoken = _common_words().union(
        *(words for name, words in said.items() if name not in unlearnt), _words_of_all(known)
    )
    strange = frozenset[str]().union(*(words for name, words in said.items() if name in unlearnt)) - spoken
    refused = REFUSED | (strange & set(content_words()))  # "blue lightning" is no tint
    return CardWords(known, content, tuple(sorted(_tints())), tuple(sorted(refused)))
