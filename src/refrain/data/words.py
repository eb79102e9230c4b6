"""The words that ask for an edit: a grammar that says (effect, parameters) in many ways, and how it is taken back.

What is asked (the phrases of the effect, `Effect.wording`) and how it is asked (the frames of `phrases`) are drawn
independently, so that every content word turns up in every frame: a model that saw "add X" only with some X misreads
the others. A parameter at its usual value is mostly left unsaid, any other is always said. `reading` understands them.
"""

import math
import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from refrain.data import phrases
from refrain.data.effects import EFFECTS, Wording
from refrain.data.phrases import AMOUNTS, COLOURS, LEVELS, SIZES, SPEEDS
from refrain.data.reading import (
    FILLINGS,
    KNOWN,
    CardWords,
    card_words,
    content_words,
    nearest,
    understands,
    vocabulary,
    words_of,
)
from refrain.errors import BadInput

__all__ = [
    "KNOWN",
    "CardWords",
    "Span",
    "caption",
    "card_words",
    "content_words",
    "instruction",
    "nearest",
    "reversed_instruction",
    "understands",
    "vocabulary",
    "words_of",
]

LONGEST = 20  # words of a request: the embedded model reads 23
Span = tuple[float | None, float | None]  # seconds; None is the clip's own end

_FRAMES = {"noun": phrases.NOUN_FRAMES, "adjective": phrases.ADJECTIVE_FRAMES, "verb": phrases.VERB_FRAMES}
_SHARES = {"noun": 0.5, "adjective": 0.35, "verb": 0.15}
_USUAL = {
    "amount": "medium",
    "strength": "medium",
    "contrast": "medium",
    "speed": "medium",
    "size": "medium",
    "wind": "none",
}
_LEVELLED = ("amount", "strength", "contrast")
_UNSAID = {"wind": 0.6, "speed": 0.9, "size": 0.9}  # how often a usual value is not mentioned; 0.85 of the others


@dataclass(frozen=True)
class _Told:
    """What is to be said of the parameters; None, "" and () where nothing is.

    level: -1, 0 or 1. colour, speed: as in the parameters. size: a word. tails: phrases for the end.
    """

    level: int | None
    colour: str
    size: str
    speed: str
    tails: tuple[str, ...]

    @property
    def shade(self) -> bool:
        """Whether there is something that only a noun can carry."""
        return bool(self.level or self.colour or self.size)


def instruction(
    rng: np.random.Generator, effect: str, parameters: Any, span: Span | None = None, subject: str = ""
) -> str:
    """One wording of an edit, drawn by `rng`: of `LONGEST` words or little more, of the effect's parameters.

    span: the stretch of the clip, in seconds, that is to be edited. Raises BadInput where it is no stretch.
    subject: what the subject is called ("the dog"); left open, some word that fits.
    """
    wording, shortest = EFFECTS[effect].wording, ""
    for attempt in range(12):
        brief = attempt > 6  # a request with much to say gets the shortest frame and no more than must be said
        said = _asked(rng, wording, _told(rng, wording, parameters, brief), brief)
        if not brief and rng.random() < 0.3:
            said = _one(rng, phrases.POLITE).replace("{said}", said)
        if span is not None:
            said = _timed(rng, said, span)
        said = _fill(rng, said, subject)
        shortest = min(shortest or said, said, key=lambda text: len(words_of(text)))
        if len(words_of(said)) <= LONGEST:
            return said
    return shortest


def reversed_instruction(rng: np.random.Generator, effect: str, parameters: Any, subject: str = "") -> str:
    """A request for the way back, from the edited clip to what it was made from; it does not say how that looked."""
    wording = EFFECTS[effect].wording
    told = _told(rng, wording, parameters, True)
    if wording.undone and (not wording.nouns or rng.random() < 0.4):
        return _fill(rng, _one(rng, wording.undone), subject, told.colour)
    kinds = {"adjective": _able(wording.adjectives, told.colour), "verb": _able(wording.verbs, told.colour)}
    kind = str(rng.choice(["noun", "noun", "noun", "adjective", "verb"]))
    colour = told.colour if rng.random() < 0.5 or "{colour}" in wording.nouns[0] else ""
    phrase = _one(rng, kinds[kind]) if kinds.get(kind) else _coloured(rng, _thing(_one(rng, wording.nouns)), colour)
    frame = _one(rng, phrases.REVERSED_FRAMES[kind if kinds.get(kind) else "noun"])
    said = re.sub(r"\{(noun|adjective|verb)\}", lambda _: phrase, frame)
    if wording.about and kind == "noun" and rng.random() < 0.25:
        said = f"{said} {_one(rng, wording.about)}"
    return _fill(rng, said, subject, told.colour)


