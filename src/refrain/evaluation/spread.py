"""Cases are scored source by source, in this process or in several.

Cases of one source stand together, so that it is decoded, and its motion found, once. What needs weights or a judge
stays in this process, which holds them.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from refrain.data.build.run import settled
from refrain.errors import BadInput
from refrain.evaluation.case import Case, Protocol
from refrain.evaluation.record import Run, benchmark_of
from refrain.evaluation.run import Result, Sources, score_folder
from refrain.evaluation.scorers import SCORERS
from refrain.evaluation.scorers.scorer import Scorer

FREE = {one.id: one for one in SCORERS}
LEAST = 4  # cases for each process, or it is not worth its start of some seconds


@dataclass(frozen=True)
class Job:
    """A case, and the scorers that its answers lack."""

    case: Case
    scorers: tuple[Scorer, ...]


@dataclass(frozen=True)
class _Place:
    """Where the answers lie and how they are scored; it travels to other processes."""

    benchmark: str
    outputs: Path
    mattes: Path
    protocol: Protocol


def spread(run: Run, jobs: Sequence[Job], workers: int = 1) -> Iterator[tuple[Case, list[Result]]]:
    """The scores of jobs, in parts, each of one case, in any order of cases. Raises BadInput."""
    protocol: Protocol = "compat" if run.protocol.endswith("/compat") else "strict"
    at = _Place(run.record["benchmark"]["id"], run.outputs, run.mattes, protocol)
    alike = [(job.case, tuple(one for one in job.scorers if FREE.get(one.id) is one)) for job in jobs]
    groups = _by_source([Job(case, free) for case, free in alike if free])
    workers = min(workers, len(groups), sum(map(len, groups)) // LEAST)
    if workers < 2:
        yield from _scored(at, [job for group in _by_source(jobs) for job in group])
        return
    held = [Job(job.case, tuple(one for one in job.scorers if FREE.get(one.id) is not one)) for job in jobs]
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=settled)
    try:
        parts = [pool.submit(_apart, at, [(j.case, [one.id for one in j.scorers]) for j in group]) for group in groups]
        yield from _scored(at, [job for group in _by_source(held) for job in group if job.scorers])
        for part in parts:
            yield from part.result()
    except BrokenProcessPool:
        raise BadInput(
            "A worker was ended by the system, most likely because the memory is full; give fewer --workers and run it "
            "again: what is scored is kept."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _by_source(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs of one source together, by the first of each."""
    groups: dict[Path | None, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.case.source, []).append(job)
    return list(groups.values())


def _apart(at: _Place, jobs: Sequence[tuple[Case, Sequence[str]]]) -> list[tuple[Case, list[Result]]]:
    """What another process does: score the cases of one source, by scorers that need no weights."""
    return list(_scored(at, [Job(case, tuple(FREE[name] for name in names)) for case, names in jobs]))


def _scored(at: _Place, jobs: Sequence[Job]) -> Iterator[tuple[Case, list[Result]]]:
    """Case by case; a source is shared by cases that stand together."""
    sources = Sources()
    for job in jobs:
        found = score_folder(
            benchmark_of(at.benchmark), [job.case], at.outputs, job.scorers, at.protocol, at.mattes, sources
        )
        yield job.case, list(found)
