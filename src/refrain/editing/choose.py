"""From what was measured to budgets for an error, and to curves of error against cost."""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from math import isnan
from typing import Literal

import torch
from torch import Tensor

from refrain.errors import BadInput

from .calibrate import BENT, BENT_BESIDE, BESIDE, ISA, PUBLISHED, Measured
from .statistics import at_cost, by_edit, half_width, interval


@dataclass(frozen=True)
class Point:
    """A way, over all samples and heads: its cost over dense attention's, and its error (rms of the difference over
    rms of the answer, of each head): mean with its 95 % interval, median, and root of the mean square."""

    at: float
    cost: float
    error: float
    low: float
    high: float
    median: float
    rms: float


@dataclass(frozen=True, eq=False)
class Choice:
    """Budgets for an error. keep, error, sure: [L, H] the share kept, its mean error, and that with its half-width.

    cost, reached: of all heads together, mean over the samples. neighbours: as in `Isa`.
    """

    neighbours: bool
    keep: Tensor
    error: Tensor
    sure: Tensor
    cost: float
    reached: float

    @property
    def budgets(self) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(float(x) for x in layer) for layer in self.keep)


def choose(measured: Measured, error: float, order: Literal[0, 1] = 0) -> Choice:
    """For every head the least measured keep whose error is at most `error`, and that of every larger keep too.

    An error counts with the half-width of its 95 % interval over edits. Between the keeps that were measured nothing is
    promised, so none is chosen. Whatever is kept whole errs by nothing: there is always a choice. With neighbours
    before others or without, whichever costs less.
    """
    if not error > 0:
        raise BadInput(f"The error must be above 0, such as 0.02, not {error}.")
    families = (BENT, BENT_BESIDE) if order else (ISA, BESIDE)
    found = [_chosen(measured, error, family) for family in families if measured.of(family)]
    if not found:
        raise BadInput(f"Nothing was measured of Isa at order {order}.")
    return min(found, key=lambda choice: choice.cost)


def _chosen(measured: Measured, error: float, family: str) -> Choice:
    numbers = measured.of(family)
    keeps = torch.tensor([measured.ways[n].at for n in numbers])
    if keeps[-1] != 1:
        raise BadInput(f"The curve `{family}` must end where all is kept.")
    errors = by_edit(measured.error[..., numbers], measured.edits)  # [E, L, H, K]
    mean = errors.mean(0)
    sure = mean + half_width(errors)
    worst = sure.flip(-1).cummax(-1).values.flip(-1)  # [L, H, K] of this keep and of all larger ones
    fits = worst <= error
    fits[..., -1] = True
    index = fits.float().argmax(-1, keepdim=True)  # the first that fits
    taken = index.expand(len(measured.edits), *index.shape)
    cost = measured.cost[..., numbers].gather(-1, taken).mean()
    return Choice(
        measured.ways[numbers[0]].spec.neighbours, keeps[index[..., 0]], mean.gather(-1, index)[..., 0],
        sure.gather(-1, index)[..., 0], float(cost), float(mean.gather(-1, index).mean()),
    )  # fmt: skip


def curve(measured: Measured, family: str) -> tuple[Point, ...]:
    """A family's points, in the order of what varies along it."""
    numbers = measured.of(family)
    errors, costs = (x[..., numbers].flatten(1, 2) for x in (measured.error, measured.cost))  # [S, L H, K]
    low, high = interval(errors, measured.edits)
    every = errors.flatten(0, 1)  # [S L H, K]
    return tuple(
        Point(
            measured.ways[n].at, float(costs[..., k].mean()), float(every[:, k].mean()), float(low[k]), float(high[k]),
            float(every[:, k].median()), float(every[:, k].square().mean().sqrt()),
        )
        for k, n in enumerate(numbers)
    )  # fmt: skip


@dataclass(frozen=True)
class Duel:
    """The published preset against `Isa()` at the cost of the published one, read from the curve: mean and rms."""

    cost: float
    published: float
    isa: float
    published_rms: float
    isa_rms: float

    @property
    def ratio(self) -> float:
        """How much of the published preset's error is left, rms."""
        return self.isa_rms / self.published_rms


def duel(measured: Measured, family: str = ISA) -> Duel:
    """Both at one cost."""
    was, points = curve(measured, PUBLISHED)[0], curve(measured, family)
    costs = torch.tensor([p.cost for p in points])
    mean, rms = (torch.tensor([getattr(p, name) for p in points]) for name in ("error", "rms"))
    return Duel(was.cost, was.error, at_cost(costs, mean, was.cost), was.rms, at_cost(costs, rms, was.cost))


def nearest(points: Ordered[Point], cost: float) -> Point:
    """The dearest point of a curve that costs no more, or its cheapest."""
    within = [p for p in points if p.cost <= cost]
    return max(within, key=lambda p: p.cost) if within else min(points, key=lambda p: p.cost)


def context_mass(measured: Measured) -> Tensor:
    """[L, H]: the share of attention that falls on clean keys, mean over edits."""
    return by_edit(measured.context, measured.edits).mean(0)


def sharpness(measured: Measured) -> dict[str, dict[str, float | None]]:
    """What a query tile's sharpness says of its error: Spearman's correlation (mean over samples and heads), the share
    of heads where it is negative, and the rms error of the less sharp and of the sharper half of the tiles over that of
    all. None where there are too few tiles to say.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name, at in (("published without its dense half", 0), ("isa at 1/8", 3)):
        part = measured.ranks[..., at : at + 3]  # [S, L, H, 3]
        rank, dull, sharp = (float(x) for x in part.nanmean((0, 1, 2)))
        negative = float((part[..., 0].nanmean(0) < 0).float().mean())
        told = {"spearman": rank, "heads_negative": negative, "less_sharp": dull, "sharper": sharp}
        found[name] = {key: None if isnan(value) else float(f"{value:.3g}") for key, value in told.items()}
    return found


def trust(measured: Measured) -> dict[str, float]:
    """What estimate and bound of `Isa()` are worth: means over samples and heads of what `Measured.trust` holds."""
    names = ("estimate_spearman", "bound_spearman", "estimate_over_error", "bound_over_error", "above_bound")
    found = measured.trust.flatten(0, 2)  # [S L H, 5]
    told = [*found[:, :2].mean(0), *found[:, 2:4].median(0).values, found[:, 4].mean()]
    return {name: float(f"{float(value):.3g}") for name, value in zip(names, told)}
