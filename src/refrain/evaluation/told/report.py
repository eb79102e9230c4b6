"""Tables in Markdown. No figure stands without its interval and its n, and every table names its protocol."""

from collections.abc import Mapping, Sequence
from math import floor, isnan, log10

from refrain.errors import BadInput
from refrain.evaluation.statistics import Difference, Estimate, holm

FOOT = "Intervals are 95 %, by bootstrap over sources; rates of independent cases, or all alike, by Wilson."


def cell(found: Estimate) -> str:
    """An estimate as text: mean, interval, n, and how many could not be scored; two figures of the interval's half."""
    lost = f", {found.unscored} unscored" if found.unscored else ""
    if found.n == 0 or isnan(found.mean):
        return f"– (n {found.n}{lost})"
    if isnan(found.low):
        return (
            f"{found.mean:.3g} (no interval of {found.sources} source{'s' * (found.sources != 1)}, n {found.n}{lost})"
        )
    mean, interval = shown(found)
    return f"{mean} ({interval}, n {found.n}{lost})"


def shown(found: Estimate) -> tuple[str, str]:
    """Mean and interval as text, to two figures of the interval's half; a dash for what there is not."""
    if found.n == 0 or isnan(found.mean):
        return "–", "–"
    if isnan(found.low):
        return f"{found.mean:.3g}", "–"
    half = (found.high - found.low) / 2
    places = min(4, max(0, 1 - floor(log10(half)))) if half > 0 else 3
    return f"{found.mean:.{places}f}", f"{found.low:.{places}f} to {found.high:.{places}f}"


def table(
    protocol: str, columns: Sequence[str], rows: Mapping[str, Sequence[Estimate]], one_figure: bool = True
) -> str:
    """A table of estimates, one row a system, category or figure, under its protocol, such as `imgedit/strict`.

    one_figure: whether a column holds one figure, so that the least difference that it could show can stand at the
    foot; not where its rows are of several scorers. Raises BadInput where a row is not full or the protocol not named.
    """
    if protocol.count("/") != 1 or not all(protocol.split("/")):
        raise BadInput(f"A table needs its protocol, such as imgedit/strict, not {protocol!r}.")
    for name, row in rows.items():
        if len(row) != len(columns):
            raise BadInput(f"The row {name} has {len(row)} figures for {len(columns)} columns; give one for each.")
    lines = [_line(["", *columns]), _line(["---"] * (len(columns) + 1))]
    lines += [_line([name, *map(cell, row)]) for name, row in rows.items()]
    errors = [[row[n].detectable for row in rows.values() if not isnan(row[n].error)] for n in range(len(columns))]
    least = [f"{name} {max(held):.2g}" for name, held in zip(columns, errors) if held and one_figure]
    shown = f" Least difference that would show (unpaired, 80 % power): {', '.join(least)}." if least else ""
    return "\n".join([*lines, "", f"Protocol {protocol}. {FOOT}{shown}"])


def comparison(protocol: str, pairs: Mapping[str, Difference]) -> str:
    """A table of paired differences, named like "a − b", with p adjusted for their number."""
    if protocol.count("/") != 1:
        raise BadInput(f"A table needs its protocol, such as imgedit/strict, not {protocol!r}.")
    adjusted = holm([found.p for found in pairs.values()])
    lines = [_line(["", "difference", "p", "p (Holm)"]), _line(["---"] * 4)]
    for (name, found), p in zip(pairs.items(), adjusted):
        lines.append(_line([name, cell(found.estimate), chance(found.p), chance(p)]))
    many = f"{len(pairs)} comparisons, p adjusted for their number by Holm's method"
    return "\n".join(
        [*lines, "", f"Protocol {protocol}. {FOOT} Paired on common cases; signs flipped by source; {many}."]
    )


def chance(p: float) -> str:
    """A p-value as text."""
    return "–" if isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', '/').replace(chr(10), ' ') for text in cells)} |"