def caption(rng: np.random.Generator, effect: str, parameters: Any, subject: str = "") -> str:
    """A plain sentence of what is seen in the result: "golden rings around the subject, slowly"."""
    wording = EFFECTS[effect].wording
    told = _told(rng, wording, parameters, True)
    seen = _able(wording.seen, told.colour) if told.level is None and not told.size else ()
    if seen and (not wording.nouns or rng.random() < 0.4):
        said = _one(rng, seen)
    elif not told.shade and wording.adjectives and rng.random() < 0.3:
        said = _one(rng, phrases.CAPTION_FRAMES["adjective"]).replace("{adjective}", _adjective(rng, wording, told))
    else:
        said = _one(rng, phrases.CAPTION_FRAMES["noun"]).replace("{noun}", _noun(rng, wording, told))
        said = f"{said} {_one(rng, wording.about)}" if wording.about else said
    said = _ended(rng, said, told).replace("{subject}", "{thing}")  # a sentence that asks nothing says what "it" is
    return _fill(rng, said, subject, told.colour)


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _able(said: tuple[str, ...], colour: str) -> tuple[str, ...]:
    """Those that say the colour where there is one to say, and those that do not where there is none."""
    return tuple(phrase for phrase in said if ("{colour}" in phrase) == bool(colour))


def _told(rng: np.random.Generator, wording: Wording, parameters: Any, brief: bool) -> _Told:
    """Decide what of the parameters is said; `brief` leaves unsaid what may be."""
    level, tails = None, []
    words = {"colour": "", "size": "", "speed": ""}
    for name in (field.name for field in fields(parameters)):
        value = str(getattr(parameters, name))
        usual = value == wording.usual.get(name, _USUAL.get(name))
        share = _UNSAID.get(name, 0.6 if name in wording.tails else 0.85)
        if usual and (rng.random() < share or brief):
            continue
        choices = wording.tails.get(name, {}).get(value, phrases.WINDS[value] if name == "wind" else ())
        if choices:
            tails.append(_one(rng, choices))
        elif name in words:
            words[name] = _one(rng, SIZES[value]) if name == "size" else value
        elif name in _LEVELLED:
            level = LEVELS[value]
            level = None if not level and any(isinstance(key, int) for key in wording.looks) else level
        elif not usual:
            raise LookupError(f"No wording says {name} {value}.")
    return _Told(level, words["colour"], words["size"], words["speed"], tuple(tails))


def _asked(rng: np.random.Generator, wording: Wording, told: _Told, brief: bool) -> str:
    """Frame and content of one request, the amount, the colour, the subject and the tails said or left out."""
    clauses = _able(wording.clauses, told.colour) if not told.level and not told.size else ()
    if clauses and (not wording.nouns or rng.random() < 0.12):
        return _ended(rng, _one(rng, clauses), told)
    kinds = ["noun"]
    if not told.size and (_able(wording.adjectives, told.colour) or told.colour in wording.looks):
        kinds.append("adjective")
    if not told.size and _able(wording.verbs, told.colour):
        kinds.append("verb")
    shares = np.array([_SHARES[kind] for kind in kinds])
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    if kind == "noun":
        content = _noun(rng, wording, told)
    elif kind == "adjective":
        content = _adjective(rng, wording, told)
    else:
        content = _one(rng, _able(wording.verbs, told.colour))
        content = f"{content} {_one(rng, AMOUNTS[told.level][1])}" if told.level is not None else content
    about = bool(wording.about) and rng.random() < 0.8 and not brief and "{subject}" not in content
    framed = about and rng.random() < 0.3
    frame = _one(rng, phrases.SUBJECT_FRAMES[kind] if framed else _FRAMES[kind])
    frame = f"{{{kind}}}" if brief else frame
    said = frame.replace(f"{{{kind}}}", content)
    said = f"{said} {_one(rng, wording.about)}" if about and not framed else said
    return _ended(rng, said.replace("{colour}", _colour(rng, told.colour)), told)


def _ended(rng: np.random.Generator, said: str, told: _Told) -> str:
    """The request with what is said after everything else; its colour filled in."""
    pace = (_one(rng, SPEEDS[told.speed][1]),) if told.speed else ()
    return _mended(" ".join((said.replace("{colour}", _colour(rng, told.colour)), *told.tails, *pace)))


def _colour(rng: np.random.Generator, colour: str) -> str:
    return _one(rng, COLOURS.get(colour, (colour,)))


def _thing(noun: str) -> str:
    return re.sub(r"^(a|an|the) ", "", noun)


def _coloured(rng: np.random.Generator, noun: str, colour: str) -> str:
    """A noun with its colour, before it or after it, where it is not in it."""
    if not colour or "{colour}" in noun:
        return noun
    word = _colour(rng, colour)
    return f"{word} {noun}" if rng.random() < 0.7 else f"{noun} in {word}"


