"""What VBench itself said of the answers, from its own result file: for motion smoothness (AMT), dynamic degree
(RAFT) and imaging quality (MUSIQ), which nothing here computes.

Its file is `{dimension: [mean, [{"video_path": …, "video_results": …}, …]]}`. Values stand as they do there: imaging
quality is 0 to 100 (its mean 0 to 1), dynamic degree true or false. Run VBench in an environment of its own, on the
folder of answers.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from refrain.errors import BadInput
from refrain.evaluation.benchmarks.entries import read_json
from refrain.evaluation.case import Benchmark
from refrain.evaluation.record import file_hash

from .scorer import Material, Scorer, Unscored


@dataclass(frozen=True)
class Said:
    """What a result file says of a dimension: its own mean, and the value of every video by its path."""

    mean: float
    videos: dict[PurePosixPath, float]


def vbench_scorers(path: Path, benchmark: Benchmark) -> tuple[Scorer, ...]:
    """A scorer for every dimension in a result file. Raises BadInput for another file."""
    found, at = results(path), file_hash(path) or ""
    return tuple(
        Scorer(f"vbench.{name}@{at[:8]}/vbench", f"VBench's own {name}, from its result file", "high", "time",
               partial(_value, one.videos, benchmark), ("case",), apart=True)
        for name, one in found.items()
    )  # fmt: skip


def results(path: Path) -> dict[str, Said]:
    """What VBench's result file says, by dimension. Raises BadInput for another file."""
    if not path.is_file():
        raise BadInput(f"{path} is no file; give VBench's own ..._eval_results.json.")
    said = read_json(path)
    if not isinstance(said, dict) or not said:
        raise BadInput(f"{path} is no result of VBench; give its ..._eval_results.json.")
    return {name: _said(path, name, one) for name, one in said.items()}


def _said(path: Path, name: str, said: Any) -> Said:
    mean, rows = said if isinstance(said, list) and len(said) == 2 else (None, None)
    if not isinstance(rows, list) or not isinstance(mean, int | float):
        raise BadInput(f"{path}: {name} is not [mean, list of videos]; give VBench's own result file.")
    found: dict[PurePosixPath, float] = {}
    for number, row in enumerate(rows, 1):
        video = row.get("video_path") if isinstance(row, dict) else None
        value = row.get("video_results") if isinstance(row, dict) else None
        if not isinstance(video, str) or not isinstance(value, int | float):
            raise BadInput(f"{path}: {name}, video {number} has no path or no number; run VBench on it again.")
        found[PurePosixPath(video.replace("\\", "/"))] = float(value)
    return Said(float(mean), found)


def _value(values: dict[PurePosixPath, float], benchmark: Benchmark, m: Material) -> float:
    """The value of the one video whose path ends as the benchmark's layout has the answer."""
    assert m.case
    wanted = PurePosixPath(benchmark.answer(m.case, m.turn)).parts
    held = [value for path, value in values.items() if path.parts[-len(wanted) :] == wanted]
    if len(held) != 1:
        raise Unscored("VBench's file has no result of it" if not held else "VBench's file has several results of it")
    return held[0]
