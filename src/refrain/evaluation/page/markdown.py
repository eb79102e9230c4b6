"""The page as Markdown: the same tables, and names of files where the page in HTML has players."""

from collections.abc import Sequence
from pathlib import Path

from refrain.evaluation.page.address import address
from refrain.evaluation.page.beside import APPROX, Ours, ours
from refrain.evaluation.page.markup import whole
from refrain.evaluation.page.matter import System, arrow, gaps, leading, picked, scorers, valued
from refrain.evaluation.statistics import Estimate
from refrain.evaluation.told.published import Published, published
from refrain.evaluation.told.report import cell, table

NONE = Estimate(float("nan"), float("nan"), float("nan"), 0, 0)  # of a scorer that was not asked


def markdown(systems: Sequence[System], folder: Path, scorer: str | None = None, each: int = 3) -> str:
    """The page as text. folder: where it will lie; scorer, each: as for HTML. Raises BadInput."""
    first, leader = systems[0], leading(systems, scorer)
    names = [_plain(system.name) for system in systems]
    rows = {f"`{one}` {arrow(one)}": [_of(system, one, "all") for system in systems] for one in scorers(systems)}
    parts = [
        f"# {_plain(first.title)}: {', '.join(names)}",
        f"{len(first.cases)} cases. Each cell: mean (95 % interval, n, unscored).",
        "## Scores",
        table(first.protocol, names, rows, one_figure=False),
    ]
    together = _totals(systems, names)
    parts += [f"## As {_plain(first.title)} puts its scores together", together] if together else []
    if leader:
        told = dict.fromkeys([leader, *valued(systems)])
        parts += ["## By category", *(_categories(systems, names, one) for one in told)]
        parts += ["## Worst and best cases", _cases(systems, folder, leader, each)]
    parts += ["## Not scored", _unscored(systems), "## Published figures", _published(systems), "## Record"]
    for name, system in zip(names, systems):
        links = [f"[{_plain(file)}]({address(path, folder)})" for file, path in system.files.items()]
        parts.append(f"- {name}: {', '.join(links)}")
    return "\n\n".join(parts) + "\n"


def _totals(systems: Sequence[System], names: Sequence[str]) -> str:
    """The figures of the benchmark's own table, and why some have no value."""
    found = [{one.name: one for one in system.totals} for system in systems]
    every = list(dict.fromkeys(name for held in found for name in held))
    if not every:
        return ""
    rows = {f"`{_plain(n)}`": [held[n].estimate if n in held else NONE for held in found] for n in every}
    lacking = {(system, one.lacks): one for system, held in zip(names, found) for one in held.values() if one.lacks}
    why = [f"- {system}, `{_plain(one.name)}`: {_plain(lacks)}" for (system, lacks), one in lacking.items()]
    return "\n".join([table(systems[0].protocol, names, rows, one_figure=False), *(["", *why] if why else [])])


def _of(system: System, scorer: str, category: str) -> Estimate:
    return system.estimates.get(scorer, {}).get(category, NONE)


def _categories(systems: Sequence[System], names: Sequence[str], scorer: str) -> str:
    kinds = sorted({kind for system in systems for kind in system.estimates.get(scorer, {})} - {"all"})
    rows = {_plain(kind): [_of(system, scorer, kind) for system in systems] for kind in (*kinds, "all")}
    return f"`{scorer}` {arrow(scorer)}\n\n{table(systems[0].protocol, names, rows)}"


def _cases(systems: Sequence[System], folder: Path, scorer: str, each: int) -> str:
    lines = [f"By `{scorer}` of {_plain(systems[0].name)}.\n"]
    for pick in picked(systems, scorer, each):
        case, turn = pick.case, pick.turn
        before = [f"[before]({address(case.source, folder)})"] if case.source else []
        told = [
            f"[{_plain(system.name)}]({address(system.answer(case, turn), folder)})"
            f" {_figure(system.values.get((case.id, turn, scorer)))}"
            for system in systems
        ]
        asked = _plain(case.instructions[turn - 1])
        many = f", turn {turn}" if len(case.instructions) > 1 else ""
        lines.append(f"- **{pick.place}**, case {_plain(case.id)}{many}: {asked} ({'; '.join([*before, *told])})")
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "unscored" if value is None else f"{value:.4g}"


def _unscored(systems: Sequence[System]) -> str:
    lines = ["| system | reason | scorers | cases |", "| --- | --- | --- | --- |"]
    for system in systems:
        for gap in gaps(system):
            names = "; ".join(f"{_plain(case)} ({turn})" for case, turn in gap.turns[:10])
            more = f" and {len(gap.turns) - 10} more" if len(gap.turns) > 10 else ""
            asked = ", ".join(f"`{name}`" for name in gap.scorers)
            lines.append(f"| {_plain(system.name)} | {_plain(gap.reason)} | {asked} | {names}{more} |")
    return "\n".join(lines) if len(lines) > 2 else "Everything that was asked could be scored."


def _published(systems: Sequence[System]) -> str:
    parts = [_beside(systems, one) for one in published(systems[0].benchmark)]
    return "\n\n".join(parts) or "No published figures of this benchmark are known here."


def _beside(systems: Sequence[System], others: Published) -> str:
    """A published table under our rows."""
    apart = others.apart(systems[0].protocol)
    mark = "≠ not comparable" if apart else "= same protocol"
    lines = [_line(["system", "beside ours", *others.columns]), _line(["---"] * (2 + len(others.columns)))]
    near = False
    for system in systems:
        for label, columns in ours(system, others):
            cells = ["; ".join(_near(one) for one in column) for column in columns]
            near = near or any(one.near for column in columns for one in column)
            name = f"**{_plain(system.name)}**" + (f", {label}" if label else "")
            lines.append(_line([name, "this page", *(one or "–" for one in cells)]))
    for name, figures in others.rows.items():
        remarks = [*(["told by a third party"] if name in others.second_hand else [])]
        remarks += [others.remarks[name]] if name in others.remarks else []
        told = f"{name} ({'; '.join(remarks)})" if remarks else name
        lines.append(_line([told, mark, *figures]))
    why = f"**Not comparable with ours: {apart}.** " if apart else f"Protocol {others.protocol}. "
    foot = f"{why}Source: {others.source}. How: {others.how}. The authors give no intervals."
    foot += f" {APPROX}" if near else ""
    return "\n".join([*lines, "", foot])


def _near(one: Ours) -> str:
    """A figure of ours in a published column, with what made it where that is another."""
    return one.sign + cell(one.estimate) + (f", {_plain(one.made_by)}" if one.made_by else "")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(said: str) -> str:
    """Text of a file as Markdown that means nothing but itself, on one line."""
    line = " ".join(whole(said).split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|#!" else c for c in line)
