"""What a benchmark makes of the scores of a run: the figures that its paper's table has, by its own arithmetic.

Values come of the functions in `benchmarks`, which are held against the published tables; intervals come of the items
that they are made of. Every figure names the judge and the wording that it rests on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan, nan
from typing import Literal

from refrain.evaluation.benchmarks import fivebench, gedit, imgedit, ivebench, msebench, openve, viebench
from refrain.evaluation.case import Case, Protocol
from refrain.evaluation.run import Result
from refrain.evaluation.statistics import Difference, Estimate, difference, estimate, rate

TASKS = {  # of VIE-Bench, as its table has them
    "add": ("object add",), "swap or change": ("object swap", "color change"), "remove": ("object remove",),
    "style or tone": ("style change", "tone or weather"), "hybrid": ("hybrid",),
    "reference swap": ("reference swap",), "reference add": ("reference add",),
}  # fmt: skip
JUDGED = {"instruction_satisfaction": "satisfaction", "content_fidelity": "content"}  # IVE-Bench's metrics by a judge
MEASURED = {  # and by scorers, by the beginning of their ids
    "subject_consistency": ("subject.ivebench", "vbench.subject_consistency"),
    "background_consistency": ("vbench.background_consistency", "background.vbench"),
    "temporal_flickering": ("vbench.temporal_flickering", "flicker.vbench"),
    "motion_smoothness": ("vbench.motion_smoothness",),
}


@dataclass(frozen=True)
class Part:
    """An item of a figure: the turn of a case, and its value; NaN where it could not be scored."""

    case: str
    turn: int
    parent: str
    category: str
    value: float


@dataclass(frozen=True)
class Total:
    """A figure of a benchmark's table.

    figure: such as `imgedit.total`; who: the judge and its wording, such as `gpt-4o/ours-1`, or the network.
    value:  by the benchmark's arithmetic; NaN where it has none. parts: what it is made of.
    kind:   how, for its interval: a mean of parts, of categories' means ("even"), or a share of successes.
    lacks:  why there is no value. main: whether systems are compared by it.
    """

    figure: str
    who: str
    value: float
    parts: tuple[Part, ...]
    kind: Literal["mean", "even", "rate"] = "mean"
    lacks: str = ""
    main: bool = False

    @property
    def name(self) -> str:
        """As tables have it, in the form of a scorer's id."""
        return f"{self.figure}@{self.who}"

    @cached_property
    def estimate(self) -> Estimate:
        """The value, with its interval from the parts."""
        values, parents = [one.value for one in self.parts], [one.parent for one in self.parts]
        found = rate(values, parents) if self.kind == "rate" else estimate(values, parents, self._kinds(self.parts))
        return replace(found, mean=self.value, **({"low": nan, "high": nan} if isnan(self.value) else {}))

    def minus(self, other: "Total") -> Difference | None:
        """This system's figure minus another's, paired by turns; None where the two have other turns."""
        if [(x.case, x.turn) for x in self.parts] != [(x.case, x.turn) for x in other.parts]:
            return None
        pair = [x.value for x in self.parts], [x.value for x in other.parts]
        return difference(*pair, [x.parent for x in self.parts], self._kinds(self.parts))

    def _kinds(self, parts: Sequence[Part]) -> list[str] | None:
        return [one.category for one in parts] if self.kind == "even" else None


def totals(benchmark: str, cases: Sequence[Case], results: Sequence[Result], protocol: Protocol) -> tuple[Total, ...]:
    """The figures of a benchmark's own table, for every judge that was asked; none where it only takes plain means."""
    make = MAKERS.get(benchmark)
    if make is None:
        return ()
    held = Held(cases, results)
    return tuple(one for who in held.judges(benchmark) for one in make(held, who, protocol))


