"""The tables of a page as HTML. No mean stands without its interval and its n."""

from collections.abc import Sequence
from math import isnan

from refrain.errors import BadInput
from refrain.evaluation.page.beside import APPROX, Ours, ours
from refrain.evaluation.page.markup import Markup, joined, tag
from refrain.evaluation.page.matter import Gap, System, arrow, direction, gaps, scorer_of, scorers, valued
from refrain.evaluation.run import compare
from refrain.evaluation.statistics import Difference, Estimate, holm
from refrain.evaluation.told.published import Published
from refrain.evaluation.told.report import chance, shown

FIGURES = ("mean", "95 % interval", "n", "unscored")
RIGHT = {*FIGURES, "difference", "p", "p (Holm)"}  # columns of figures stand at the right
HUES = 6  # colours of systems; more systems begin again


def table(caption: str | Markup, head: Sequence[str], rows: Sequence[str], named: str, grouped: bool = False) -> Markup:
    """A table that scrolls sideways by itself where it is too wide.

    named: what a screen reader calls it. grouped: the rows are `group`s of rows.
    """
    heads = joined(tag("th", name, scope="col", class_="n" if name in RIGHT else None) for name in head)
    body = joined(rows) if grouped else tag("tbody", joined(rows))
    top = [tag("caption", caption)] if caption else []
    inner = tag("table", *top, tag("thead", tag("tr", heads)), body)
    kind = "wide figures" if FIGURES[1] in head else "wide"
    return tag("div", inner, class_=kind, role="region", aria_label=named, tabindex="0")


def group(head: str, width: int, rows: Sequence[str], total: bool = False) -> Markup:
    """Rows of several systems under the name of what they share."""
    first = tag("tr", tag("th", head, scope="rowgroup", colspan=width))
    return tag("tbody", first, *rows, class_="group total" if total else "group")


def code(scorer: str) -> Markup:
    """The name of a scorer, which may break between its words."""
    words = scorer.replace("/", "/\n").replace(".", ".\n").split("\n")
    return tag("code", joined(part for n, word in enumerate(words) for part in ([tag("wbr")] if n else []) + [word]))


def scores(systems: Sequence[System], protocol_note: str) -> Markup:
    """Every scorer by system: mean, interval, n, unscored. Those that have no value anywhere are folded away."""
    held = valued(systems)
    silent = [name for name in scorers(systems) if name not in held]
    shown_first = _scores(systems, held, protocol_note, "Scores") if held else Markup("")
    if not silent:
        return shown_first
    told = f"{len(silent)} scorers without any value; the reasons stand under “Not scored”"
    return joined([shown_first, tag("details", tag("summary", told), _scores(systems, silent, "", "Without a value"))])


def _scores(systems: Sequence[System], names: Sequence[str], caption: str, called: str) -> Markup:
    if len(systems) == 1:
        rows = [
            tag("tr", tag("th", _scorer(name), scope="row"), *_figures(systems[0].estimates[name]["all"]))
            for name in names
        ]
        return table(caption, ["scorer", *FIGURES], rows, called)
    groups: list[Markup] = []
    for name in names:
        found = [system.estimates.get(name, {}).get("all") for system in systems]
        rows = [tag("tr", _system(systems, n), *_figures(one)) for n, one in enumerate(found)]
        groups.append(group(_scorer(name), 1 + len(FIGURES), rows))
    return table(caption, ["system", *FIGURES], groups, called, grouped=True)


def together(systems: Sequence[System]) -> Markup:
    """The figures of the benchmark's own table, by system; nothing where it only takes plain means."""
    found = [{one.name: one for one in system.totals} for system in systems]
    groups: list[Markup] = []
    for name in dict.fromkeys(name for held in found for name in held):
        rows = [
            tag("tr", _system(systems, n), *_figures(held[name].estimate if name in held else None))
            for n, held in enumerate(found)
        ]
        why = dict.fromkeys(held[name].lacks for held in found if name in held and held[name].lacks)
        head = joined([code(name), *(tag("small", one) for one in why)])
        groups.append(group(head, 1 + len(FIGURES), rows))
    if not groups:
        return Markup("")
    first = systems[0]
    caption = f"As {first.title} puts its scores together. Protocol {first.protocol}."
    return table(caption, ["system", *FIGURES], groups, "Put together", grouped=True)


def _scorer(name: str) -> Markup:
    known, sign = scorer_of(name), arrow(name)
    way = tag("span", sign, class_="way", title=direction(name), role="img", aria_label=direction(name)) if sign else ""
    return joined([code(name), " ", way, tag("small", known.means) if known else ""])


def _system(systems: Sequence[System], n: int) -> Markup:
    return tag("th", key(n), systems[n].name, class_="system", scope="row")


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


