"""How far two judges, or a judge and people, say the same: Cohen's kappa, Krippendorff's alpha, Spearman's rho.

Scores that one of them could not give (NaN) are left out where the other's is alone.
"""

from collections.abc import Callable, Sequence
from math import isnan, nan
from typing import Literal

import numpy as np

from refrain.errors import BadInput

Weight = Literal["equal", "quadratic"]
Scale = Literal["nominal", "ordinal", "interval"]
ROUNDS, FEWEST = 400, 5  # of the bootstrap; sources below which it says nothing


def kappa(one: Sequence[float], other: Sequence[float], weight: Weight = "quadratic") -> float:
    """Cohen's kappa (1960; weighted, 1968): 1 is agreement, 0 what chance gives; NaN where it is undefined.

    equal: any two different scores disagree alike, as names do; quadratic: by the square of their distance.
    """
    a, b = _paired(one, other)
    if len(a) == 0:
        return nan
    apart = _nominal if weight == "equal" else _interval
    seen, chance = apart(a, b).mean(), apart(a[:, None], b[None, :]).mean()
    return nan if chance == 0 else float(1 - seen / chance)


def alpha(judges: Sequence[Sequence[float]], scale: Scale = "interval") -> float:
    """Krippendorff's alpha (2011) of two judges or more over the same items, NaN where a judge has none.

    nominal: names; ordinal: ranks; interval: numbers. NaN where nothing varies or no item has two scores.
    """
    table = np.array(_whole(judges), float)  # [judges, items]
    table = table[:, (~np.isnan(table)).sum(0) > 1]
    values, places = np.unique(table[~np.isnan(table)], return_inverse=True)
    if len(values) < 2:
        return nan
    index = np.full(table.shape, -1)
    index[~np.isnan(table)] = places
    counts = np.stack([(index == n).sum(0) for n in range(len(values))])  # [values, items]
    pairs = ((counts / (counts.sum(0) - 1)) @ counts.T) - np.diag((counts / (counts.sum(0) - 1)).sum(1))  # coincidences
    totals = pairs.sum(1)
    if scale == "ordinal":
        ranks = np.cumsum(totals) - totals / 2
        apart = _interval(ranks[:, None], ranks[None, :])
    else:
        apart = (_interval if scale == "interval" else _nominal)(values[:, None], values[None, :])
    chance = (np.outer(totals, totals) * apart).sum() / (totals.sum() - 1)
    return nan if chance == 0 else float(1 - (pairs * apart).sum() / chance)


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation (1904), ties at their mean rank; NaN where one of them never varies."""
    a, b = (_ranks(values) for values in _paired(one, other))
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return nan
    return float(((a - a.mean()) * (b - b.mean())).mean() / (a.std() * b.std()))


def equal(one: Sequence[float], other: Sequence[float]) -> float:
    """The share of items to which both gave the same score; NaN of none."""
    a, b = _paired(one, other)
    return float((a == b).mean()) if len(a) else nan


def between(
    measure: Callable[[Sequence[float], Sequence[float]], float],
    one: Sequence[float],
    other: Sequence[float],
    parents: Sequence[str],
    seed: int = 0,
) -> tuple[float, float]:
    """The 95 % interval of a measure of agreement, sources drawn anew with replacement; NaN below five sources."""
    names = list(dict.fromkeys(parents))
    if len(names) < FEWEST:
        return nan, nan
    places = {name: [n for n, parent in enumerate(parents) if parent == name] for name in names}
    rng, found = np.random.default_rng(seed), list[float]()
    for _ in range(ROUNDS):
        held = [n for name in rng.choice(names, len(names)) for n in places[name]]
        found.append(measure([one[n] for n in held], [other[n] for n in held]))
    known = [value for value in found if not isnan(value)]
    if len(known) < ROUNDS / 2:
        return nan, nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _paired(one: Sequence[float], other: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(a, b) for a, b in zip(*_whole([one, other])) if not isnan(a) and not isnan(b)]
    return np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])


def _whole(judges: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    if len(judges) < 2 or len({len(scores) for scores in judges}) > 1:
        raise BadInput("Agreement is of two judges or more over the same items, in one order; give one score for each.")
    return judges


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def _nominal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a != b).astype(float)


def _interval(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.square(a - b)
