"""Answers made anywhere, scored: a folder of outputs in the benchmark's own layout, case by case and turn by turn.

Every case of the benchmark has its place in the results. An answer that is missing or cannot be read is NaN with its
reason, so that no system gains by failing.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import nan
from pathlib import Path

import numpy as np

from refrain.errors import BadInput, RefrainError
from refrain.evaluation.case import Benchmark, Case, Protocol
from refrain.evaluation.frames import as_bytes, levels, read_clip, read_mask, read_matte
from refrain.evaluation.scorers import SCORERS
from refrain.evaluation.scorers.scorer import Material, Memo, Score, Scorer, score
from refrain.evaluation.statistics import Difference, Estimate, difference, estimate, rate

RATES = {one.id for one in SCORERS if one.rate}


@dataclass(frozen=True)
class Result:
    """What a scorer said of the answer to a turn (from 1) of a case."""

    case: str
    turn: int
    category: str
    parent: str
    score: Score


class Sources:
    """The source that was decoded last, with all that was found of it: cases of one source that follow share it."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._held: tuple[Memo, Fraction]

    def read(self, path: Path) -> tuple[Memo, Fraction]:
        """The frames of a source and its frames per second. Raises BadInput."""
        if path != self._path:
            self._path = None
            clip = read_clip(path)
            self._held, self._path = (Memo(levels(clip)), clip.fps), path
        return self._held


def score_folder(
    benchmark: Benchmark,
    cases: Iterable[Case],
    outputs: Path,
    scorers: Sequence[Scorer],
    protocol: Protocol = "strict",
    mattes: Path | None = None,
    sources: Sources | None = None,
) -> Iterator[Result]:
    """Scores of the answers that lie in a folder, in the order of cases, turns and scorers. Raises BadInput.

    An answer of another size or length has only such scores as need neither, and the others are NaN; under compat it is
    brought to the source's size where the published scorer does so. Frames are compared by their number, whatever the
    frames per second, as all published scorers do; `kept.fps` tells of those.

    mattes:  the folder of the editor's own, laid out like the answers, with a folder of frames for each.
    sources: shares a source over several calls; cases of one source that follow each other share it anyway.
    """
    if not outputs.is_dir():
        raise BadInput(f"{outputs} is no folder of outputs; give the one that holds {benchmark.title}'s answers.")
    needs, sources = {name for one in scorers for name in one.needs}, sources or Sources()
    for case in cases:
        names = [benchmark.answer(case, turn) for turn in range(1, len(case.instructions) + 1)]
        paths = [outputs / name for name in names]
        for turn in range(1, len(paths) + 1):
            found = material(case, paths[:turn], needs, benchmark, protocol, sources)
            if isinstance(found, Material) and mattes is not None and "found" in needs:
                found = _with_mattes(found, [mattes / name for name in names[:turn]])
            for one in scorers:
                said = score(one, found) if isinstance(found, Material) else Score(one.id, nan, found)
                yield Result(case.id, turn, case.category, case.parent, said)


def _with_mattes(material: Material, folders: Sequence[Path]) -> Material:
    """The material with what the editor says that it changed in all turns so far, where that was kept whole."""
    if not all(folder.is_dir() for folder in folders):
        return material
    frames, rows, columns = material.source.shape[:3]
    try:
        kept = [read_matte(folder, (rows, columns)) for folder in folders]
    except RefrainError:
        return material
    if any(len(one) != frames for one in kept):
        return material
    return replace(material, found=np.maximum.reduce(kept))


def material(
    case: Case,
    paths: Sequence[Path],
    needs: Collection[str],
    benchmark: Benchmark,
    protocol: Protocol,
    sources: Sources,
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
        (shared, fps), answer = sources.read(case.source), read_clip(paths[-1])
        rows, columns = shared.frames.shape[1:3]
        resized = protocol == "compat" and benchmark.resized and answer.size != (rows, columns)
        return Material(
            shared.frames,
            as_bytes(answer.at((rows, columns))) if resized else levels(answer),
            _frames(truth) if truth else None,
            matte=_matte(case, len(paths), benchmark, protocol) if "matte" in needs else None,
            fps=None if case.source.is_dir() else float(fps),
            answer_fps=None if paths[-1].is_dir() else float(answer.fps),
            case=case,
            turn=len(paths),
            earlier=None if earlier is None else tuple(map(_frames, earlier)),
            references=None if references is None else tuple(map(_frames, references)),
            shared=shared,
        )
    except RefrainError as error:
        return str(error)


def _frames(path: Path) -> np.ndarray:
    return levels(read_clip(path))


def _matte(case: Case, turn: int, benchmark: Benchmark, protocol: Protocol) -> np.ndarray | None:
    """Where the edits of all turns so far belong, float32 [T, Y, X] in 0..1, of the benchmark's masks; else None.

    All turns, because answers are held against the source, which no turn has touched.
    """
    known = benchmark.soft or benchmark.edited is not None
    if not known or len(case.masks) < turn or not all(path.exists() for path in case.masks[:turn]):
        return None
    try:
        marks = np.maximum.reduce([read_mask(path) for path in case.masks[:turn]])  # uint8 [T, Y, X]
    except RefrainError:
        return None
    return (
        (marks / np.float32(255))
        if benchmark.edited is None
        else (marks > benchmark.edited[protocol]).astype(np.float32)
    )


def summary(results: Sequence[Result], scorer: str, seed: int = 0) -> dict[str, Estimate]:
    """Of one scorer: the estimate of every category, and of `all` cases together. Raises BadInput where it has none."""
    held = _of(results, scorer)
    names = sorted({one.category for one in held})
    groups = {name: [one for one in held if one.category == name] for name in names} | {"all": held}
    return {name: mean(scorer, group, seed) for name, group in groups.items()}


def mean(scorer: str, results: Sequence[Result], seed: int = 0) -> Estimate:
    """The mean of a scorer's results: a rate where it says 1 or 0 of every answer."""
    how = rate if scorer in RATES else estimate
    return how([one.score.value for one in results], [one.parent for one in results], seed=seed)


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
