"""What a page tells, before it is HTML or Markdown: the systems, the scorers, the cases to show, what is unscored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refrain.errors import BadInput
from refrain.evaluation.case import Case
from refrain.evaluation.run import Result, summary
from refrain.evaluation.scorers import SCORERS
from refrain.evaluation.scorers.scorer import Scorer
from refrain.evaluation.statistics import Estimate
from refrain.evaluation.told.tables import short
from refrain.evaluation.told.totals import Total, totals

if TYPE_CHECKING:
    from refrain.evaluation.record import Run

BEFORE, AFTER, TRUTH = "before", "after", "true answer"
KNOWN = {one.id: one for one in SCORERS}


@dataclass(frozen=True, eq=False)
class System:
    """One run as a page shows it.

    name: of what made the answers. title: of the benchmark. protocol: such as imgedit/strict.
    answer: (case, turn from 1) -> where the answer lies, or should. record: the cause of the run, as JSON has it.
    files: of the record, by name; the page links to them.
    """

    name: str
    title: str
    protocol: str
    cases: tuple[Case, ...]
    results: Sequence[Result]
    answer: Callable[[Case, int], Path]
    record: Mapping[str, Any]
    files: Mapping[str, Path]

    @property
    def benchmark(self) -> str:
        return self.protocol.partition("/")[0]

    @cached_property
    def values(self) -> dict[tuple[str, int, str], float]:
        """Every score that there is, by case, turn and scorer."""
        return {(r.case, r.turn, r.score.scorer): r.score.value for r in self.results if not isnan(r.score.value)}

    @cached_property
    def estimates(self) -> dict[str, dict[str, Estimate]]:
        """By scorer: the estimate of every category, and of `all`."""
        asked = dict.fromkeys(one.score.scorer for one in self.results)
        return {name: summary(self.results, name) for name in asked}

    @cached_property
    def totals(self) -> tuple[Total, ...]:
        """What the benchmark makes of the scores."""
        kind = "compat" if self.protocol.endswith("/compat") else "strict"
        return totals(self.benchmark, self.cases, self.results, kind)


@dataclass(frozen=True)
class Pick:
    """An answer to show: case, turn from 1, and its place in the order of the first system, such as `worst 1`."""

    case: Case
    turn: int
    place: str


@dataclass(frozen=True)
class Gap:
    """A reason why scorers have no value, and the turns that it holds for."""

    reason: str
    scorers: tuple[str, ...]
    turns: tuple[tuple[str, int], ...]


def of_runs(runs: "Sequence[Run]") -> tuple[System, ...]:
    """Runs as systems, the second of one name numbered.

    Raises BadInput for runs of two benchmarks or protocols, and for one without scores.
    """
    first, found = runs[0], list[System]()
    taken = {BEFORE, AFTER, TRUTH}  # names that players have for others
    for run in runs:
        if run.record["benchmark"]["id"] != first.record["benchmark"]["id"]:
            raise BadInput(
                f"{run.folder} is of {run.record['benchmark']['title']}, {first.folder} of "
                f"{first.record['benchmark']['title']}; a page tells of one benchmark, make two."
            )
        if run.protocol != first.protocol:
            raise BadInput(
                f"{run.folder} has protocol {run.protocol}, {first.folder} {first.protocol}; their figures do not "
                "stand in one table, make two pages."
            )
        results = run.results
        if not results:
            raise BadInput(f"{run.folder} has no scores; go on with it (refrain evaluate or score --resume) first.")
        name = next(n for n in _numbered(run.system) if n not in taken)
        taken.add(name)
        files = {name: run.folder / name for name in ("run.json", "cases.jsonl", "answers.jsonl", "scores.jsonl")}
        found.append(
            System(
                name=name,
                title=run.record["benchmark"]["title"],
                protocol=run.protocol,
                cases=run.cases,
                results=results,
                answer=run.answer_path,
                record=run.record,
                files={name: path for name, path in files.items() if path.is_file()},
            )
        )
    return tuple(found)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({n})" for n in count(2))


def scorers(systems: Sequence[System]) -> list[str]:
    """Every scorer that was asked, in the order of the results."""
    return list(dict.fromkeys(name for system in systems for name in system.estimates))


def valued(systems: Sequence[System]) -> list[str]:
    """The scorers that have a value somewhere."""
    held = {scorer for system in systems for _, _, scorer in system.values}
    return [name for name in scorers(systems) if name in held]


def leading(systems: Sequence[System], wanted: str | None = None) -> str | None:
    """The scorer that orders cases: the one wanted, else the first with values that judges the edit, the rest, or time.

    None where nothing was scored. Raises BadInput for a scorer that was not asked.
    """
    if wanted is not None:
        if wanted not in scorers(systems):
            raise BadInput(f"There is no score of {wanted}; there are {', '.join(scorers(systems))}.")
        return wanted
    held = valued(systems)
    for judged in ("edit", "rest", "time"):
        for name in held:
            if name in KNOWN and KNOWN[name].judges == judged:
                return name
    return held[0] if held else None


def scorer_of(name: str) -> Scorer | None:
    """What is known of a scorer; None for one that is not ours."""
    return KNOWN.get(name)


def arrow(name: str) -> str:
    """Which way is better, as a sign; nothing for a scorer that is not ours."""
    known = scorer_of(name)
    return "" if known is None else "↑" if known.better == "high" else "↓"


def direction(name: str) -> str:
    """The same in words."""
    known = scorer_of(name)
    return "" if known is None else f"{'higher' if known.better == 'high' else 'lower'} is better"


def picked(systems: Sequence[System], scorer: str, each: int) -> list[Pick]:
    """The worst and the best answers of the first system, `each` of both and none twice, worst first.

    Of a scorer whose better way is not known, the lowest and the highest.
    """
    cases = {case.id: case for case in systems[0].cases}
    known = scorer_of(scorer)
    held = [r for r in systems[0].results if r.score.scorer == scorer and not isnan(r.score.value)]
    rising = sorted(held, key=lambda r: r.score.value)
    order = rising[::-1] if known is not None and known.better == "low" else rising
    names = ("lowest", "highest") if known is None else ("worst", "best")
    few = order[:each], order[max(each, len(order) - each) :][::-1]
    return [
        Pick(cases[one.case], one.turn, f"{name} {n}")
        for name, group in zip(names, few)
        for n, one in enumerate(group, 1)
    ]


def gaps(system: System) -> list[Gap]:
    """Why scores are missing: one entry for every reason and the scorers that give it together, most turns first.

    A reason is cut to 160 characters; the whole of it, such as all that a model can do, stands in the record.
    """
    said: dict[tuple[str, int, str], list[str]] = {}
    for one in system.results:
        if one.score.reason is not None:
            said.setdefault((one.case, one.turn, one.score.reason), []).append(one.score.scorer)
    grouped: dict[tuple[str, tuple[str, ...]], list[tuple[str, int]]] = {}
    for (case, turn, reason), names in said.items():
        grouped.setdefault((reason, tuple(names)), []).append((case, turn))
    found = [Gap(short(reason, 160), names, tuple(turns)) for (reason, names), turns in grouped.items()]
    return sorted(found, key=lambda gap: -len(gap.turns))
