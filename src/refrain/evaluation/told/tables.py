"""Tables of runs: one run by categories or turns, and several runs against each other."""

from collections.abc import Sequence
from itertools import combinations
from math import isnan

from refrain.errors import BadInput
from refrain.evaluation.record import Run
from refrain.evaluation.run import Result, compare, mean
from refrain.evaluation.scorers import SCORERS
from refrain.evaluation.statistics import Difference
from refrain.evaluation.told.report import FOOT, cell, comparison
from refrain.evaluation.told.totals import Total, totals

ARROWS = {one.id: "↑" if one.better == "high" else "↓" for one in SCORERS}
FEW = 6  # categories that still fit a line


def summary_table(run: Run, results: Sequence[Result]) -> str:
    """Markdown: a row for every scorer that has a score; columns for all, and for turns or few categories.

    Below it stands, for every scorer without any, why there is none.
    """
    groups = _groups(run, results)
    lines = [_line(["", *groups]), _line(["---"] * (len(groups) + 1))]
    silent: dict[str, str] = {}
    for name in dict.fromkeys(one.score.scorer for one in results):
        rows = [[one for one in group if one.score.scorer == name] for group in groups.values()]
        found = [mean(name, row) for row in rows]
        if found[0].n == 0:
            silent[name] = short(_most([one.score.reason or "" for one in rows[0]]))
        else:
            lines.append(_line([f"{name} {ARROWS.get(name, '')}".strip(), *map(cell, found)]))
    below = [f"{run.system}. Protocol {run.protocol}. {FOOT}"]
    if silent:
        below += ["", "No score at all:", ""]
        below += [
            f"- {', '.join(n for n in silent if silent[n] == why)}: {why}" for why in dict.fromkeys(silent.values())
        ]
    together = totals_table(run.record["benchmark"]["title"], run.protocol, totals_of(run, results))
    return "\n".join([*lines, "", *below, *(["", together] if together else [])])


def totals_of(run: Run, results: Sequence[Result]) -> tuple[Total, ...]:
    """What the run's benchmark makes of these scores."""
    benchmark, _, protocol = run.protocol.partition("/")
    return totals(benchmark, run.cases, results, "compat" if protocol == "compat" else "strict")


def totals_table(title: str, protocol: str, found: Sequence[Total]) -> str:
    """Markdown: the figures of a benchmark's own table, and why some have no value; nothing where there are none."""
    if not found:
        return ""
    lines = [f"As {title} puts its scores together:", "", _line(["", "all"]), _line(["---"] * 2)]
    lines += [_line([one.name, cell(one.estimate)]) for one in found]
    lacking = {one.name: one.lacks for one in found if one.lacks}
    below = [
        f"- {', '.join(n for n in lacking if lacking[n] == why)}: {why}" for why in dict.fromkeys(lacking.values())
    ]
    return "\n".join([*lines, "", f"Protocol {protocol}. {FOOT}", *(["", *below] if below else [])])


def comparison_table(runs: Sequence[Run], needed: bool = True) -> str:
    """Markdown: paired differences of every two runs on every scorer that both have. Raises BadInput.

    needed: whether it is an error that they have none; else there is no table.
    """
    check_comparable(runs)
    names = named(runs)
    held = [run.results for run in runs]
    known = [dict.fromkeys(one.score.scorer for one in results) for results in held]
    made = [totals_of(run, results) for run, results in zip(runs, held)]
    common = [name for name in known[0] if all(name in other for other in known)]
    pairs: dict[str, Difference] = {}
    for a, b in combinations(range(len(runs)), 2):
        for name in common:
            found = compare(held[a], held[b], name)
            if found.estimate.n and not isnan(found.estimate.mean):
                pairs[f"{names[a]} − {names[b]}: {name}"] = found
        others = {one.name: one for one in made[b]}
        for one in made[a]:
            apart = one.minus(others[one.name]) if one.main and one.name in others else None
            if apart and apart.estimate.n and not isnan(apart.estimate.mean):
                pairs[f"{names[a]} − {names[b]}: {one.name}"] = apart
    if not pairs and not needed:
        return ""
    if not pairs:
        raise BadInput("No scorer has scored one case of two of these runs; score them by the same --scorers.")
    return comparison(runs[0].protocol, pairs)


def check_comparable(runs: Sequence[Run]) -> None:
    """Raise BadInput for runs of different protocols or different cases."""
    if len(runs) < 2:
        raise BadInput("Give two runs or more to compare.")
    first = runs[0]
    for other in runs[1:]:
        if other.protocol != first.protocol:
            raise BadInput(
                f"{first.folder} is a run of {first.protocol}, {other.folder} of {other.protocol}; score both alike."
            )
        if other.record["benchmark"]["hash"] != first.record["benchmark"]["hash"]:
            raise BadInput(f"{first.folder} and {other.folder} have different cases; run both on the same ones.")


def _groups(run: Run, results: Sequence[Result]) -> dict[str, list[Result]]:
    turns = sorted({one.turn for one in results})
    if len(turns) > 1:
        return {"all": list(results)} | {f"turn {n}": [one for one in results if one.turn == n] for n in turns}
    names = list(dict.fromkeys(one.category for one in results))
    if not 1 < len(names) <= FEW:
        return {"all": list(results)}
    return {"all": list(results)} | {name: [one for one in results if one.category == name] for name in names}


def named(runs: Sequence[Run]) -> list[str]:
    """What to call runs: what made them, with the folder where two are made alike."""
    systems = [run.system for run in runs]
    return [f"{run.system} ({run.folder.name})" if systems.count(run.system) > 1 else run.system for run in runs]


def _most(reasons: list[str]) -> str:
    return max(dict.fromkeys(reasons), key=reasons.count)


def short(text: str, most: int = 100) -> str:
    """A text cut to so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', '/').replace(chr(10), ' ') for text in cells)} |"
