"""Answers made anywhere, scored: a folder of outputs in the benchmark's own layout, case by case and turn by turn.

Every case of the benchmark has its place in the results. An answer that is missing or cannot be read is NaN with its
reason, so that no system gains by failing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

from refrain.errors import BadInput, RefrainError
from refrain.evaluation.case import Benchmark, Case
from refrain.evaluation.scorers.scorer import Material, Score, Scorer, score
from refrain.evaluation.sit import as_bytes
from refrain.evaluation.statistics import Difference, Estimate, difference, estimate
from refrain.media import Clip


@dataclass(frozen=True)
class Result:
    """What a scorer said of the answer to a turn (from 1) of a case."""

    case: str
    turn: int
    category: str
    parent: str
    score: Score


def score_folder(
    benchmark: Benchmark, cases: Iterable[Case], outputs: Path, scorers: Sequence[Scorer]
) -> Iterator[Result]:
    """Scores of the answers that lie in a folder, in the order of cases, turns and scorers. Raises BadInput."""
    if not outputs.is_dir():
        raise BadInput(f"{outputs} is no folder of outputs; give the one that holds {benchmark.title}'s answers.")
    for case in cases:
        for turn in range(1, len(case.instructions) + 1):
            found = _material(case, turn, outputs / benchmark.answer(case, turn))
            for one in scorers:
                said = score(one, found) if isinstance(found, Material) else Score(one.id, nan, found)
                yield Result(case.id, turn, case.category, case.parent, said)


def _material(case: Case, turn: int, path: Path) -> Material | str:
    """Source, answer and true answer of a turn; or why they cannot be had."""
    truth = case.truth[turn - 1] if case.truth else None
    if case.source is None:
        return "the case has no source"
    for name, file in (("source", case.source), ("answer", path), *([("true answer", truth)] if truth else [])):
        if not file.exists():
            return f"the {name} {file.name} is not there"
    try:
        source, answer = Clip.read(case.source), Clip.read(path)
        target = as_bytes(Clip.read(truth).frames) if truth else None
    except RefrainError as error:
        return str(error)
    before, after = as_bytes(source.frames), as_bytes(answer.frames)
    return Material(before, after, target, fps=float(source.fps), answer_fps=float(answer.fps))


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