class Held:
    """The scores of a run by scorer, case and turn."""

    def __init__(self, cases: Sequence[Case], results: Iterable[Result]) -> None:
        self.cases = cases
        self._values: dict[str, dict[tuple[str, int], float]] = {}
        for one in results:
            self._values.setdefault(one.score.scorer, {})[one.case, one.turn] = one.score.value

    def judges(self, benchmark: str) -> list[str]:
        """Who judged: what stands behind the @ of the benchmark's scorers."""
        ours = [name.split("@", 1) for name in self._values if name.startswith(f"{benchmark}.") and "@" in name]
        return list(dict.fromkeys(who for _, who in ours))

    def value(self, scorer: str, case: Case, turn: int = 1) -> float:
        """A score; NaN where there is none."""
        return self._values.get(scorer, {}).get((case.id, turn), nan)

    def begins(self, *heads: str) -> str | None:
        """The first scorer whose id is one of `heads`, before @ or /."""
        return next((name for head in heads for name in self._values if name.split("@")[0].split("/")[0] == head), None)


def _part(case: Case, value: float, turn: int = 1) -> Part:
    return Part(case.id, turn, case.parent, case.category, value)


def _mean(values: Iterable[float]) -> float:
    held = [value for value in values if not isnan(value)]
    return sum(held) / len(held) if held else nan


def _by_category(
    benchmark: str, who: str, items: Sequence[tuple[Case, float]], means: Mapping[str, float]
) -> list[Total]:
    """A figure for every category that has cases."""
    there = {case.category for case, _ in items}
    return [
        Total(f"{benchmark}.{kind}", who, mean, tuple(_part(c, v) for c, v in items if c.category == kind))
        for kind, mean in means.items()
        if kind in there
    ]


def _whole(
    name: str, who: str, value: float, items: Sequence[tuple[Case, float]], wanted: Sequence[str], main: bool = True
) -> Total:
    """The mean of categories' means, of those wanted; where one has no score, which."""
    parts = tuple(_part(case, v) for case, v in items if case.category in wanted)
    empty = [kind for kind in wanted if all(isnan(one.value) for one in parts if one.category == kind)]
    lacks = f"no score of {', '.join(empty)}" if empty else ""
    return Total(name, who, nan if empty else value, parts, "even", lacks, main)


def _imgedit(held: Held, who: str, protocol: Protocol) -> list[Total]:
    cases = [case for case in held.cases if case.category in imgedit.CATEGORIES]
    found = [(case, held.value(f"imgedit.overall@{who}", case)) for case in cases]
    items = [(case, round(v, 2) if protocol == "compat" and not isnan(v) else v) for case, v in found]
    means = imgedit.categories({c.id: v for c, v in items}, {c.id: c.category for c in cases}, protocol)
    total = _whole("imgedit.total", who, imgedit.overall(means), items, imgedit.CATEGORIES)
    return [*_by_category("imgedit", who, items, means), *([total] if items else [])]


def _openve(held: Held, who: str, protocol: Protocol) -> list[Total]:
    items = [
        (case, openve.item({axis: held.value(f"openve.{axis}@{who}", case) for axis in openve.AXES}, protocol))
        for case in held.cases
    ]
    means = {kind: _mean(v for case, v in items if case.category == kind) for kind in openve.EIGHT}
    wholes = [
        _whole(f"openve.mean of {len(of)}", who, openve.overall(means, of), items, of)
        for of in (openve.FIVE, openve.SEVEN, openve.EIGHT)
    ]
    return [*_by_category("openve", who, items, means), *wholes]


def _fivebench(held: Held, who: str, protocol: Protocol) -> list[Total]:
    asked = [
        (case, held.value(f"fivebench.yn@{who}", case), held.value(f"fivebench.mc@{who}", case)) for case in held.cases
    ]
    found = fivebench.accuracies([(yn > 0.5, mc > 0.5) for _, yn, mc in asked if not isnan(yn + mc)])
    per_item: dict[str, Callable[[float, float], float]] = {
        "yn": lambda yn, mc: yn,
        "mc": lambda yn, mc: mc,
        "union": max,
        "intersection": min,
        "five_acc": lambda yn, mc: (yn + mc) / 2,
    }
    return [
        Total(f"fivebench.{name}", who, found[name], tuple(
            _part(case, nan if isnan(yn + mc) else 100 * of(yn, mc)) for case, yn, mc in asked
        ), main=name == "five_acc")
        for name, of in per_item.items()
    ]  # fmt: skip


