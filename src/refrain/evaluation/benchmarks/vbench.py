"""VBench (Huang et al., arXiv 2311.17982): 946 prompts of text-to-video in 16 dimensions; editing papers borrow seven.

`VBench_full_info.json` is a list of `prompt_en`, `dimension` and, for some, `auxiliary_info`. There is no source; the
prompts serve where a source is generated first. Two prompts stand twice, under different dimensions, so ids are
numbers. Its scorer's totals are the weighted means below.
"""

from collections.abc import Mapping
from math import nan
from pathlib import Path

from refrain.evaluation.case import Benchmark, Case, collected

from .entries import Entry, entries

QUALITY = {  # least and most, as the published leaderboard scales them
    "subject_consistency": (0.1462, 1.0), "background_consistency": (0.2615, 1.0),
    "temporal_flickering": (0.6293, 1.0), "motion_smoothness": (0.706, 0.9975), "dynamic_degree": (0.0, 1.0),
    "aesthetic_quality": (0.0, 1.0), "imaging_quality": (0.0, 1.0),
}  # fmt: skip
SEMANTIC = {
    "object_class": (0.0, 1.0), "multiple_objects": (0.0, 1.0), "human_action": (0.0, 1.0), "color": (0.0, 1.0),
    "spatial_relationship": (0.0, 1.0), "scene": (0.0, 0.8222), "appearance_style": (0.0009, 0.2855),
    "temporal_style": (0.0, 0.364), "overall_consistency": (0.0, 0.364),
}  # fmt: skip
DIMENSIONS = (*QUALITY, *SEMANTIC)


def read(path: Path) -> tuple[Case, ...]:
    """The prompts of such a list. Raises BadInput."""
    return collected((_case(entry) for entry in entries(path)), path)


def _case(entry: Entry) -> Case:
    dimensions, prompt = entry.texts("dimension"), entry.text("prompt_en")
    if not set(dimensions) <= set(DIMENSIONS):
        raise entry.wrong("dimension", f"some of {', '.join(DIMENSIONS)}")
    return Case(
        id=entry.key,
        source=None,
        instructions=(prompt,),
        category=dimensions[0],
        parent=prompt,
        captions=(prompt,),
        extra={"dimensions": dimensions, **entry.rest("prompt_en", "dimension")},
    )


def overall(dimensions: Mapping[str, float]) -> dict[str, float]:
    """Quality, semantic and total, (4 · quality + semantic) / 5, from raw dimensions; NaN where one is missing.

    Every dimension is scaled from its least and most to 0 and 1; dynamic degree weighs half.
    """
    quality, semantic = _mean(dimensions, QUALITY), _mean(dimensions, SEMANTIC)
    return {"quality": quality, "semantic": semantic, "total": (4 * quality + semantic) / 5}


def _mean(dimensions: Mapping[str, float], ranges: Mapping[str, tuple[float, float]]) -> float:
    weights = {name: 0.5 if name == "dynamic_degree" else 1.0 for name in ranges}
    units = {name: (dimensions.get(name, nan) - low) / (high - low) for name, (low, high) in ranges.items()}
    return sum(units[name] * weights[name] for name in ranges) / sum(weights.values())


BENCHMARK = Benchmark(
    id="vbench",
    title="VBench prompts",
    kind="words",
    obtain="vbench/VBench_full_info.json of github.com/Vchitect/VBench",
    licence="Apache-2.0",
    source="arXiv 2311.17982",
    read=read,
    answer=lambda case, turn: f"{case.instructions[0]}-0.mp4",
)
