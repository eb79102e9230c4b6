"""GEdit-Bench (Step1X-Edit, Liu et al., arXiv 2504.17761): real requests in English and Chinese, eleven groups.

Published as parquet; export it once to `gedit.json`, a list of its rows without the pictures, which lie in
`input/<key>.png`. Scored by VIEScore: two axes for success, two for looks, the lesser of each, and √(SC · PQ). The
published scorer draws a random number for a reply that it cannot read, and asks for "zh" where the data say "cn".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from pathlib import Path

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, collected

from .entries import Entry, entries, table

GROUPS = (
    "background_change", "color_alter", "material_alter", "motion_change", "ps_human", "style_change", "subject-add",
    "subject-remove", "subject-replace", "text_change", "tone_transfer",
)  # fmt: skip
LANGUAGES = ("en", "cn")


def read(path: Path) -> tuple[Case, ...]:
    """The cases of `gedit.json` or of the folder that holds it. Raises BadInput."""
    file = table(path, "gedit.json")
    return collected((_case(entry, file.parent) for entry in entries(file)), file)


def _case(entry: Entry, folder: Path) -> Case:
    for name, allowed in (("task_type", GROUPS), ("instruction_language", LANGUAGES)):
        if entry.text(name) not in allowed:
            raise entry.wrong(name, f"one of {', '.join(allowed)}")
    if not isinstance(entry.said.get("Intersection_exist"), bool):
        raise entry.wrong("Intersection_exist", "true or false")
    key = entry.text("key")
    picture = entry.path("key", folder / "input")
    return Case(
        id=f"{entry.text('instruction_language')}/{key}",
        source=picture.with_name(picture.name + ".png"),
        instructions=(entry.text("instruction"),),
        category=entry.text("task_type"),
        parent=key,
        extra=entry.rest("key", "instruction", "task_type"),
    )


@dataclass(frozen=True)
class Score:
    """VIEScore of one edit, 0 to 10: success, looks, and the root of their product."""

    success: float
    looks: float
    overall: float


def item(success: Sequence[float], looks: Sequence[float]) -> Score:
    """The score of a judge's axes: (done, nothing overdone) and (natural, without artefacts). NaN for what is missing.

    Never a random number: what could not be read is unscored.
    """
    for name, axes in (("success", success), ("looks", looks)):
        if len(axes) != 2 or any(not isnan(x) and not 0 <= x <= 10 for x in axes):
            raise BadInput(f"VIEScore's {name} has two scores from 0 to 10, not {list(axes)}; ask the judge again.")
    sc, pq = (nan if any(isnan(x) for x in axes) else min(axes) for axes in (success, looks))
    return Score(sc, pq, sqrt(sc * pq) if not isnan(sc * pq) else nan)


def overall(items: Mapping[str, Score], cases: Sequence[Case], intersection: bool = False) -> Score:
    """The mean of the eleven groups' means, over all cases or those of the intersection; NaN where a group is empty.

    √ is taken item by item, so the third figure is not the root of the first two.
    """
    held = [case for case in cases if case.extra["Intersection_exist"] or not intersection]

    def mean(name: str) -> float:
        groups: list[float] = []
        for group in GROUPS:
            values = [getattr(items[c.id], name) for c in held if c.category == group and c.id in items]
            values = [value for value in values if not isnan(value)]
            groups.append(sum(values) / len(values) if values else nan)
        return sum(groups) / len(groups)

    return Score(mean("success"), mean("looks"), mean("overall"))


def _answer(case: Case, turn: int) -> str:
    return f"fullset/{case.category}/{case.extra['instruction_language']}/{case.parent}.png"


BENCHMARK = Benchmark(
    id="gedit",
    title="GEdit-Bench",
    kind="picture",
    obtain="hf download --repo-type dataset stepfun-ai/GEdit-Bench, then export the rows to gedit.json",
    licence="Apache-2.0 (code)",
    source="arXiv 2504.17761, github.com/stepfun-ai/Step1X-Edit",
    read=read,
    answer=_answer,
    compat=(
        "replies that cannot be read become random numbers; this is not reproduced",
        "answers of another size are brought to the source's",
    ),
    resized=True,
)
