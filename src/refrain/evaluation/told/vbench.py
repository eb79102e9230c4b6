"""VBench's quality score, semantic score and total, put together from its own result file as its leaderboard does.

Dimensions are VBench's own means of videos, so the figures are those it would publish; intervals come of prompts, drawn
anew, because the videos of a prompt are not independent. A prompt without a video is counted as unscored.
"""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path

from refrain.evaluation.benchmarks.vbench import DIMENSIONS, SHARES, overall, unit
from refrain.evaluation.case import Case
from refrain.evaluation.record import file_hash
from refrain.evaluation.scorers.vbench import Said, results

from .totals import Part, Total

SCALE = {"imaging_quality": 100.0}  # of its videos' values; its mean is 0 to 1, as the others'


def vbench_totals(path: Path, cases: Sequence[Case]) -> tuple[Total, ...]:
    """Every dimension of a result file, and the three figures of the leaderboard, over the cases of VBench's prompts.

    A figure of which a dimension is missing has no value and says which. Raises BadInput for another file.
    """
    said = results(path)
    who = f"{(file_hash(path) or '')[:8]}/vbench"
    held = {name: said[name] for name in DIMENSIONS if name in said}
    rows = {name: _of_prompts(name, one, cases) for name, one in held.items()}
    found = [
        Total(f"vbench.{name}", who, one.mean, tuple(_part(name, case, value) for case, value in rows[name]))
        for name, one in held.items()
    ]
    values = overall({name: one.mean for name, one in held.items()})
    for figure, shares in SHARES.items():
        missing = [name for name in shares if name not in held]
        lacks = f"no result of {', '.join(missing)}" if missing else ""
        found.append(Total(f"vbench.{figure}", who, values[figure], _parts(shares, rows), "even", lacks, main=True))
    return tuple(found)


def _of_prompts(name: str, said: Said, cases: Sequence[Case]) -> list[tuple[Case, float]]:
    """The cases that a dimension has, each with the mean of its videos, `PROMPT-0.mp4`, `PROMPT-1.mp4`, …"""
    by_prompt: dict[str, list[float]] = {}
    for path, value in said.videos.items():
        by_prompt.setdefault(path.stem.rpartition("-")[0], []).append(value / SCALE.get(name, 1.0))
    means = {prompt: sum(some) / len(some) for prompt, some in by_prompt.items()}
    return [(case, means.get(case.instructions[0], nan)) for case in cases if name in case.extra["dimensions"]]


def _part(name: str, case: Case, value: float) -> Part:
    return Part(case.id, 1, case.parent, name, value)


def _parts(shares: Mapping[str, float], rows: Mapping[str, list[tuple[Case, float]]]) -> tuple[Part, ...]:
    """Such parts that the mean of dimensions' means is the weighted mean of scaled dimensions."""
    return tuple(
        _part(name, case, nan if isnan(value) else len(shares) * share * unit(name, value))
        for name, share in shares.items()
        for case, value in rows.get(name, [])
    )
