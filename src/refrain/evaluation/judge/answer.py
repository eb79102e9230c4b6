"""What a judge's answer is worth: its scores, or what is wrong with it. Nothing is guessed.

An answer counts where it holds exactly one judgement, carries the code of its request, and gives every axis a whole
number within its range. JSON may stand alone, in a fence or in prose; failing that, lines "name: value" are read.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .question import Axis

THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
LONGEST = 100_000  # characters
REFUSAL = re.compile(
    r"\b(I['’]m (very )?sorry|I apologi[sz]e|I (can['’]?t|cannot|can not|won['’]t|am (not able|unable))|"
    r"unable to (assist|help))\b",
    re.IGNORECASE,
)


class Unusable(Exception):
    """An answer that cannot count. told: why, without a word of it, so that none comes back to the judge as ours."""

    def __init__(self, told: str, quote: Any = None) -> None:
        super().__init__(told if quote is None else f"{told}: {' '.join(str(quote).split())[:120]!r}")
        self.told = told


def scores(said: Mapping[str, Any], code: str, axes: Sequence[Axis]) -> dict[str, float]:
    """The scores of a chat completion. Raises Unusable."""
    judgement = _judgement(_words(said), [axis.name for axis in axes])
    if judgement.get("code") != code:
        if "code" not in judgement:
            raise Unusable("it does not carry the code of this request")
        raise Unusable("it carries another code, as an answer to another request does", judgement["code"])
    return {axis.name: _number(judgement, axis) for axis in axes}


def reason(said: Mapping[str, Any]) -> str:
    """The judge's own reason, or all that it said where that cannot be found."""
    try:
        words = _words(said)
        return str(_judgement(words, ["reason"]).get("reason", words))[:1000]
    except Unusable:
        return ""


def _words(said: Mapping[str, Any]) -> str:
    """The text of a completion. Raises Unusable for one that is refused, cut off or empty."""
    choices = said.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    choice: dict[str, Any] = first if isinstance(first, dict) else {}
    found = choice.get("message")
    message: dict[str, Any] = found if isinstance(found, dict) else {}
    if message.get("refusal"):
        raise Unusable("it refused", message["refusal"])
    if choice.get("finish_reason") == "content_filter":
        raise Unusable("it was held back by a content filter")
    if choice.get("finish_reason") == "length":
        raise Unusable("it was cut off at the limit of its length, perhaps in a loop")
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    words = THOUGHT.sub("", content).strip() if isinstance(content, str) else ""
    if not words or len(words) > LONGEST:
        raise Unusable("it is too long to be an answer" if words else "it is empty")
    return words


def _judgement(words: str, names: Sequence[str]) -> dict[str, Any]:
    """The one object, or the lines, that hold any of the names. Raises Unusable."""
    found: list[dict[str, Any]] = []
    reader, at = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number), words.find("{")
    while at >= 0:
        try:
            one, end = reader.raw_decode(words, at)
        except RecursionError:
            raise Unusable("its JSON is nested too deep") from None
        except ValueError:
            end = at + 1
        else:
            if any(name in one for name in names) and one not in found:
                found.append(one)
        at = words.find("{", end)
    if len(found) > 1:
        raise Unusable(f"it holds {len(found)} different judgements")
    if found:
        return found[0]
    lines = re.findall(r"^[\s*\-]*[\"*]*(\w+)[\"*]*\s*:\s*[\"*]*(.*?)[\"*,.\s]*$", words, re.MULTILINE)
    if any(name in names for name, _ in lines):
        return _once(lines)
    if REFUSAL.search(words):
        raise Unusable("it refused", words)
    raise Unusable("it holds no judgement", words)


def _number(judgement: Mapping[str, Any], axis: Axis) -> float:
    if axis.name not in judgement:
        raise Unusable(f"it has no {axis.name}")
    value = judgement[axis.name]
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,4}(\.0+)?", value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"its {axis.name} is no number", value)
    if not axis.low <= value <= axis.high:
        raise Unusable(f"its {axis.name} is outside {axis.low} to {axis.high}", value)
    if value != int(value):
        raise Unusable(f"its {axis.name} is no whole number", value)
    return float(value)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) < len(pairs):
        raise Unusable("it names a key twice")
    return said


def _no_number(word: str) -> float:
    raise Unusable("it says what is no number", word)