def _noun(rng: np.random.Generator, wording: Wording, told: _Told) -> str:
    """A thing with its amount, size and colour: "heavy snow", "some golden sparkles", "a blizzard", "big red balls"."""
    level = told.level
    named = wording.named.get(level, ()) if level is not None and not told.colour and not told.size else ()
    if named and (level in wording.looks or rng.random() < 0.25):
        return _one(rng, named)
    own = wording.named.get(told.colour, ()) if told.colour else ()
    chosen = _one(rng, own) if own and rng.random() < 0.15 else _one(rng, wording.nouns)
    if level is None and not told.colour and not told.size and chosen != _thing(chosen):
        return chosen
    noun = _thing(chosen) if chosen in own else _coloured(rng, _thing(chosen), told.colour)
    noun = f"{told.size} {noun}" if told.size else noun
    first = re.split(r" (?:in|of|with|on|at|around|and|from|raining|running|made) ", noun)[0]
    single = not first.endswith("s")
    counted = single and chosen.startswith(("a ", "an "))
    article = counted or (single and rng.random() < 0.2)
    if level is None:
        return f"a {noun}" if article else f"some {noun}" if rng.random() < 0.15 else noun
    amounts = tuple(a for a in AMOUNTS[level][0] if not told.size or a not in SIZES["small"] + SIZES["big"])
    amount = _one(rng, amounts)
    article = single and not amount.startswith(("a ", "lots ")) and (counted or rng.random() < 0.5)
    return f"a {amount} {noun}" if article else f"{amount} {noun}"


def _adjective(rng: np.random.Generator, wording: Wording, told: _Told) -> str:
    """A property with its amount and colour: "very snowy", "slightly red", "glowing golden", "midnight"."""
    named = wording.looks.get(told.level, ()) if told.level is not None else ()
    if named and rng.random() < 0.6:
        return _one(rng, named)
    own = wording.looks.get(told.colour, ()) if told.colour else ()
    able = _able(wording.adjectives, told.colour)
    adjective = _one(rng, own) if own and (not able or rng.random() < 0.2) else _one(rng, able)
    if not told.level and (told.level is None or rng.random() < 0.5):
        return adjective
    return f"{_one(rng, AMOUNTS[told.level][2])} {adjective}"


def _fill(rng: np.random.Generator, said: str, subject: str, colour: str = "") -> str:
    """Fill what slots are left, each with one word for the whole request, and mend the articles."""
    own = {"subject": subject, "thing": "the subject" if subject == "it" else subject}
    for slot, choices in FILLINGS.items():
        if f"{{{slot}}}" in said:
            word = _colour(rng, colour) if slot == "colour" else own.get(slot) or _one(rng, choices)
            said = said.replace(f"{{{slot}}}", word)
    return _mended(said)


def _mended(said: str) -> str:
    """Mend "a intense" to "an intense", and a doubled article."""
    said = re.sub(r"\b(a|the) (?=(a|an|the|some|lots|many) )", "", said)
    return re.sub(r"\ba (?=[aeiou])", "an ", said)


# -- time --------------------------------------------------------------------------------------------------------------


def _timed(rng: np.random.Generator, said: str, span: Span) -> str:
    """The request with its stretch of time, mostly at the end."""
    start, stop = (None if at is None else _rounded(at) for at in span)
    if start is not None and stop is not None and stop <= start:
        if span[1] is None or span[0] is None or span[1] <= span[0]:
            raise BadInput(f"A stretch of time must end after it begins, not {span[0]} to {span[1]} seconds.")
        stop = _rounded(start + 0.5) if start < 10 else start + 1
    start = None if start == 0 else start
    if start is None and stop is None:
        return said
    kind = "until" if start is None else "from" if stop is None else "between"
    time = _one(rng, phrases.SPANS[kind])
    if start is not None and stop is not None and start == int(start) > 1 and rng.random() < 0.5:
        time = time.replace("{start}", _number(int(start))).replace("{stop}", _lasting(stop))
    for slot, at in (("{start}", start), ("{stop}", stop)):
        time = time.replace(slot, _moment(rng, at)) if at is not None else time
    return f"{time} {said}" if rng.random() < 0.25 else f"{said} {time}"


def _rounded(seconds: float) -> float:
    """Halves of a second up to ten, whole seconds above."""
    if not math.isfinite(seconds) or not 0 <= seconds < 99.5:
        raise BadInput(f"A moment must be from 0 to 99 seconds, not {seconds}.")
    return round(seconds * 2) / 2 if seconds < 10 else float(round(seconds))


def _moment(rng: np.random.Generator, at: float) -> str:
    whole = at == int(at) and at > 0
    return f"second {_number(int(at))}" if whole and rng.random() < 0.4 else _lasting(at)


def _lasting(at: float) -> str:
    """Seconds in words: "half a second", "one second", "two and a half seconds"."""
    if at == 0.5:
        return "half a second"
    number = _number(int(at)) + (" and a half" if at != int(at) else "")
    return f"{number} second" if at == 1 else f"{number} seconds"


def _number(whole: int) -> str:
    if whole < 20:
        return phrases.NUMBERS[whole]
    tens = phrases.TENS[whole // 10 - 2]
    return tens if whole % 10 == 0 else f"{tens} {phrases.NUMBERS[whole % 10]}"
