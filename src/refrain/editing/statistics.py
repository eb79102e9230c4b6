"""Small statistics: what a mean of few is worth, how two orders agree, and a curve read between its points."""

import math

import torch
from torch import Tensor

ROUNDS = 400  # of the bootstrap


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with `freedom` degrees: the half-width of a 95 % interval, in standard errors.

    Exact for one and two degrees, else Fisher's expansion, which is within 0.01 from three on.
    """
    if freedom == 1:
        return math.tan(math.pi * 0.475)
    if freedom == 2:
        return 0.95 / math.sqrt(2 * 0.975 * 0.025)
    z, v = 1.959963985, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def by_edit(values: Tensor, edits: Tensor) -> Tensor:
    """Means [E, ...] of values [S, ...] of the same edit; edits: [S] numbers 0 .. E - 1, each there at least once."""
    count = int(edits.max()) + 1
    return torch.stack([values[edits == n].mean(0) for n in range(count)])


def half_width(values: Tensor) -> Tensor:
    """The half-width [...] of the 95 % interval of the mean of values [E, ...] along the first axis, E at least 2."""
    count = values.shape[0]
    return student(count - 1) * values.std(0) / math.sqrt(count)


def interval(values: Tensor, edits: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The 95 % interval (low [W], high [W]) of the mean of values [S, C, W], by bootstrap.

    Edits, the samples within each, and columns (the heads of all layers) are drawn anew with replacement, apart from
    one another (the pigeonhole bootstrap, Owen 2007, arXiv 0712.1111), so that none of the three passes for certain.
    """
    generator = torch.Generator().manual_seed(seed)
    samples, columns = values.shape[:2]
    count = int(edits.max()) + 1
    heavy = torch.zeros(ROUNDS, samples)
    times = _drawn(count, generator)  # [rounds, E]
    for n in range(count):
        here = (edits == n).nonzero().flatten()
        heavy[:, here] = times[:, n : n + 1] * _drawn(len(here), generator) / len(here)
    heads = _drawn(columns, generator)
    means = torch.einsum("bs,scw,bc->bw", heavy / heavy.sum(1, keepdim=True), values.float(), heads / columns)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975]), dim=0)
    return low, high


def _drawn(count: int, generator: torch.Generator) -> Tensor:
    """How often [rounds, count] each of `count` is drawn in as many draws."""
    drawn = torch.randint(count, (ROUNDS, count), generator=generator)
    return torch.zeros(ROUNDS, count).scatter_add_(1, drawn, torch.ones(ROUNDS, count))


def spearman(a: Tensor, b: Tensor) -> Tensor:
    """Spearman's correlation [...] of a and b [..., N]; equals share their mean rank; 0 where one does not vary."""
    x, y = (ranks(v) - (v.shape[-1] - 1) / 2 for v in (a, b))
    both = (x * y).sum(-1)
    return both / (x.square().sum(-1) * y.square().sum(-1)).sqrt().clamp(min=1e-12)


def ranks(values: Tensor) -> Tensor:
    """Ranks [..., N] from 0, ascending; equal values share the mean of theirs."""
    less = (values[..., None, :] < values[..., :, None]).sum(-1).float()
    same = (values[..., None, :] == values[..., :, None]).sum(-1).float()
    return less + (same - 1) / 2


def at_cost(costs: Tensor, errors: Tensor, cost: float) -> float:
    """The error at a cost, from a curve's points [K] in order of cost; logarithms of both run straight between them.

    Outside the curve its end is taken. Points without error count as 1e-9.
    """
    x, y = costs.double().log(), errors.double().clamp(min=1e-9).log()
    at = math.log(cost)
    place = int(torch.searchsorted(x, torch.tensor(at).double()).clamp(1, len(x) - 1))
    span = float(x[place] - x[place - 1])
    part = min(max((at - float(x[place - 1])) / span, 0.0), 1.0) if span > 0 else 1.0
    return math.exp(float(y[place - 1]) * (1 - part) + float(y[place]) * part)
