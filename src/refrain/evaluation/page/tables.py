"""The tables of a page as HTML. No mean stands without its interval and its n."""

from collections.abc import Sequence
from math import isnan

from refrain.evaluation.page.markup import Markup, joined, tag
from refrain.evaluation.page.matter import Gap, System, arrow, direction, gaps, scorer_of, scorers
from refrain.evaluation.published import Published
from refrain.evaluation.report import shown
from refrain.evaluation.statistics import Estimate

FIGURES = ("mean", "95 % interval", "n", "unscored")
HUES = 6  # colours of systems; more systems begin again


def table(caption: str | Markup, head: Sequence[str], rows: Sequence[str], named: str) -> Markup:
    """A table that scrolls sideways by itself where it is too wide; `named` is what a screen reader calls it."""
    heads = joined(tag("th", name, scope="col", class_="n" if name in FIGURES else None) for name in head)
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", heads)), tag("tbody", joined(rows)))
    return tag("div", inner, class_="wide", role="region", aria_label=named, tabindex="0")


def scores(systems: Sequence[System], protocol_note: str) -> Markup:
    """Every scorer by system: mean, interval, n, unscored."""
    rows: list[Markup] = []
    for name in scorers(systems):
        for n, system in enumerate(systems):
            found = system.estimates.get(name, {})
            head = [_scorer(name, len(systems))] if n == 0 else []
            cells = [*head, *_system(systems, n), *_figures(found.get("all"))]
            rows.append(tag("tr", joined(cells), class_="first" if n == 0 else None))
    head = ["scorer", *(["system"] if len(systems) > 1 else []), *FIGURES]
    return table(protocol_note, head, rows, "All scores")


def _scorer(name: str, rows: int) -> Markup:
    known, sign = scorer_of(name), arrow(name)
    way = tag("span", sign, class_="way", title=direction(name), role="img", aria_label=direction(name)) if sign else ""
    means = tag("small", known.means) if known else ""
    return tag("th", tag("code", name), " ", way, means, scope="rowgroup" if rows > 1 else "row", rowspan=rows)


def _system(systems: Sequence[System], n: int) -> list[Markup]:
    return [] if len(systems) == 1 else [tag("td", key(n), systems[n].name, class_="system")]


def key(n: int) -> Markup:
    """The coloured mark of the n-th system; its name always stands beside it."""
    return tag("span", class_=f"key s{n % HUES}", aria_hidden="true")


def _figures(found: Estimate | None) -> list[Markup]:
    if found is None:
        return [tag("td", "not asked", class_="n none", colspan=4)]
    mean, interval = shown(found)
    many = f"{found.n}" if found.sources == found.n else f"{found.n} of {found.sources} sources"
    lost = tag("td", str(found.unscored), class_="n lost" if found.unscored else "n")
    return [tag("td", mean, class_="n mean"), *(tag("td", x, class_="n") for x in (interval, many)), lost]


