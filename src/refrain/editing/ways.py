"""Many choices of attention, weighed against dense attention on the same queries, in one pass over the keys.

All that a choice can need of a query and a tile of keys is what exact attention to that tile would say, with what mass,
and what the tile's mean says, with what mass. Both are computed once; every choice then only mixes them.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from refrain.attention import Isa, Plan
from refrain.attention.isa.certificate import bound, estimate
from refrain.attention.isa.run import job_of
from refrain.attention.isa.select import EXACT, GONE, MEAN, pooled, select
from refrain.attention.isa.statistics import Means, mean, means_of
from refrain.attention.tiling import Tiling
from refrain.errors import BadInput

ROOM = 2**21  # numbers that may be held of what tiles say to queries


@dataclass(frozen=True)
class Way:
    """A choice to be weighed. family: the curve of which it is a point; at: what varies along that curve."""

    family: str
    at: float
    spec: Isa


@dataclass(frozen=True, eq=False)
class Weighed:
    """What W ways of one cut did to R tiles of the target's queries, of S slots, in H heads.

    wrong:   [W, H, R, S] squared norm of the difference from dense attention; 0 in empty slots.
    size:    [H, R, S] squared norm of dense attention's answer; 0 in empty slots.
    cost:    [W, H, R] multiplications over those of dense attention.
    context: [H, R, S] share of dense attention that falls on clean keys; 0 in empty slots.
    sharp:   [H, R] variance of the pooled mass over the noisy columns (LIVEditor, Algorithm 1, line 17).
    exact:   [W, H, R] tiles that were exact.
    lengths: [R] queries in each tile. numbers: [R] which tiles they are, among those of the plan's queries.
    """

    wrong: Tensor
    size: Tensor
    cost: Tensor
    context: Tensor
    sharp: Tensor
    exact: Tensor
    lengths: Tensor
    numbers: Tensor

    @property
    def error(self) -> Tensor:
        """[W, H]: rms of the difference over rms of dense attention's answer."""
        return (self.wrong.sum((2, 3)) / self.size.sum((1, 2))).sqrt()

    @property
    def costs(self) -> Tensor:
        """[W, H]: the share of dense attention's multiplications, all tiles together."""
        return (self.cost * self.lengths).sum(-1) / self.lengths.sum()


