"""IVE-Bench (Chen et al., arXiv 2510.11647, ICLR 2026): 600 videos, eight categories; 400 short and 200 long ones.

A JSON list. Answers and sources are scored as folders of frames, and two methods may be scored at different sizes and
lengths. The published aggregator cannot start (its options are read as two and unpacked as five), but its arithmetic
reproduces the published table; of the paper it differs in one weight (4 for VTSS, as the table needs).
"""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path, PurePosixPath

from refrain.evaluation.case import Benchmark, Case, Protocol, collected

from .entries import Entry, entries

DIMENSIONS = {
    "quality": (
        "subject_consistency",
        "background_consistency",
        "temporal_flickering",
        "motion_smoothness",
        "vtss",
    ),
    "compliance": (
        "overall_semantic_consistency",
        "phrase_semantic_consistency",
        "instruction_satisfaction",
        "quantity_accuracy",
    ),
    "fidelity": ("semantic_fidelity", "motion_fidelity", "content_fidelity"),
}
RANGES = {"vtss": (-0.05, 0.1), "instruction_satisfaction": (1.0, 5.0), "content_fidelity": (1.0, 5.0)}
WEIGHTS = {"vtss": 4.0, "instruction_satisfaction": 3.0, "content_fidelity": 3.0}


def read(path: Path) -> tuple[Case, ...]:
    """The cases of the JSON list; the videos are looked for beside it, or in `videos/`. Raises BadInput."""
    return collected((_case(entry, path.parent) for entry in entries(path)), path)


def _case(entry: Entry, folder: Path) -> Case:
    source = entry.path("src_video_name", folder)
    below = entry.path("src_video_name", folder / "videos")
    return Case(
        id=entry.text("src_video_name") if "id" not in entry.said else str(entry.said["id"]),
        source=below if below.exists() else source,
        instructions=(entry.text("edit_prompt"),),
        category=entry.text("category"),
        parent=entry.text("src_video_name"),
        captions=(entry.text("target_prompt"),),
        extra=entry.rest("id", "edit_prompt", "category", "target_prompt"),
    )


def means(rows: Sequence[Mapping[str, float]], protocol: Protocol = "strict") -> dict[str, float]:
    """The mean of every metric over cases; a metric is NaN where no case has it.

    strict: NaN is what could not be scored; all other values count. compat: values of −1 and below count as missing.
    """
    found: dict[str, float] = {}
    for name in [name for names in DIMENSIONS.values() for name in names]:
        held = [row[name] for row in rows if name in row and not isnan(row[name])]
        held = [value for value in held if protocol == "strict" or value > -1]
        found[name] = sum(held) / len(held) if held else nan
    return found


def overall(metrics: Mapping[str, float], protocol: Protocol = "strict") -> dict[str, float]:
    """Quality, compliance, fidelity and their mean, `total`, from the twelve means in their published scales.

    strict: a dimension of which a metric is missing is NaN, and so is the total. compat: it is the weighted mean of
    the metrics that are there.
    """
    found: dict[str, float] = {}
    for dimension, names in DIMENSIONS.items():
        values = {name: _unit(name, metrics.get(name, nan)) for name in names}
        held = {name: value for name, value in values.items() if not isnan(value)}
        if not held or (protocol == "strict" and len(held) < len(names)):
            found[dimension] = nan
            continue
        weight = sum(WEIGHTS.get(name, 1.0) for name in held)
        found[dimension] = sum(value * WEIGHTS.get(name, 1.0) for name, value in held.items()) / weight
    there = [value for value in found.values() if not isnan(value)]
    whole = len(there) == len(DIMENSIONS) or (protocol == "compat" and there)
    return {**found, "total": sum(there) / len(there) if whole else nan}


def _unit(name: str, value: float) -> float:
    low, high = RANGES.get(name, (0.0, 1.0))
    return (value - low) / (high - low)


BENCHMARK = Benchmark(
    id="ivebench",
    title="IVE-Bench",
    kind="video",
    obtain="hf download --repo-type dataset Coraxor/IVEBench",
    licence="none given",
    source="arXiv 2510.11647, github.com/RyanChenYN/IVEBench",
    read=read,
    answer=lambda case, turn: PurePosixPath(case.parent).stem,
    compat=(
        "values of −1 and below are missing, a failed metric may stand as 0",
        "dimensions are means of the metrics that are there",
        "phrase consistency and quantity accuracy read the edit prompt, not the target phrase and span",
    ),
)