def categories(systems: Sequence[System], scorer: str) -> Markup:
    """A bar for every category and system, with its interval, on one axis from zero."""
    asked = [system.estimates.get(scorer, {}) for system in systems]
    names = [*sorted({name for one in asked for name in one} - {"all"}), "all"]
    ends = [x for one in asked for e in one.values() for x in (e.mean, e.low, e.high) if not isnan(x)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    rows: list[Markup] = []
    for name in names:
        for n, one in enumerate(asked):
            title = "all" if name == "all" else name or "(none)"
            head = [tag("th", title, scope="row", rowspan=len(systems))] if n == 0 else []
            found = one.get(name)
            drawn = tag("td", bar(found, low, high, n), class_="bars")
            kind = " ".join(["first"] * (n == 0) + ["total"] * (name == "all"))
            cells = [*head, *_system(systems, n), drawn, *_figures(found)]
            rows.append(tag("tr", joined(cells), class_=kind or None))
    axis = f"{low:.3g} to {high:.3g}"
    head = ["category", *(["system"] if len(systems) > 1 else []), axis, *FIGURES]
    way = f", {direction(scorer)}" if direction(scorer) else ""
    caption = f"{scorer} by category{way}; whiskers are 95 % intervals. Protocol {systems[0].protocol}."
    return table(caption, head, rows, f"{scorer} by category")


def bar(found: Estimate | None, low: float, high: float, hue: int) -> Markup:
    """A bar from zero to the mean and a whisker over the interval, as SVG that stretches to its cell."""
    if found is None or isnan(found.mean) or high == low:
        return Markup("")

    def at(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    left, right = sorted((at(0), at(found.mean)))
    parts = [tag("rect", x=left, y=2, width=max(0.3, round(right - left, 2)), height=8)]
    if not isnan(found.low):
        ends = at(found.low), at(found.high)
        across = [(ends[0], 6, ends[1], 6), *((x, 3.5, x, 8.5) for x in ends)]
        for x1, y1, x2, y2 in across:
            parts.append(tag("line", x1=x1, y1=y1, x2=x2, y2=y2, vector_effect="non-scaling-stroke"))
    return tag(
        "svg", joined(parts), class_=f"bar s{hue % HUES}", viewBox="0 0 100 12", preserveAspectRatio="none",
        aria_hidden="true",
    )  # fmt: skip


def unscored(systems: Sequence[System]) -> Markup:
    """Reasons, scorers and cases, by system."""
    rows = [
        tag("tr", *_system(systems, n), tag("td", gap.reason, dir="auto"), _asked(gap, system), _turns(gap, system))
        for n, system in enumerate(systems)
        for gap in gaps(system)
    ]
    if not rows:
        return tag("p", "Everything that was asked could be scored.")
    head = [*(["system"] if len(systems) > 1 else []), "reason", "scorers", "cases"]
    return table("What could not be scored, and why. It is in no mean.", head, rows, "Not scored")


def _asked(gap: Gap, system: System) -> Markup:
    every = scorers([system])
    if len(gap.scorers) == len(every) > 1:
        return tag("td", f"all {len(every)}")
    return tag("td", joined(_between([tag("code", name) for name in gap.scorers])))


def _between(parts: Sequence[Markup]) -> list[str]:
    return [piece for n, part in enumerate(parts) for piece in ([part] if n == 0 else [", ", part])]


def _turns(gap: Gap, system: System) -> Markup:
    several = {case.id for case in system.cases if len(case.instructions) > 1}
    names = [f"{case}, turn {turn}" if case in several else case for case, turn in gap.turns]
    if len(names) == sum(len(case.instructions) for case in system.cases) and len(names) > 1:
        return tag("td", f"all {len(names)}")
    if len(names) <= 3:
        return tag("td", "; ".join(names))
    return tag("td", tag("details", tag("summary", f"{len(names)} cases"), "; ".join(names)))


def beside(systems: Sequence[System], others: Published) -> Markup:
    """A published table with our rows on top: a figure of ours only where the very scorer was run."""
    apart = others.apart(systems[0].protocol)
    rows = [tag("tr", joined(_ours(systems, n, others)), class_="ours") for n in range(len(systems))]
    for name, figures in others.rows.items():
        remarks = [*(["told by a third party"] if name in others.second_hand else [])]
        remarks += [others.remarks[name]] if name in others.remarks else []
        cells = [tag("td", "–" if x is None else f"{x:g}", class_="n") for x in figures]
        mark = tag("td", tag("span", "≠ not comparable" if apart else "= same protocol", class_="badge"))
        told = tag("small", "; ".join(remarks)) if remarks else ""
        row = [tag("th", name, told, scope="row"), mark, *cells]
        rows.append(tag("tr", joined(row), class_="apart" if apart else None))
    caption = joined([
        tag("strong", f"Not comparable with ours: {apart}. " if apart else f"Protocol {others.protocol}. "),
        f"Source: {others.source}. How: {others.how}. The authors give no intervals.",
    ])  # fmt: skip
    return table(caption, ["system", "beside ours", *others.columns], rows, f"Published, {others.protocol}")


def _ours(systems: Sequence[System], n: int, others: Published) -> list[Markup]:
    system = systems[n]
    cells = [tag("th", *([key(n)] if len(systems) > 1 else []), system.name, scope="row"), tag("td", "this page")]
    for column in others.columns:
        found = system.estimates.get(others.scorers.get(column, ""), {}).get("all")
        mean, interval = ("–", "–") if found is None else shown(found)
        small = "" if found is None else tag("small", f"{interval}, n {found.n}")
        cells.append(tag("td", mean, small, class_="n"))
    return cells
