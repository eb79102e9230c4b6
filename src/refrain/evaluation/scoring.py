"""A run is scored, and nothing is scored twice.

A score is kept under a key of all that it depends on: the bytes of source, answers and truth, the words, the scorer,
the protocol and Refrain's version. A second scoring reads keys alone; an answer that has changed has another key.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from refrain.evaluation.case import Case
from refrain.evaluation.record import Answer, Run, file_hash
from refrain.evaluation.run import Result
from refrain.evaluation.scorers.scorer import Scorer
from refrain.evaluation.spread import Job, spread

Listener = Callable[[int, Case], None]  # (cases behind, the last of them)


def score_run(run: Run, scorers: Sequence[Scorer], listen: Listener, workers: int = 1) -> list[Result]:
    """Score what was not scored before, and return the scores of these scorers, in the order of cases and turns.

    workers: processes over which sources are spread; every score is kept as soon as it is there.
    """
    again = {one.id for one in scorers if one.again}
    held = {place: one["key"] for place, one in run.scores.items() if one["value"] is not None or place[2] not in again}
    told = run.answers
    hashed = lru_cache(maxsize=None)(file_hash)
    keys = {case.id: _keys(run, case, scorers, hashed) for case in run.cases}
    every = [
        Job(case, tuple(one for one in scorers if any(held.get(at) != keys[case.id][at] for at in _places(case, one))))
        for case in run.cases
    ]
    jobs = [job for job in every if job.scorers]
    begun = set[str]()
    for case, found in spread(run, jobs, workers):
        begun.add(case.id)
        listen(len(run.cases) - len(jobs) + len(begun), case)
        for turn in range(1, len(case.instructions) + 1):
            said = [_explained(one, told.get((case.id, turn))) for one in found if one.turn == turn]
            names = [keys[case.id][case.id, turn, one.score.scorer] for one in said]
            run.keep(said, names, hashed(run.answer_path(case, turn)))
    order = {one.id: n for n, one in enumerate(scorers)}
    asked = [one for one in run.results if one.score.scorer in order]
    places = {case.id: n for n, case in enumerate(run.cases)}
    return sorted(asked, key=lambda one: (places[one.case], one.turn, order[one.score.scorer]))


def missing(run: Run) -> dict[str, str]:
    """The answers that are not there, as the benchmark's layout names them, and why, where that is known."""
    told, found = run.answers, dict[str, str]()
    for case in run.cases:
        for turn in range(1, len(case.instructions) + 1):
            path, said = run.answer_path(case, turn), told.get((case.id, turn))
            if not path.exists():
                found[path.relative_to(run.outputs).as_posix()] = (said and said.reason) or ""
    return found


def _explained(result: Result, answer: Answer | None) -> Result:
    """What has no answer is unscored for the reason that was written down."""
    if answer is None or answer.reason is None:
        return result
    return replace(result, score=replace(result.score, reason=f"no answer: {answer.reason}"))


def _places(case: Case, scorer: Scorer) -> list[tuple[str, int, str]]:
    return [(case.id, turn, scorer.id) for turn in range(1, len(case.instructions) + 1)]


def _keys(
    run: Run, case: Case, scorers: Sequence[Scorer], hashed: Callable[[Path | None], str | None]
) -> dict[tuple[str, int, str], str]:
    """What the scores of a case are kept under: (case, turn, scorer) -> thirty-two hexadecimal digits."""
    found: dict[tuple[str, int, str], str] = {}
    fixed = [
        run.protocol, version("refrain-edit"), case.instructions, case.captions, case.category,
        *[hashed(path) for path in (case.source, *case.references, *case.masks, *case.truth)],
    ]  # fmt: skip
    for turn in range(1, len(case.instructions) + 1):
        answers = [hashed(run.answer_path(case, n)) for n in range(1, turn + 1)]
        mattes = [hashed(run.matte_path(case, n)) for n in range(1, turn + 1)]
        for one in scorers:
            said = json.dumps([*fixed, answers, one.id, *([mattes] if "found" in one.needs else [])])
            found[case.id, turn, one.id] = hashlib.sha256(said.encode()).hexdigest()[:32]
    return found
