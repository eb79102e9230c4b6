"""What exact-or-mean attention leaves out: the error itself, a bound that always holds, and a cheap estimate.

One query q, s = 1 / sqrt(D). Tiles j of b_j tokens are exact, means (U) or gone (G: seen by the rule, but dropped).

    a_j = s q.kbar_j       w_j = b_j e^{a_j}         W = sum_exact e^{s q.k} + sum_U w_j      p_j = w_j / W
    d_n = s q.(k_n - kbar_j), of mean zero in its tile            g_j = mean_n e^{d_n}, at least 1 (Jensen)
    h_j = s H^T q with the slope H of the tile's segment at order 1, else 0
    c_j = mean_n (e^{d_n} - 1)(v_n - vbar_j)         o~ = sum_exact e^{s q.k} v / W + sum_U p_j (vbar_j + h_j)

Identity. Of the true answer o, denominator and numerator over W are

    C = 1 + sum_U p_j (g_j - 1) + sum_G p_j g_j
    C o = o~ + sum_U p_j [c_j - h_j + (g_j - 1) vbar_j] + sum_G p_j [c_j + g_j vbar_j]

so, C o~ being subtracted,

    o - o~ = 1/C { sum_U p_j [c_j - h_j + (g_j - 1)(vbar_j - o~)] + sum_G p_j [c_j + g_j (vbar_j - o~)] }.

Bound, where nothing is gone. f_k(x), e^x less its first k Taylor terms and over x^k, is an integral of e^{tx} over t in
[0, 1] with a positive weight: positive, and growing with x. With d_n <= R, |d_n| <= A, sigma = sd(d), tau^2 no less
than the largest eigenvalue of the values' covariance, rho >= |v_n - vbar_j| and C >= 1, tile j adds, by Cauchy-Schwarz,
at most

    p_j [ f_1(R) sigma tau + |h_j| + f_2(R) sigma^2 |vbar_j - o~| ]                                      (plain)

or, if its leading part l_j = s H_j^T q - h_j + sigma^2/2 (vbar_j - o~) stays a vector, H_j being the tile's own slope,

    p_j [ f_2(R) sigma min(A tau, sigma rho) + f_3(R) sigma^2 A |vbar_j - o~| ]  beside the vector p_j l_j.   (led)

A tile is led where this, with p_j |l_j|, is no more than plain. Led vectors are summed before their length is taken, so
that what cancels cancels: as tiles become constant the bound becomes the error. And always |o - o~| <= max |v_n - o~|,
for o is a mean of values: the bound is finite.

Bound, where tiles are gone. o = (1 - x) o_kept + x o_gone with x <= X / (1 + X), X = sum_G p_j g_j, for what is kept
weighs W or more. |o_kept - o~| has the bound B above, |o_gone - o~| the bound E = max_G |vbar_j - o~| + rho_j, so
|o - o~| <= max(B, (1 - x) B + x E) at the largest x.

All is about arithmetic without rounding: what a kernel of low precision adds is its own affair.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .job import Job
from .select import GONE, MEAN, lists
from .spread import Spread, spreads_of

By = Literal["keys", "tiles"]
ROOM = 1 << 22  # numbers in the largest tensor that is made at a time
UP = 1e-14  # added to variances, in parts of the largest they can be, so that rounding makes no bound too small


def identity(job: Job) -> Tensor:
    """o - o~, exactly: float64 [B, H, N, S, D], 0 in empty slots. Reads every key, so it costs a dense attention."""
    return _over(job, _error, torch.float64)


def bound(job: Job, by: By = "keys") -> Tensor:
    """What |o - o~| cannot exceed: float64 [B, H, N, S], finite, 0 in empty slots.

    by: `keys` takes the spread of q.k in each tile from the keys: near the error, at the price of dense attention.
        `tiles` knows covariances, radii and boxes of tiles only, and lies further above it. Then R = A is the least of
        s |q| radius, s |q|.box and, by Samuelson's inequality, sqrt(b - 1) sigma.
    """
    return _over(job, lambda tiles, part: _bound(tiles, part, by), torch.float64)


def estimate(job: Job, heard: int = 8) -> Tensor:
    """The likely size of o - o~: [B, H, N, S] in float32 or better, 0 in empty slots. No bound.

    The identity, where logits and values of a tile are taken as normal: then c_j = g_j s H_j^T q (Stein's lemma) and
    log g_j = r (1 - r/2) sigma_j^2 with r = 1; or, past sigma_j = sqrt(2 log b_j), where one key outweighs the others,
    r = sqrt(2 log b_j) / sigma_j, which also multiplies c_j (the random-energy model). The mean of H_j over a segment
    keeps its direction, for it adds up over tiles; what a tile has of its own may point anywhere, so its squares are
    added, by how unevenly tiles weigh. sigma_j is taken from `heard` keys of each tile. The price: heard / 64 of dense
    logits, a few passes over the means, and the sparse call itself. On heads of several kinds it was within a factor of
    three of the error (rms over a head) where logits spread by up to 4 in a tile, and of five beyond.
    """
    dtype = torch.promote_types(job.q.dtype, torch.float32)
    return _over(job, lambda tiles, part: _estimate(tiles, part, heard), dtype)


def answer(job: Job) -> Tensor:
    """o~, what the call says: float64 [B, H, N, S, D], 0 in empty slots. With `identity`, what is true."""
    return _over(job, lambda tiles, part: part.out, torch.float64)


def tail(job: Job) -> Tensor:
    """The share of each query's weight that lies on means: float64 [B, H, N, S], 0 in empty slots."""
    return _over(job, lambda tiles, part: part.p.sum(-1).clamp(max=1), torch.float64)


@dataclass(frozen=True, eq=False)
class Part:
    """R query tiles of one head, and what the call made of them.

    q:    [R, S, D], times the scale.
    logp: [R, S, M] log p_j of tiles that are means or gone, else -inf.
    out:  [R, S, D] the answer of the call.
    mean, gone, seen: [R, 1, M] bool.
    """

    q: Tensor
    logp: Tensor
    out: Tensor
    mean: Tensor
    gone: Tensor
    seen: Tensor

    @property
    def p(self) -> Tensor:
        """[R, S, M] the weight of each tile that is its mean, else 0."""
        return self.logp.masked_fill(~self.mean, -math.inf).exp()


def _over(job: Job, look: Callable[[Spread, Part], Tensor], dtype: torch.dtype) -> Tensor:
    """Ask `look` about a few query tiles at a time; [B, H, N, S, ...] of what it answers, 0 in empty slots."""
    numbers, _ = lists(job.state, job.held)  # [B, H, N, most]
    batch, heads, count, slots, width = job.q.shape
    step = max(1, ROOM // (slots * len(job.held) * max(job.held.slots, width)))
    rows = torch.split(torch.arange(count, device=job.q.device), step)
    with torch.no_grad():
        looks = [
            torch.cat([look(tiles, _part(job, tiles, (b, h), part, numbers)) for part in rows])
            for b, g, tiles in spreads_of(job, dtype)
            for h in range(g * job.shared, (g + 1) * job.shared)
        ]
    looked = torch.stack(looks)
    found = looked.reshape(batch, heads, *looked.shape[1:])
    filled = job.asking.filled if found.dim() == 4 else job.asking.filled[..., None]
    return torch.where(filled, found, 0)


def _part(job: Job, tiles: Spread, head: tuple[int, int], rows: Tensor, numbers: Tensor) -> Part:
    """The sparse call for some query tiles, with the weights it gave."""
    q = job.q[head][rows].to(tiles.k.dtype) * job.scale  # [R, S, D]
    state, seen = job.state[head][rows][:, None], job.tiling.sees[rows][:, None]  # [R, 1, M]
    mean, gone = state == MEAN, (state == GONE) & seen
    wanted = numbers[head][rows].long()  # [R, most], M where there are no more
    listed, wanted = wanted < len(job.held), wanted.clamp(max=len(job.held) - 1)
    real = (tiles.filled[wanted] & listed[..., None]).flatten(1)  # [R, most S']
    fine = q @ tiles.k[wanted].flatten(1, 2).transpose(1, 2)  # [R, S, most S']
    fine = fine.masked_fill(~real[:, None], -math.inf)
    coarse = q @ tiles.mean_k.T + tiles.lengths.log()  # [R, S, M]
    whole = torch.cat([fine, coarse.masked_fill(~mean, -math.inf)], dim=-1).logsumexp(-1, keepdim=True)  # log W
    logp = (coarse - whole).masked_fill(~(mean | gone), -math.inf)
    p = logp.masked_fill(~mean, -math.inf).exp()
    out = (fine - whole).exp() @ tiles.v[wanted].flatten(1, 2) + p @ tiles.mean_v
    if tiles.slope is not None:
        out = out + _sloped(q, p, tiles.slope, tiles.which)
    return Part(q, logp, out, mean, gone, seen)


def _sloped(q: Tensor, p: Tensor, slope: Tensor, which: Tensor) -> Tensor:
    """[R, S, D] sum_U p_j s H^T q, for slopes [segments, D, D]."""
    mass = _by_segment(p, which, len(slope))
    return sum((mass[..., n, None] * (q @ slope[n]) for n in range(len(slope))), torch.zeros_like(q))


def _by_segment(p: Tensor, which: Tensor, count: int) -> Tensor:
    """[R, S, segments] sums over the tiles of each segment."""
    return p.new_zeros(*p.shape[:2], count).index_add_(-1, which, p)


def _error(tiles: Spread, part: Part) -> Tensor:
    """[R, S, D] the identity, as C (o - o~) = sum_n x_n (v_n - o~) - sum_U p_j h_j, C = 1 + sum_n x_n.

    x_n = p_j / b_j (e^{d_n} - 1) in means, p_j / b_j e^{d_n} in gone tiles. Scaled by e^-most, nothing overflows.
    """
    d = torch.einsum("rsd,mnd->rsmn", part.q, tiles.dk)
    logp = (part.logp - tiles.lengths.log())[..., None]  # of one token
    most = (logp + d).amax((2, 3), keepdim=True).clamp(min=0)
    logp = logp - most
    whole = (logp + d).exp()
    less = torch.where(d < 1, logp.exp() * d.clamp(max=1).expm1(), whole - logp.exp())
    x = torch.where(part.mean[..., None], less, whole) * tiles.filled  # [R, S, M, S']
    most = most[..., 0]  # [R, S, 1]
    total = x.sum((2, 3))[..., None]  # [R, S, 1]
    error = x.flatten(2) @ tiles.v.flatten(0, 1) - total * part.out
    if tiles.slope is not None:
        error = error - _sloped(part.q, part.p, tiles.slope, tiles.which) * (-most).exp()
    return error / ((-most).exp() + total)


@dataclass(frozen=True, eq=False)
class Logits:
    """How s q.k spreads about s q.kbar in every tile: [R, S, M] each, as in the bound.

    variance: sigma^2. sigma: at least its root. above: R, at least the largest. apart: A, at least the largest size.
    """

    variance: Tensor
    sigma: Tensor
    above: Tensor
    apart: Tensor


def _logits(tiles: Spread, part: Part, by: By) -> Logits:
    size = _norm(part.q)[..., None]  # [R, S, 1], times the scale already
    ceiling = size.square() * tiles.variance.sum(-1)  # [R, S, M]
    if by == "keys":
        d = torch.einsum("rsd,mnd->rsmn", part.q, tiles.dk)
        variance = d.square().sum(-1) / tiles.lengths
        return Logits(variance, (variance + UP * ceiling).sqrt(), d.amax(-1).clamp(min=0), d.abs().amax(-1))
    spread = torch.einsum("rsd,mde->rsme", part.q, tiles.covariance)
    variance = torch.einsum("rsme,rse->rsm", spread, part.q).clamp(min=0)
    sigma = (variance + UP * ceiling).sqrt()
    apart = torch.minimum(size * tiles.radius, part.q.abs() @ tiles.box.T)
    apart = torch.minimum(apart, (tiles.lengths - 1).sqrt() * sigma)
    return Logits(variance, sigma, apart, apart)


def _bound(tiles: Spread, part: Part, by: By) -> Tensor:
    """[R, S] in logarithms throughout, so that what overflows is inf and never NaN; the cap then makes it finite."""
    spread = _logits(tiles, part, by)
    away = tiles.mean_v - part.out[..., None, :]  # [R, S, M, D] vbar_j - o~
    far = _norm(away)  # [R, S, M]
    lead = torch.einsum("rsd,mde->rsme", part.q, tiles.untold) + spread.variance[..., None] / 2 * away
    sigma, apart, delta = spread.sigma.log(), spread.apart.log(), far.log()
    f1, f2, f3 = (_tail_of_exp(spread.above, k) for k in (1, 2, 3))

    plain = torch.logaddexp(f1 + sigma + tiles.tau.log(), f2 + 2 * sigma + delta)
    if tiles.slope is not None:
        told = torch.stack([_norm(q_slope) for q_slope in part.q @ tiles.slope[:, None]], dim=-1)
        plain = torch.logaddexp(plain, told[..., tiles.which].log())
    led = f2 + sigma + torch.minimum(apart + tiles.tau.log(), sigma + tiles.rho.log())
    led = torch.logaddexp(led, f3 + 2 * sigma + apart + delta)
    is_led = torch.logaddexp(led, _norm(lead).log()) <= plain

    logp = part.logp.masked_fill(~part.mean, -math.inf)
    rest = (logp + torch.where(is_led, led, plain)).logsumexp(-1).exp()
    vector = torch.einsum("rsm,rsme->rse", (part.p * is_led), lead)
    reach = far + tiles.rho  # [R, S, M] at least |v_n - o~|
    kept = torch.minimum(_norm(vector) + rest, reach.where(part.seen & ~part.gone, 0).amax(-1))
    if not bool(part.gone.any()):
        return kept
    lost = (part.logp + _log_growth(spread, f2)).masked_fill(~part.gone, -math.inf).logsumexp(-1)
    x = torch.sigmoid(lost)  # X / (1 + X)
    return torch.maximum(kept, (1 - x) * kept + x * reach.where(part.gone, 0).amax(-1))


def _norm(x: Tensor) -> Tensor:
    """The length of each vector of the last dimension."""
    return x.square().sum(-1).sqrt()


def _log_growth(spread: Logits, f2: Tensor) -> Tensor:
    """At least log g_j: g_j <= 1 + sigma^2 f_2(R), and of course g_j <= e^R."""
    growth = torch.logaddexp(torch.zeros_like(f2), 2 * spread.sigma.log() + f2)
    return torch.minimum(growth, spread.above)


def _tail_of_exp(x: Tensor, k: int) -> Tensor:
    """log f_k(x) for x >= 0, where f_k(x) = (e^x - sum_{i < k} x^i / i!) / x^k, and f_k(0) = 1 / k!."""
    small, large = x.clamp(max=1), x.clamp(min=1)
    series = torch.full_like(x, 1 / math.factorial(k + 18))
    for i in range(17, -1, -1):
        series = series * small + 1 / math.factorial(k + i)
    head = sum((large**i / math.factorial(i) for i in range(k)), torch.zeros_like(x))
    return torch.where(x < 1, series.log(), large + torch.log1p(-head * (-large).exp()) - k * large.log())


def _estimate(tiles: Spread, part: Part, heard: int) -> Tensor:
    """[R, S]."""
    variance = torch.einsum("rsd,mnd->rsmn", part.q, tiles.some(heard)).square().mean(-1)  # [R, S, M]
    frozen = (2 * tiles.lengths.log() / variance.clamp(min=torch.finfo(variance.dtype).tiny)).sqrt()
    tilt = frozen.clamp(max=1)
    growth = tilt * (1 - tilt / 2) * variance  # log g_j
    most = (part.logp + growth).amax(-1, keepdim=True).clamp(min=0)  # so that nothing overflows
    p, true = (part.logp - most).exp(), (part.logp + growth - most).exp()  # p_j and p_j g_j
    p = p * part.mean
    x = true - p  # [R, S, M]
    along = true * tilt  # how much of the tile's slope is missed; of the segment's, less what the call has
    missed = along if tiles.slope is None else along - p
    vector = x @ tiles.mean_v - x.sum(-1, keepdim=True) * part.out
    vector = vector + _sloped(part.q, missed, tiles.shared_slope, tiles.which)
    even = _by_segment(along, tiles.which, len(tiles.shared_slope))[..., tiles.which] * tiles.part
    scattered = (along - even).square() * (part.q.square() @ tiles.own_rows.T)  # evenly spread, they would cancel
    size = (vector.square().sum(-1) + scattered.sum(-1)).sqrt()
    return size / ((-most)[..., 0].exp() + x.sum(-1))
