"""Answers made anywhere, scored: a folder of outputs in the benchmark's own layout, case by case and turn by turn.

Every case of the benchmark has its place in the results. An answer that is missing or cannot be read is NaN with its
reason, so that no system gains by failing.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np

from refrain.errors import BadInput, RefrainError
from refrain.evaluation.case import Benchmark, Case, Protocol
from refrain.evaluation.frames import read_clip
from refrain.evaluation.scorers.scorer import Material, Score, Scorer, score
from refrain.evaluation.sit import as_bytes
from refrain.evaluation.statistics import Difference, Estimate, difference, estimate


@dataclass(frozen=True)
class Result:
    """What a scorer said of the answer to a turn (from 1) of a case."""

    case: str
    turn: int
    category: str
    parent: str
    score: Score


def score_folder(
    benchmark: Benchmark,
    cases: Iterable[Case],
    outputs: Path,
    scorers: Sequence[Scorer],
    protocol: Protocol = "strict",
) -> Iterator[Result]:
    """Scores of the answers that lie in a folder, in the order of cases, turns and scorers. Raises BadInput.

    An answer of another size or length has only such scores as need neither, and the others are NaN; under compat it is
    brought to the source's size where the published scorer does so. Frames are compared by their number, whatever the
    frames per second, as all published scorers do; `kept.fps` tells of those.
    """
    if not outputs.is_dir():
        raise BadInput(f"{outputs} is no folder of outputs; give the one that holds {benchmark.title}'s answers.")
    needs = {name for one in scorers for name in one.needs}
    for case in cases:
        paths = [outputs / benchmark.answer(case, turn) for turn in range(1, len(case.instructions) + 1)]
        for turn in range(1, len(paths) + 1):
            found = _material(case, paths[:turn], needs, benchmark, protocol)
            for one in scorers:
                said = score(one, found) if isinstance(found, Material) else Score(one.id, nan, found)
                yield Result(case.id, turn, case.category, case.parent, said)


def _material(
    case: Case, paths: Sequence[Path], needs: Collection[str], benchmark: Benchmark, protocol: Protocol
) -> Material | str:
    """What lies before the scorers of the turn that the last of `paths` answers; or why it cannot be had.

    Answers of earlier turns and references are decoded only where some scorer needs them.
    """
    truth = case.truth[len(paths) - 1] if case.truth else None
    earlier = paths[:-1] if "earlier" in needs else None
    references = case.references if "references" in needs else None
    if case.source is None:
        return "the case has no source"
    wanted = [("source", case.source), ("answer", paths[-1]), *([("true answer", truth)] if truth else [])]
    wanted += [("earlier answer", path) for path in earlier or ()] + [("reference", path) for path in references or ()]
    for name, file in wanted:
        if not file.exists():
            return f"the {name} {file.name} is not there"
    try:
        source, answer = read_clip(case.source), read_clip(paths[-1])
        resized = protocol == "compat" and benchmark.resized and answer.size != source.size
        return Material(
            as_bytes(source.frames),
            as_bytes(answer.at(source.size) if resized else answer.frames),
            _frames(truth) if truth else None,
            matte=_matte(case, len(paths), benchmark, protocol) if "matte" in needs else None,
            fps=None if case.source.is_dir() else float(source.fps),
            answer_fps=None if paths[-1].is_dir() else float(answer.fps),
            case=case,
            turn=len(paths),
            earlier=None if earlier is None else tuple(map(_frames, earlier)),
            references=None if references is None else tuple(map(_frames, references)),
        )
    except RefrainError as error:
        return str(error)


def _frames(path: Path) -> np.ndarray:
    return as_bytes(read_clip(path).frames)


def _matte(case: Case, turn: int, benchmark: Benchmark, protocol: Protocol) -> np.ndarray | None:
    """Where the edit of a turn belongs, 0 or 1, float32 [T, Y, X], of the benchmark's mask; None where it has none."""
    if benchmark.edited is None or len(case.masks) < turn or not case.masks[turn - 1].exists():
        return None
    return (_frames(case.masks[turn - 1]).max(-1) > benchmark.edited[protocol]).astype(np.float32)


def summary(results: Sequence[Result], scorer: str, seed: int = 0) -> dict[str, Estimate]:
    """Of one scorer: the estimate of every category, and of `all` cases together. Raises BadInput where it has none."""
    held = _of(results, scorer)
    names = sorted({one.category for one in held})
    groups = {name: [one for one in held if one.category == name] for name in names} | {"all": held}
    return {
        name: estimate([one.score.value for one in group], [one.parent for one in group], seed=seed)
        for name, group in groups.items()
    }


def compare(one: Sequence[Result], other: Sequence[Result], scorer: str, seed: int = 0) -> Difference:
    """One system minus another on the turns that both have scored. Raises BadInput where their cases differ."""
    a, b = _of(one, scorer), _of(other, scorer)
    if [(x.case, x.turn) for x in a] != [(x.case, x.turn) for x in b]:
        raise BadInput("The two systems were scored on different cases; score both on the same ones, in one order.")
    return difference([x.score.value for x in a], [x.score.value for x in b], [x.parent for x in a], seed=seed)


def _of(results: Sequence[Result], scorer: str) -> list[Result]:
    held = [one for one in results if one.score.scorer == scorer]
    if not held:
        raise BadInput(
            f"There is no score of {scorer}; there are {', '.join(sorted({r.score.scorer for r in results}))}."
        )
    return held