@torch.no_grad()
def weigh(q: Tensor, k: Tensor, v: Tensor, plan: Plan, ways: Ordered[Way], tiles: int = 0, seed: int = 0) -> Weighed:
    """Weigh ways that share one cut on q [1, Lq, H, D], k and v [1, Lk, H / G, D].

    Only the target's queries are asked: `tiles` tiles of them, drawn by `seed`; all of them for 0.
    """
    if len({way.spec.tile for way in ways}) != 1:
        raise BadInput("Ways that are weighed together need one cut; give those of one `tile`.")
    if q.shape[0] != 1:
        raise BadInput(f"Ways are weighed on one row at a time, not on a batch of {q.shape[0]}.")
    plan.check(q, k, v)
    if q.device.type == "mps":  # it has no float64
        q, k, v = (x.cpu() for x in (q, k, v))
    tiling = plan.tiling(ways[0].spec.tile, q.device)
    asked, (held, values) = tiling.queries.lay(q.float()), (tiling.keys.lay(x.float()) for x in (k, v))
    means = means_of(held, values, tiling.keys, max(way.spec.order for way in ways))
    rows = _drawn(tiling, tiles, seed)
    chosen = {spec: select(asked, means, tiling, spec)[0][:, rows] for spec in {_plain(way.spec) for way in ways}}
    state = torch.stack([chosen[_plain(way.spec)] for way in ways])  # [W, H, R, M]
    bends = torch.tensor([float(way.spec.order) for way in ways], device=q.device)
    shared = q.shape[2] // k.shape[2]
    heads = [
        _head(_Head(asked[0, h, rows], held[0, h // shared], values[0, h // shared], means, h // shared, tiling, rows),
              state[:, h], bends)
        for h in range(q.shape[2])
    ]  # fmt: skip
    wrong, size, context = (torch.stack([head[n] for head in heads], dim=int(n == 0)) for n in range(3))
    columns = tiling.noisy & tiling.sees[rows].any(0)
    sharp = pooled(mean(asked, tiling.queries), means, tiling)[0][:, rows][..., columns].var(-1, correction=0)
    return Weighed(
        wrong, size, cost_of(state, tiling, rows, bends, q.shape[3]), context, sharp, (state == EXACT).sum(-1),
        tiling.queries.lengths[rows], rows,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Certified:
    """Of some queries of the target: the true error, the likely one, and what it cannot exceed; norms [H, queries]."""

    error: Tensor
    estimate: Tensor
    bound: Tensor


@torch.no_grad()
def certify(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Isa, tiles: int, seed: int = 0) -> Certified:
    """The certificate of one way beside the truth, on `tiles` of the target's query tiles, drawn by `seed`."""
    q, k, v = q.float(), k.float(), v.float()
    found = weigh(q, k, v, plan, [Way("", 0, spec)], tiles, seed)
    job, rows = job_of(q, k, v, plan, spec), found.numbers
    asking = replace(job.asking, order=job.asking.order[rows], lengths=job.asking.lengths[rows])
    some = replace(job.tiling, queries=asking, sees=job.tiling.sees[rows])  # all that a certificate asks of a tiling
    part = replace(job, q=job.q[:, :, rows], state=job.state[:, :, rows], tiling=some)
    real = asking.filled
    return Certified(
        found.wrong[0][:, real].sqrt(), estimate(part)[0][:, real].float(), bound(part)[0][:, real].float()
    )


def cost_of(state: Tensor, tiling: Tiling, rows: Tensor, bends: Tensor, width: int) -> Tensor:
    """[W, H, R]: exact keys, one key a mean, and half a head's width for the slope of a segment that has means; over
    all visible keys. state: [W, H, R, M]; bends: [W] orders."""
    lengths = tiling.keys.lengths.float()
    rest = state == MEAN
    work = ((state == EXACT) * lengths).sum(-1) + rest.sum(-1)
    for number in range(int(tiling.keys.segment.max()) + 1):
        bent = rest[..., tiling.keys.segment == number].any(-1)
        work = work + bent * bends[:, None, None] * (width / 2)
    return work / (tiling.sees[rows] * lengths).sum(-1)


@dataclass(frozen=True, eq=False)
class _Head:
    """One head: q [R, S, D], k and v [M, S', D], and what belongs to them."""

    q: Tensor
    k: Tensor
    v: Tensor
    means: Means
    group: int
    tiling: Tiling
    rows: Tensor


def _head(head: _Head, state: Tensor, bends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """wrong [W, R, S], size [R, S] and context [R, S] of one head; state: [W, R, M]."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for part in _parts(head):
        sees = head.tiling.sees[head.rows[part]]  # [R, M]
        dense = torch.full_like(sees, EXACT, dtype=state.dtype).where(sees, GONE)
        told, clean = _mixed(head, part, torch.cat([dense[None], state[:, part]]), F.pad(bends, (1, 0)))
        real = head.tiling.queries.filled[head.rows[part]]  # [R, S]
        wrong = (told[1:] - told[0]).square().sum(-1) * real
        found.append((wrong.float(), (told[0].square().sum(-1) * real).float(), (clean * real).float()))
    wrong, size, context = zip(*found)
    return torch.cat(wrong, dim=1), torch.cat(size), torch.cat(context)


def _mixed(head: _Head, part: Tensor, state: Tensor, bends: Tensor) -> tuple[Tensor, Tensor]:
    """The answers [W, R, S, D] of all ways, whose states [W, R, M] do not differ within a query tile, and the share
    [R, S] of clean keys in the first; in float64, where what is not the largest mass does not vanish.
    """
    q = head.q[part] * head.q.shape[-1] ** -0.5  # [R, S, D]
    mass, said = true_tiles(q, head.k, head.v, head.tiling.keys.filled)
    mean_k, mean_v = head.means.k[0, head.group], head.means.v[0, head.group]
    coarse = q @ mean_k.T + head.tiling.keys.lengths.log()  # [R, S, M]
    top = torch.maximum(mass, coarse).amax(-1, keepdim=True)
    fine, rough = ((x - top).double().exp().transpose(1, 2) for x in (mass, coarse))  # [R, M, S]
    exact, rest = ((state == sort).double().transpose(0, 1) for sort in (EXACT, MEAN))  # [R, W, M]
    below = exact @ fine + rest @ rough  # [R, W, S]
    above = exact @ (fine[..., None] * said.transpose(1, 2)).flatten(2)
    above = above + rest @ (rough[..., None] * mean_v[:, None]).flatten(2)  # [R, W, S D]
    above = above.reshape(*below.shape, -1)
    if head.means.slope is not None and bool(bends.any()):
        for number, slope in enumerate(head.means.slope[0, head.group]):
            bent = (rest * (head.means.which == number)) @ rough * bends[:, None]  # [R, W, S]
            above = above + bent[..., None] * (q @ slope)[:, None]
    clean = (~head.tiling.noisy).double() @ (exact[:, 0, :, None] * fine) / below[:, 0]  # [R, S]
    return (above / below.clamp(min=1e-300)[..., None]).transpose(0, 1), clean


def true_tiles(q: Tensor, k: Tensor, v: Tensor, filled: Tensor) -> tuple[Tensor, Tensor]:
    """What exact attention says of every tile alone: log mass [R, S, M] and answer [R, S, M, D].

    q: [R, S, D], scaled. k, v: [M, S', D]. filled: [M, S'] which slots hold a key.
    """
    rows, slots, width = q.shape
    logits = (q.flatten(0, 1) @ k.flatten(0, 1).T).reshape(rows * slots, *filled.shape)  # [R S, M, S']
    logits = logits.masked_fill(~filled, -torch.inf)
    mass = logits.logsumexp(-1)  # [R S, M]
    said = (logits - mass[..., None]).exp().transpose(0, 1) @ v  # [M, R S, D]
    return mass.reshape(rows, slots, -1), said.transpose(0, 1).reshape(rows, slots, -1, width)


def _parts(head: _Head) -> Iterator[Tensor]:
    """Query tiles, so many at a time as there is room for."""
    each = head.q.shape[1] * head.k.shape[0] * max(head.k.shape[1:])
    yield from torch.split(torch.arange(len(head.q), device=head.q.device), max(1, ROOM // each))


def _plain(spec: Isa) -> Isa:
    """The same choice of tiles: it does not depend on the order."""
    return replace(spec, order=0)


def _drawn(tiling: Tiling, tiles: int, seed: int) -> Tensor:
    """Numbers [R] of the target's query tiles, ascending: `tiles` of them, or all."""
    rows = tiling.noisy_q.nonzero().flatten().cpu()
    if 0 < tiles < len(rows):
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:tiles]].sort().values
    return rows.to(tiling.noisy_q.device)
