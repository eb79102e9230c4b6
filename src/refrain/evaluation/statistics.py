"""What a mean of few is worth: intervals that draw sources, not cases; paired tests; corrections for many of them.

Edits of one source are not independent, so everything here draws whole sources ("parents") with replacement. NaN is
what could not be scored: it is left out and counted. Generators are seeded by the caller, never shared.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import erfc, isfinite, isinf, nan, sqrt

import numpy as np

from refrain.editing.statistics import student
from refrain.errors import BadInput

ROUNDS = 4000  # of the bootstrap and of random sign flips
EXACT = 12  # up to so many sources, all sign flips are tried


@dataclass(frozen=True)
class Estimate:
    """A mean, its 95 % interval, and of how many.

    n: scored values; sources: parents among them; unscored: values that are NaN; error: standard error of the mean.
    """

    mean: float
    low: float
    high: float
    n: int
    sources: int
    unscored: int = 0
    error: float = nan

    @property
    def detectable(self) -> float:
        """The least true difference from zero that such a mean would show in four of five trials: 2.8 errors."""
        return 2.8 * self.error


@dataclass(frozen=True)
class Difference:
    """System A minus system B on the cases that both have scored. p: of the sign-flip test that they are equal."""

    estimate: Estimate
    p: float


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson, 1927)."""
    if of == 0:
        return nan, nan
    p, n = right / of, of
    middle, half = (
        (p + z * z / (2 * n)) / (1 + z * z / n),
        z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n),
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def rate(outcomes: Sequence[float], parents: Sequence[str], seed: int = 0) -> Estimate:
    """A share of successes (1 or 0; NaN is unscored), with its 95 % interval.

    Wilson's where every case has its own source, else the bootstrap's. Where all outcomes are one, drawing them anew
    finds no other, and the interval is Wilson's of as many cases as there are sources. Raises BadInput for others.
    """
    if any(value not in (0, 1) and value == value for value in outcomes):
        raise BadInput("A rate is of outcomes that are 0, 1 or NaN; give a mean of other values to `estimate`.")
    found = estimate(outcomes, parents, seed=seed)
    if found.n == 0 or (found.sources < found.n and 0 < found.mean < 1):
        return found
    low, high = wilson(round(found.mean * found.sources), found.sources)
    error = found.error or (high - low) / (2 * 1.96)
    return Estimate(found.mean, low, high, found.n, found.sources, found.unscored, error)


def estimate(
    values: Sequence[float], parents: Sequence[str], categories: Sequence[str] | None = None, seed: int = 0
) -> Estimate:
    """The mean of values, or with categories the mean of the categories' means, with its 95 % interval.

    Sources are drawn anew with replacement (the cluster bootstrap); a draw that leaves a category empty is drawn away.
    Percentiles are expanded for few sources (Hesterberg, arXiv 1411.5279, 3.2). Below two sources there is no interval.
    Raises BadInput for an infinite value, which no mean can hold, and for lists of unequal lengths.
    """
    sums, counts, unscored = _by_source(values, parents, categories)
    n, sources = int(counts.sum()), len(counts)
    if n == 0 or (counts.sum(0) == 0).any():
        return Estimate(nan, nan, nan, n, sources, unscored)
    mean = float((sums.sum(0) / counts.sum(0)).mean())
    if sources < 2:
        return Estimate(mean, nan, nan, n, sources, unscored)
    times = np.random.default_rng(seed).multinomial(sources, np.full(sources, 1 / sources), ROUNDS)  # [rounds, G]
    drawn = times @ counts  # [rounds, C]
    full = (drawn > 0).all(1)
    if full.mean() < 0.5:
        return Estimate(mean, nan, nan, n, sources, unscored)
    means = ((times[full] @ sums) / drawn[full]).mean(1)
    wide = sqrt(sources / (sources - 1))
    tail = erfc(wide * student(sources - 1) / sqrt(2)) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), n, sources, unscored, wide * float(means.std()))


def difference(
    one: Sequence[float],
    other: Sequence[float],
    parents: Sequence[str],
    categories: Sequence[str] | None = None,
    seed: int = 0,
) -> Difference:
    """The mean difference of two systems on the same cases, in the same order.

    p is two-sided, of a permutation test that flips the sign of all differences of a source at once: exact up to 12
    sources, else of 4000 random flips with the observed one among them.
    """
    apart = [a - b for a, b in zip(one, other, strict=True)]
    found = estimate(apart, parents, categories, seed)
    sums, counts, _ = _by_source(apart, parents, categories)
    if found.n == 0 or (counts.sum(0) == 0).any():
        return Difference(found, nan)
    parts = (sums / counts.sum(0)).mean(1)  # [G]: what each source adds to the mean
    if len(parts) <= EXACT:
        signs = 1 - 2 * ((np.arange(2 ** len(parts))[:, None] >> np.arange(len(parts))) & 1)  # [2^G, G]
    else:
        signs = np.random.default_rng(seed + 1).choice([-1, 1], (ROUNDS, len(parts)))
        signs[0] = 1
    return Difference(found, float((np.abs(signs @ parts) >= abs(parts.sum()) * (1 - 1e-12) - 1e-15).mean()))


def holm(ps: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm, 1979); NaN stays NaN and is not counted."""
    order = sorted((n for n, p in enumerate(ps) if p == p), key=lambda n: ps[n])
    found, least = [nan] * len(ps), 0.0
    for rank, n in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * ps[n]))
        found[n] = least
    return found


def _by_source(
    values: Sequence[float], parents: Sequence[str], categories: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Sums and counts [G, C] of scored values by source and category, and how many are unscored."""
    kinds = ["" for _ in values] if categories is None else categories
    if not len(values) == len(parents) == len(kinds):
        raise BadInput(f"{len(values)} values have {len(parents)} parents and {len(kinds)} categories; give one each.")
    if any(isinf(value) for value in values):
        raise BadInput("A score is infinite, and no mean can hold it; score with a cap.")
    scored = [n for n, value in enumerate(values) if value == value]
    rows = {name: n for n, name in enumerate(dict.fromkeys(parents[n] for n in scored))}
    columns = {name: n for n, name in enumerate(dict.fromkeys(kinds))}
    sums, counts = (np.zeros((len(rows), len(columns))) for _ in range(2))  # [G, C]
    for n in scored:
        place = rows[parents[n]], columns[kinds[n]]
        sums[place] += values[n]
        counts[place] += 1
    return sums, counts, len(values) - len(scored)


def mean_of(values: Iterable[float]) -> tuple[float, float, int]:
    """Mean of the numbers that are finite, half of its 95 % interval (normal), and how many they are."""
    held = np.array([v for v in values if isfinite(v)])
    if len(held) == 0:
        return nan, nan, 0
    half = 1.96 * float(held.std(ddof=1)) / sqrt(len(held)) if len(held) > 1 else nan
    return float(held.mean()), half, len(held)
