"""Figures of attention as a person reads them: a table, the goals, a sweep beside its law, and JSON."""

import math
from collections.abc import Sequence as Ordered
from dataclasses import asdict

from refrain.attention import Isa
from refrain.cli.bench_attention import SDPA, Figure, Setup, share_of
from refrain.cli.bench_heads import KINDS

SLOTS = 64  # tokens that one mean stands for, in the law of cost
GOAL, GOAL_TOKENS, GOAL_WIDTH = 4.0, 8192, 128  # over SDPA, forward, with memory, at keep 1/8, on two cores

SPEED = ("way", "ms", "cpu ms", "×", "× cpu", "exact", "cost", "GF/s")
ERROR = ("rms error by kind of head", *KINDS)


def speed_rows(figures: Ordered[Figure]) -> list[list[str]]:
    """Figures as the cells of a table under `SPEED`; those that were refused are left out."""
    return [
        [
            f.way.name, f"{1e3 * f.seconds:.1f}", f"{1e3 * f.busy:.1f}", f"{f.times:.2f}",
            f"{f.times_busy:.2f}", f"{f.exact:.3f}", f"{f.cost:.3f}", f"{f.rate / 1e9:.0f}",
        ]
        for f in figures if not f.refused
    ]  # fmt: skip


def error_rows(figures: Ordered[Figure]) -> list[list[str]]:
    """The same under `ERROR`."""
    return [[f.way.name, *(f"{f.errors[kind]:.4f}" for kind in KINDS)] for f in figures if f.errors]


def told_of(setup: Setup, swept: bool = False) -> str:
    """One line: what is attended to."""
    asks = "the target asks" if setup.memory else "the whole row asks"
    sizes = "target + source of equal length" if swept else f"{setup.sizes} tokens"
    both = ", forward and backward" if setup.backward else ""
    return f"{sizes}, {setup.heads} x {setup.width}, {setup.dtype}, {setup.device}, {setup.rule}, {asks}{both}"


def remarks(figures: Ordered[Figure]) -> list[str]:
    """Why some ways have no figures, whose first call compiled, and which kernel `auto` took."""
    slow = [f"first call of {f.way.name}: {f.first:.1f} s" for f in figures if f.first > 1 + 10 * f.seconds]
    auto = sorted({f"auto is {f.kernel} here" for f in figures if f.kernel})
    return [f"no {f.way.name}: {f.refused}" for f in figures if f.refused] + slow + auto


def goals(setup: Setup, figures: Ordered[Figure]) -> list[str]:
    """The best kernel at each share over SDPA; beside the goal, where the setting is the goal's."""
    sdpa = next((f for f in figures if f.way == SDPA and not f.refused), None)
    plain = [f for f in figures if f.way.plain and not f.refused]
    lines: list[str] = []
    for keep in sorted({f.way.spec.keep for f in plain if isinstance(f.way.spec, Isa)}, reverse=True):  # type: ignore[type-var]
        best = min(
            (f for f in plain if isinstance(f.way.spec, Isa) and f.way.spec.keep == keep), key=lambda f: f.seconds
        )
        if sdpa is not None:
            is_goal = keep == 1 / 8 and _is_goal(setup)
            lines.append(
                f"SDPA / {best.way.name}, {setup.dtype}: {sdpa.seconds / best.seconds:.2f} by the clock, "
                f"{sdpa.busy / max(best.busy, 1e-9):.2f} by the processor, {1 / best.cost:.2f} by FLOPs"
                + (f"; goal: at least {GOAL:.2f}, on two cores" if is_goal else "")
            )
    return lines


def _is_goal(setup: Setup) -> bool:
    tokens = {math.prod(setup.sizes.target), math.prod(setup.sizes.context)}
    return (
        tokens == {GOAL_TOKENS} and setup.width == GOAL_WIDTH and setup.memory
        and not setup.backward and setup.device == "cpu"
    )  # fmt: skip


def law(keep: float) -> float:
    """What `keep` should cost of dense attention: the exact tiles, and one key for each tile of the rest."""
    return keep + (1 - keep) / SLOTS


def crossover(points: Ordered[tuple[int, float]]) -> float | None:
    """The number of tokens from which on speed-ups (tokens, times) stay above 1; between two, along a straight line of
    logarithms. None where the last is not above 1; the first number where all are.
    """
    below = [n for n, (_, times) in enumerate(points) if times <= 1]
    if not points or len(points) - 1 in below:
        return None
    if not below:
        return points[0][0]
    (a, low), (b, high) = points[below[-1]], points[below[-1] + 1]
    low, high = (math.log(x) for x in (low, high))
    return a * (b / a) ** (-low / (high - low))


Swept = Ordered[tuple[int, Ordered[Figure]]]


def swept_table(swept: Swept) -> tuple[list[str], list[list[str]], list[str]]:
    """Head and cells of speed-ups by length, clock / processor, each share's limit beside them; then the crossovers."""
    names = [f.way.name for f in swept[0][1] if f.way.plain and not f.refused]
    keeps = list(dict.fromkeys(f.way.spec.keep for f in swept[0][1] if f.way.plain and isinstance(f.way.spec, Isa)))
    limits = [f"{share_of(keep)}: {1 / law(keep):.1f}" for keep in keeps if isinstance(keep, float)]
    cells: list[list[str]] = []
    for tokens, figures in swept:
        dense = min((f for f in figures if f.way.dense and not f.refused), key=lambda f: f.seconds)
        by = {f.way.name: f for f in figures}
        cells.append(
            [f"{tokens:,} + {tokens:,}", f"{1e3 * dense.seconds:.1f}", f"{1e3 * dense.busy:.1f}"]
            + [f"{by[name].times:.2f} / {by[name].times_busy:.2f}" for name in names]
        )
    lines = [f"limit by the law keep + (1 - keep) / {SLOTS}: {', '.join(limits)}"]
    for name in names:
        ours = [(tokens, next(f for f in figures if f.way.name == name)) for tokens, figures in swept]
        clock, busy = ([(n, getattr(f, what)) for n, f in ours] for what in ("times", "times_busy"))
        lines.append(
            f"{name} overtakes dense attention at {_at(crossover(clock))} target tokens by the clock, "
            f"{_at(crossover(busy))} by the processor"
        )
    return ["tokens", "dense ms", "cpu ms", *names], cells, lines


def _at(tokens: float | None) -> str:
    return "none of these" if tokens is None else f"about {tokens:,.0f}"


def facts(setup: Setup, measured: Swept) -> dict[str, object]:
    """All of it as JSON."""
    return {
        **asdict(setup),
        "lengths": [{"target_tokens": n, "ways": [_facts(f) for f in figures]} for n, figures in measured],
    }


def _facts(figure: Figure) -> dict[str, object]:
    return {**asdict(figure), "way": figure.way.name, "spec": repr(figure.way.spec)}
