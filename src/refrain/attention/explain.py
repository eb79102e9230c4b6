"""What a choice of attention costs and how far it is from dense attention, on the queries and keys at hand."""

from dataclasses import dataclass

import torch
from torch import Tensor

from . import dense
from .attend import check_numbers
from .isa import certificate
from .isa.job import Job
from .isa.run import job_of
from .isa.select import EXACT, GONE, MEAN
from .plan import Plan
from .spec import Dense, Flex, Isa, Spec
from .tiles import Tiles
from .tiling import Tiling

TINY = 1e-300  # an output of nothing is off by nothing


@dataclass(frozen=True, eq=False)
class Report:
    """N tiles of queries, M tiles of keys, H heads, B sequences. Errors are lengths of vectors, as `output` is.

    cost:     pairs of tokens that are computed, a mean counting as one token, over the pairs that the rule lets see.
    flops:    the same in multiplications, with those of the choice and of the first-order term.
    state:    int8 [B, H, N, M]: 0 where a tile is not seen or gone, 1 where it is its mean, 2 where it is exact.
    kept:     [B, H, N] exact tiles. seen: [N] tiles that the rule lets see.
    on_means: [B, H, N] the share of weight that lies on means, mean over the tile's tokens.
    error:    [B, H, N] how far it is from dense attention: rms over the tile's tokens.
    estimate: [B, H, N] how far it would be taken to be without asking every key: rms.
    bound:    [B, H, N] what no token of the tile is further from it than: the largest.
    output:   [B, H] rms over all tokens of dense attention's answer.
    queries, keys: the tiles, with segment, place and centre of each, to draw maps by.
    """

    cost: float
    flops: float
    state: Tensor
    kept: Tensor
    seen: Tensor
    on_means: Tensor
    error: Tensor
    estimate: Tensor
    bound: Tensor
    output: Tensor
    queries: Tiles
    keys: Tiles

    @property
    def relative(self) -> Tensor:
        """[B, H] rms over all tokens of the error, over that of dense attention's answer."""
        return self._over_all(self.error) / self.output.clamp(min=TINY)

    def summary(self) -> str:
        """A few plain lines."""
        error, worst = self.relative, divmod(int(self.relative.argmax()), self.relative.shape[1])
        output = self.output.clamp(min=TINY)
        likely, limit = self._over_all(self.estimate) / output, self.bound.amax(-1) / output
        return "\n".join(
            [
                f"cost      {self.cost:.3f} of dense pairs, {self.flops:.3f} of dense multiplications",
                f"exact     {self.kept.double().mean():.1f} of {self.seen.double().mean():.1f} visible tiles a row, "
                f"{int(self.kept.min())} to {int(self.kept.max())}",
                f"on means  {self.on_means.mean():.3f} of the weight",
                f"error     {error.square().mean().sqrt():.2e} of the output (rms over heads), "
                f"at worst {error.max():.2e} in head {worst[1]} of sequence {worst[0]}",
                f"estimate  {likely.square().mean().sqrt():.2e} of the output",
                f"bound     {limit.max():.2e} of the output, for any query",
            ]
        )

    def __str__(self) -> str:
        return self.summary()

    def _over_all(self, rms: Tensor) -> Tensor:
        """[B, H] rms over all tokens, of what is rms [B, H, N] over those of each tile."""
        weight = self.queries.lengths.to(rms.dtype) / self.queries.lengths.sum()
        return (rms.square() * weight).sum(-1).sqrt()


@torch.no_grad()
def explain(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Spec) -> Report:
    """Say what `attend` would do with q [B, Lq, H, D], k and v [B, Lk, H / G, D], and how well.

    The choice is made in the precision of q; errors are computed in float64, as if a kernel never rounded. A learned
    gate adds a term of its own, of which nothing is said. Costs a few dense attentions in float64. Raises as `attend`
    does, and BadInput for a plan without a row (made by hand), which has no tiles.
    """
    plan.check(q, k, v)
    check_numbers({"q": q, "k": k, "v": v})
    if q.device.type == "mps":  # it has no float64
        q, k, v = q.cpu(), k.cpu(), v.cpu()
    match spec:
        case Isa():
            return _sparse(job_of(q, k, v, plan, spec))
        case Dense() | Flex():
            tiling = plan.tiling(spec.tile if isinstance(spec, Flex) else None, q.device)
            return _exact(tiling, dense.attend(q.double(), k.double(), v.double(), plan))
        case _:  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"No attention answers to {spec!r}.")


def _exact(tiling: Tiling, out: Tensor) -> Report:
    """All that is seen is exact; out: [B, L, H, D] of float64."""
    shape = (out.shape[0], out.shape[2], *tiling.sees.shape)
    none = out.new_zeros(shape[:3])
    state = torch.where(tiling.sees, EXACT, GONE).to(torch.int8).expand(shape)
    output = out.square().sum(-1).mean(1).sqrt()  # [B, H]
    seen = tiling.sees.sum(-1)
    return Report(
        1.0, 1.0, state, seen.expand(none.shape), seen, none, none, none, none, output, tiling.queries, tiling.keys
    )


def _sparse(job: Job) -> Report:
    tiling, asking = job.tiling, job.asking
    wrong = certificate.identity(job)  # [B, H, N, S, D]
    true = certificate.answer(job) + wrong
    output = (true.square().sum((2, 3, 4)) / asking.lengths.sum()).sqrt()  # [B, H]
    exact = job.state == EXACT
    return Report(
        *_costs(job),
        job.state, exact.sum(-1), tiling.sees.sum(-1),
        on_means=certificate.tail(job).sum(-1) / asking.lengths,
        error=_rms(wrong.square().sum(-1), asking),
        estimate=_rms(certificate.estimate(job).double().square(), asking),
        bound=certificate.bound(job).amax(-1),
        output=output,
        queries=asking,
        keys=job.held,
    )  # fmt: skip


def _rms(squares: Tensor, tiles: Tiles) -> Tensor:
    """[B, H, N] of squares [B, H, N, S] that are 0 in empty slots."""
    return (squares.sum(-1) / tiles.lengths).sqrt()


def _costs(job: Job) -> tuple[float, float]:
    """Pairs, and multiplications, over those of dense attention: 2 D for each pair and head of queries."""
    asking, held, width = job.asking, job.held, job.q.shape[-1]
    rest = job.state == MEAN
    ask, hold = asking.lengths.double(), held.lengths.double()
    visible = ask @ (job.tiling.sees.double() @ hold)
    pairs = ((job.state == EXACT).double() @ hold + rest.sum(-1)) @ ask  # [B, H]
    chosen = len(asking) * len(held) / 2  # pairs' worth: mean queries against mean keys, without values
    sloped = torch.zeros_like(pairs)
    if job.means.slope is not None:
        for number in range(job.means.slope.shape[2]):
            sloped += (rest[..., job.means.which == number].any(-1) * ask).sum(-1) * width / 2
        sloped += hold.sum() * width / 2 / job.shared
    return float((pairs / visible).mean()), float(((pairs + chosen + sloped) / visible).mean())