def differences(systems: Sequence[System]) -> Markup:
    """Every further system against the first, paired by turn, on the scorers that both have."""
    first, found = systems[0], list[tuple[str, int, Difference]]()
    for n, other in enumerate(systems[1:], 1):
        for name in [name for name in valued([first]) if name in valued([other])]:
            try:
                found.append((name, n, compare(other.results, first.results, name)))
            except BadInput as error:
                return tag("p", f"{other.name} and {first.name} are not compared: {error}", class_="warn")
    adjusted = holm([one.p for _, _, one in found])
    rows: list[Markup] = []
    for (name, n, one), p in zip(found, adjusted):
        mean, interval = shown(one.estimate)
        figures = [mean, interval, str(one.estimate.n), chance(one.p), chance(p)]
        which = _which(systems, n) if len(systems) > 2 else []
        cells = [tag("td", figure.replace("-", "−"), class_="n") for figure in figures]
        rows.append(tag("tr", tag("th", code(name), f" {arrow(name)}", scope="row"), *which, *cells))
    many = f"{len(found)} comparisons, p adjusted for their number by Holm's method"
    minus = "System" if len(systems) > 2 else systems[1].name
    caption = (
        f"{minus} minus {first.name}, paired on common cases; signs flipped by source; {many}. "
        f"Protocol {first.protocol}."
    )
    head = ["scorer", *(["system"] if len(systems) > 2 else []), "difference", *FIGURES[1:3], "p", "p (Holm)"]
    return table(caption, head, rows, "Differences")


def categories(systems: Sequence[System], scorer: str) -> Markup:
    """A bar for every category and system, with its interval, on one axis from zero."""
    asked = [system.estimates.get(scorer, {}) for system in systems]
    names = [*sorted({name for one in asked for name in one} - {"all"}), "all"]
    ends = [x for one in asked for e in one.values() for x in (e.mean, e.low, e.high) if not isnan(x)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    body: list[Markup] = []
    for name in names:
        title = name or "(none)"
        drawn = [tag("td", bar(one.get(name), low, high, n), class_="bars") for n, one in enumerate(asked)]
        figures = [_figures(one.get(name)) for one in asked]
        if len(systems) == 1:
            head = tag("th", title, scope="row", dir="auto")
            body.append(tag("tr", head, drawn[0], *figures[0], class_="total" if name == "all" else None))
        else:
            rows = [tag("tr", _system(systems, n), drawn[n], *figures[n]) for n in range(len(systems))]
            body.append(group(title, 2 + len(FIGURES), rows, name == "all"))
    head = ["category" if len(systems) == 1 else "system", f"{low:.3g} to {high:.3g}", *FIGURES]
    way = f", {direction(scorer)}" if direction(scorer) else ""
    caption = f"{scorer} by category{way}; whiskers are 95 % intervals. Protocol {systems[0].protocol}."
    return table(caption, head, body, f"{scorer} by category", len(systems) > 1)


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
        tag("tr", *_which(systems, n), tag("td", gap.reason, dir="auto"), _asked(gap, system), _turns(gap, system))
        for n, system in enumerate(systems)
        for gap in gaps(system)
    ]
    if not rows:
        return tag("p", "Everything that was asked could be scored.")
    head = [*(["system"] if len(systems) > 1 else []), "reason", "scorers", "cases"]
    return table("What could not be scored, and why. It is in no mean.", head, rows, "Not scored")


def _which(systems: Sequence[System], n: int) -> list[Markup]:
    """The system of a row, where there are several."""
    return [_system(systems, n)] if len(systems) > 1 else []


def _asked(gap: Gap, system: System) -> Markup:
    every = scorers([system])
    if len(gap.scorers) == len(every) > 1:
        return tag("td", f"all {len(every)}")
    return tag("td", joined(_between([code(name) for name in gap.scorers])))


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
    found = [(n, *row) for n in range(len(systems)) for row in ours(systems[n], others)]
    rows = [tag("tr", joined(_ours(systems, *row)), class_="ours") for row in found]
    near = any(one.near for _, _, columns in found for column in columns for one in column)
    for name, figures in others.rows.items():
        remarks = [*(["told by a third party"] if name in others.second_hand else [])]
        remarks += [others.remarks[name]] if name in others.remarks else []
        cells = [tag("td", x, class_="n") for x in figures]
        mark = tag("td", tag("span", "≠ not comparable" if apart else "= same protocol", class_="badge"))
        told = tag("small", "; ".join(remarks)) if remarks else ""
        row = [tag("th", name, told, scope="row"), mark, *cells]
        rows.append(tag("tr", joined(row), class_="apart" if apart else None))
    caption = joined([
        tag("strong", f"Not comparable with ours: {apart}. " if apart else f"Protocol {others.protocol}. "),
        f"Source: {others.source}. How: {others.how}. The authors give no intervals.",
        f" {APPROX}" if near else "",
    ])  # fmt: skip
    return table(caption, ["system", "beside ours", *others.columns], rows, f"Published, {others.protocol}")


def _ours(systems: Sequence[System], n: int, label: str, columns: Sequence[Sequence[Ours]]) -> list[Markup]:
    head = tag("th", *([key(n)] if len(systems) > 1 else []), systems[n].name, tag("small", label), scope="row")
    cells = [head, tag("td", "this page")]
    for column in columns:
        parts: list[Markup | str] = []
        for one in column:
            mean, interval = shown(one.estimate)
            parts += [one.sign + mean, tag("small", f"{interval}, n {one.estimate.n}{one.who}")]
        cells.append(tag("td", *(parts or ["–"]), class_="n"))
    return cells