def _viebench(held: Held, who: str, protocol: Protocol) -> list[Total]:
    found: list[Total] = []
    for task, kinds in TASKS.items():
        cases = [case for case in held.cases if case.category in kinds]
        with_reference = task.startswith("reference")
        names = (*viebench.AXES, *(("similarity",) if with_reference else ()))
        rows = [(case, {name: held.value(f"viebench.{name}@{who}", case) for name in names}) for case in cases]
        columns = {name: [(case, row[name]) for case, row in rows] for name in names}
        columns["average"] = [(case, viebench.average(row, with_reference)) for case, row in rows]
        for name, items in columns.items() if cases else ():
            parts = tuple(_part(case, v) for case, v in items)
            mean = _mean(v for _, v in items)
            found.append(Total(f"viebench.{name}, {task}", who, mean, parts, main=name == "average"))
    return found


def _msebench(held: Held, who: str, protocol: Protocol) -> list[Total]:
    names = ("following", "consistency")
    sessions = [
        [
            (held.value(f"msebench.{names[0]}@{who}", case, turn), held.value(f"msebench.{names[1]}@{who}", case, turn))
            for turn in range(1, msebench.TURNS + 1)
        ]
        for case in held.cases
    ]
    whole = msebench.survival(sessions, protocol=protocol)
    alone = [msebench.survival([one], protocol=protocol) for one in sessions]
    return [
        Total(
            f"msebench.{name}, turn {turn + 1}",
            who,
            getattr(whole, name)[turn],
            tuple(_part(case, getattr(one, name)[turn], turn + 1) for case, one in zip(held.cases, alone)),
            "rate" if name == "success" else "mean",
            main=name == "success",
        )
        for name in ("success", *names, "both")
        for turn in range(msebench.TURNS)
    ]


def _gedit(held: Held, who: str, protocol: Protocol) -> list[Total]:
    found: list[Total] = []
    for language in gedit.LANGUAGES:
        cases = [case for case in held.cases if case.extra.get("instruction_language") == language]
        items = {
            case.id: gedit.Score(*(held.value(f"gedit.{name}@{who}", case) for name in ("success", "looks", "overall")))
            for case in cases
        }
        for inner in (False, True) if cases else ():
            score, told = gedit.overall(items, cases, inner), ", intersection" if inner else ""
            of = [case for case in cases if case.extra["Intersection_exist"] or not inner]
            for name in ("success", "looks", "overall"):
                rows = [(case, getattr(items[case.id], name)) for case in of]
                label = f"gedit.{name}, {language}{told}"
                found.append(
                    _whole(label, who, getattr(score, name), rows, gedit.GROUPS, name == "overall" and not inner)
                )
    return found


def _ivebench(held: Held, who: str, protocol: Protocol) -> list[Total]:
    by = {metric: f"ivebench.{name}@{who}" for metric, name in JUDGED.items()}
    by |= {metric: name for metric, heads in MEASURED.items() if (name := held.begins(*heads))}
    rows = [{metric: held.value(name, case) for metric, name in by.items()} for case in held.cases]
    means = ivebench.means(rows, protocol)
    there = [name for name, value in means.items() if not isnan(value)]
    found: list[Total] = []
    for name, value in ivebench.overall(means, protocol).items():
        wanted = ivebench.DIMENSIONS.get(name) or tuple(means)
        have = [metric for metric in wanted if metric in there]
        told = f"{len(have)} of its {len(wanted)} metrics are there"
        some = f", of {len(have)} of {len(wanted)} metrics" if len(have) < len(wanted) else ""
        each = [(case, ivebench.overall(row, protocol)[name]) for case, row in zip(held.cases, rows)]
        parts = tuple(_part(case, v) for case, v in each)
        found.append(Total(f"ivebench.{name}{some}", who, value, parts, lacks=told if isnan(value) else "", main=True))
    return found


MAKERS: Mapping[str, Callable[[Held, str, Protocol], list[Total]]] = {
    "imgedit": _imgedit, "openve": _openve, "fivebench": _fivebench, "viebench": _viebench, "msebench": _msebench,
    "gedit": _gedit, "ivebench": _ivebench,
}  # fmt: skip
