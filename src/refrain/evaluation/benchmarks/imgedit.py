"""ImgEdit-Bench (Ye et al., arXiv 2505.20275): 737 basic edits in nine categories, 47 hard ones (UGE), and sessions.

Objects keyed by number. `basic_edit.json` has `id` (a picture), `prompt`, `edit_type`; `UGE_edit.json` has no type;
multi-turn files have `turn1`, `turn2` and perhaps `turn3` in place of the prompt, and are judged by hand. The judge's
reply is read as lines "Name: digit"; the UGE prompt never asks for such a line, so its items drop out unseen.
"""

import re
from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, Protocol, collected

from .entries import Entry, entries

CATEGORIES = ("add", "adjust", "extract", "replace", "remove", "background", "style", "compose", "action")
AXES = 3


def read(path: Path) -> tuple[Case, ...]:
    """The cases of one of the JSON files; pictures lie below its folder. Raises BadInput."""
    return collected((_case(entry, path.parent) for entry in entries(path)), path)


def _case(entry: Entry, folder: Path) -> Case:
    turns = [name for name in ("turn1", "turn2", "turn3") if name in entry.said]
    if turns and turns != ["turn1", "turn2", "turn3"][: len(turns)]:
        raise BadInput(f"{entry.where} has {turns[-1]} without the turns before it; mend it.")
    category = entry.text("edit_type") if "edit_type" in entry.said else "session" if turns else "uge"
    if "edit_type" in entry.said and category not in CATEGORIES:
        raise entry.wrong("edit_type", f"one of {', '.join(CATEGORIES)}")
    return Case(
        id=entry.key,
        source=entry.path("id", folder),
        instructions=tuple(entry.text(name) for name in turns or ("prompt",)),
        category=category,
        parent=entry.text("id"),
        extra=entry.rest("id", "prompt", "edit_type", *turns),
    )


def item(reply: str, protocol: Protocol = "strict", axes: int = AXES) -> float:
    """The score in a judge's reply: the mean of its axes, 1 to 5.

    strict: exactly `axes` lines that end in ": digit", each from 1 to 5, else NaN. compat: the mean, rounded to two
    places, of all lines that are "words: digits", whatever their number and size; NaN where there is none.
    """
    if protocol == "compat":
        parts = [line.strip().split(": ") for line in reply.splitlines()]
        found = [int(part[1]) for part in parts if len(part) == 2 and part[1].isdecimal()]
        return round(sum(found) / len(found), 2) if found else nan
    said = [int(number) for number in re.findall(r"^[^:\n]+:\s*(\d+)\s*\.?\s*$", reply, re.MULTILINE)]
    return sum(said) / axes if len(said) == axes and all(1 <= number <= 5 for number in said) else nan


def categories(items: Mapping[str, float], kinds: Mapping[str, str], protocol: Protocol = "strict") -> dict[str, float]:
    """The mean of every category over items (id -> score; id -> category). compat rounds to two places."""
    found: dict[str, float] = {}
    for category in CATEGORIES:
        held = [value for name, value in items.items() if kinds[name] == category and not isnan(value)]
        mean = sum(held) / len(held) if held else nan
        found[category] = round(mean, 2) if protocol == "compat" and held else mean
    return found


def overall(by_category: Mapping[str, float]) -> float:
    """The mean of the nine categories, whatever their sizes; NaN where one is missing."""
    values = [by_category.get(name, nan) for name in CATEGORIES]
    return sum(values) / len(values)


BENCHMARK = Benchmark(
    id="imgedit",
    title="ImgEdit-Bench",
    kind="picture",
    obtain="Benchmark.tar of hf dataset sysuyy/ImgEdit; the JSON files stand in the code's Benchmark/ folders",
    licence="none given (code)",
    source="arXiv 2505.20275, github.com/PKU-YuanGroup/ImgEdit",
    read=read,
    answer=lambda case, turn: f"{case.id}.png" if len(case.instructions) == 1 else f"{case.id}_turn{turn}.png",
    compat=("replies are read by line, whatever their number and size", "items and categories are rounded"),
)
