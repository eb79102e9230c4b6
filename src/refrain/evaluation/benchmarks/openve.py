"""OpenVE-Bench (He et al., arXiv 2512.07826): 431 edits in eight categories, three axes from 1 to 5 each.

`benchmark_videos.csv` has `original_video`, `edited_type`, `prompt`; clips lie below its folder. Its scorer is not
published; others score five categories or seven and call each mean "overall", so a mean here names its categories.
"""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path, PurePosixPath

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, Protocol, collected

from .entries import Entry, entries, table

EIGHT = (
    "global_style", "background_change", "local_change", "local_remove", "local_add", "subtitle_edit", "camera_edit",
    "creative_edit",
)  # fmt: skip
SEVEN = tuple(name for name in EIGHT if name != "camera_edit")  # SAMA
FIVE = EIGHT[:5]  # Kiwi-Edit
AXES = ("compliance", "consistency", "quality")


def read(path: Path) -> tuple[Case, ...]:
    """The cases of `benchmark_videos.csv` or of the folder that holds it. Raises BadInput."""
    file = table(path, "benchmark_videos.csv")
    return collected((_case(entry, file.parent) for entry in entries(file)), file)


def _case(entry: Entry, folder: Path) -> Case:
    if entry.text("edited_type") not in EIGHT:
        raise entry.wrong("edited_type", f"one of {', '.join(EIGHT)}")
    name = PurePosixPath(entry.text("original_video"))
    found = entry.path("original_video", folder)
    return Case(
        id=name.stem,
        source=found if found.exists() or name.parts[0] == "videos" else folder / "videos" / name,
        instructions=(entry.text("prompt"),),
        category=entry.text("edited_type"),
        parent=str(name),
        extra=entry.rest("original_video", "edited_type", "prompt"),
    )


def item(axes: Mapping[str, float], protocol: Protocol = "strict") -> float:
    """The score of one edit: the mean of its axes, whole numbers from 1 to 5.

    The prompt asks that the second and third not exceed the first; strict holds the judge to it by cutting them down,
    compat takes what it said. An axis that is missing or outside 1 to 5 makes it NaN.
    """
    values = [axes.get(name, nan) for name in AXES]
    if any(isnan(value) or not 1 <= value <= 5 for value in values):
        return nan
    if protocol == "strict":
        values = [min(value, values[0]) for value in values]
    return sum(values) / len(values)


def overall(categories: Mapping[str, float], of: Sequence[str]) -> float:
    """The mean over the categories named; NaN where one of them is missing. Raises BadInput for an unknown one."""
    strange = sorted((set(categories) | set(of)) - set(EIGHT))
    if strange:
        raise BadInput(f"{strange[0]} is no category of OpenVE-Bench; it has {', '.join(EIGHT)}.")
    values = [categories.get(name, nan) for name in of]
    return sum(values) / len(values) if values else nan


BENCHMARK = Benchmark(
    id="openve",
    title="OpenVE-Bench",
    kind="video",
    obtain="hf download --repo-type dataset Lewandofski/OpenVE-Bench",
    licence="CC-BY-NC-4.0, by hearsay",
    source="arXiv 2512.07826",
    read=read,
    answer=lambda case, turn: f"{case.id}_edited.mp4",
    compat=("axes may exceed the first one, though the prompt forbids it",),
)
