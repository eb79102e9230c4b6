"""VIE-Bench (InstructX, Mou et al., arXiv 2510.08485): 140 edits in nine tasks, judged from 1 to 10.

Only its protocol is public; no data was found. So it is read from a list of our own in its terms: JSON, JSONL or CSV
with `id`, `task`, `video`, `instruction`, and `reference` where a task has one. Its tasks hold five to thirty items.
"""

from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path

from refrain.evaluation.case import Benchmark, Case, collected

from .entries import Entry, entries

TASKS = {
    "object swap": 25, "color change": 10, "object add": 30, "object remove": 30, "style change": 10,
    "tone or weather": 5, "hybrid": 10, "reference swap": 10, "reference add": 10,
}  # fmt: skip
AXES: tuple[str, ...] = ("instruction", "preservation", "quality")


def read(path: Path) -> tuple[Case, ...]:
    """The cases of such a list. Raises BadInput."""
    return collected((_case(entry, path.parent) for entry in entries(path)), path)


def _case(entry: Entry, folder: Path) -> Case:
    task = entry.text("task")
    if task not in TASKS:
        raise entry.wrong("task", f"one of {', '.join(TASKS)}")
    return Case(
        id=entry.text("id"),
        source=entry.path("video", folder),
        instructions=(entry.text("instruction"),),
        category=task,
        parent=entry.text("video"),
        references=(entry.path("reference", folder),) if task.startswith("reference") else (),
        extra=entry.rest("id", "task", "video", "instruction", "reference"),
    )


def average(axes: Mapping[str, float], reference: bool = False) -> float:
    """The mean of a judge's axes, with `similarity` among them for tasks with a reference; NaN where one is missing."""
    values = [axes.get(name, nan) for name in (*AXES, *(("similarity",) if reference else ()))]
    return nan if any(isnan(value) for value in values) else sum(values) / len(values)


BENCHMARK = Benchmark(
    id="viebench",
    title="VIE-Bench",
    kind="video",
    obtain="not public; write a list with id, task, video, instruction and reference",
    licence="none; no data is published",
    source="arXiv 2510.08485",
    read=read,
    answer=lambda case, turn: f"{case.id}.mp4",
)
