"""VBench (Huang et al., arXiv 2311.17982): 946 prompts of text-to-video in 16 dimensions; editing papers borrow seven.

`VBench_full_info.json` is a list of `prompt_en`, `dimension` and, for some, `auxiliary_info`. There is no source; the
prompts serve where a source is generated first. Two prompts stand twice, under different dimensions, so ids are
numbers. Its leaderboard's totals are the weighted means below; `told.vbench` makes them of VBench's own results.
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
RANGES = QUALITY | SEMANTIC
DIMENSIONS = tuple(RANGES)
_quality = {name: (0.5 if name == "dynamic_degree" else 1.0) / 6.5 for name in QUALITY}
_semantic = {name: 1 / len(SEMANTIC) for name in SEMANTIC}
SHARES = {  # how much of a figure each dimension is, as the published leaderboard weighs them
    "quality": _quality,
    "semantic": _semantic,
    "total": {name: 0.8 * share for name, share in _quality.items()}
    | {name: 0.2 * share for name, share in _semantic.items()},
}


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
    """Quality, semantic and total, (4 · quality + semantic) / 5, from raw dimensions; dynamic degree weighs half.

    NaN where a dimension is missing; VBench's own script counts it as 0 and says nothing, which is not copied.
    """
    return {
        figure: sum(share * unit(name, dimensions.get(name, nan)) for name, share in shares.items())
        for figure, shares in SHARES.items()
    }


def unit(dimension: str, value: float) -> float:
    """A raw value of a dimension, scaled from its least and most to 0 and 1."""
    low, high = RANGES[dimension]
    return (value - low) / (high - low)


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
