"""The choice: for every tile of queries, which tiles of keys are exact, which are means, and which are gone.

A choice for a clean segment is made from that segment's queries and from keys that it sees; noise, and segments that
come and go, have no way into it. (Under `full` clean queries see noise, and LIVEditor's joint ranking is literal.)

`Isa.published()` is held to Algorithm 1 (arXiv 2605.04569) by tests/attention/test_published.py. On purpose: a tile of
fewer tokens weighs by its length in every score (the paper's blocks are all full), at least one tile is pre-selected
and at least one is exact, the odd query tile is not dense, and where clean queries see no noise each segment chooses
for itself.
"""

import torch
from torch import Tensor

from refrain.attention.spec import Isa
from refrain.attention.tiles import Tiles
from refrain.attention.tiling import Tiling

from .statistics import Means, mean

GONE, MEAN, EXACT = 0, 1, 2


def select(q: Tensor, means: Means, tiling: Tiling, spec: Isa) -> Tensor:
    """States int8 [B, H, N, M], each GONE, MEAN or EXACT, for laid queries [B, H, N, S, D]. No gradient flows."""
    with torch.no_grad():
        mass = pooled(mean(q, tiling.queries), means, tiling)  # [B, H, N, M]
        open_ = tiling.sees
        gone = ~open_
        if spec.context < 1:
            taken = _preselected(mass, tiling, spec.context)
            gone = gone | ~taken if spec.drop_context else gone
            open_ = open_ & taken
        exact = _best(mass, open_, tiling, spec)
        if spec.routing == "sharpness":
            exact = exact | (_sharpest(mass, tiling, spec.dense_share)[..., None] & ~gone)
        state = torch.full(mass.shape, MEAN, dtype=torch.int8, device=mass.device)
        return state.masked_fill_(gone, GONE).masked_fill_(exact, EXACT)


def pooled(mean_q: Tensor, means: Means, tiling: Tiling) -> Tensor:
    """The coarse attention [B, H, N, M] of mean queries [B, H, N, D] over tiles as masses, in float32 or better."""
    scale = mean_q.shape[-1] ** -0.5
    keys = means.k.repeat_interleave(mean_q.shape[1] // means.k.shape[1], dim=1)
    logits = mean_q @ keys.transpose(-1, -2) * scale + tiling.keys.lengths.to(mean_q.dtype).log()
    return logits.masked_fill(~tiling.sees, -torch.inf).softmax(-1)


def _best(mass: Tensor, open_: Tensor, tiling: Tiling, spec: Isa) -> Tensor:
    """Bool [B, H, N, M]: what is best within the budget of each row."""
    rank = mass + (tiling.words + tiling.first * spec.neighbours + tiling.aligned * spec.aligned)
    exact = torch.zeros_like(mass, dtype=torch.bool)
    for among, keep in _budgets(spec, tiling, mass):
        here = open_ & among
        count = (keep * here.sum(-1) * (1 + 1e-6)).floor()  # of what broadcasts to [B, H, N]; 0.7 of 30 is 21
        count = count.clamp(min=1).where((keep > 0) & here.any(-1), 0).long()
        most = int(count.max())
        if not most:
            continue
        best = rank.masked_fill(~here, -1).topk(most, dim=-1).indices  # [B, H, N, most], the best first
        within = (torch.arange(most, device=mass.device) < count[..., None]).expand_as(best)
        if spec.routing == "threshold":
            shares = mass.gather(-1, best)
            within = within & (shares.cumsum(-1) - shares < spec.mass * (mass * here).sum(-1, keepdim=True))
        exact |= torch.zeros_like(exact).scatter_(-1, best, within)
    return exact


def _budgets(spec: Isa, tiling: Tiling, mass: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Which keys [M] share a budget, and the share of them that is exact, of a shape that fits [B, H, N]."""
    every = torch.ones_like(tiling.noisy)
    if spec.budgets:
        return [(every, mass.new_tensor(spec.budgets[0])[:, None])]
    if isinstance(spec.keep, tuple):
        return [(among, mass.new_full((), keep)) for among, keep in zip((tiling.noisy, ~tiling.noisy), spec.keep)]
    return [(every, mass.new_full((), spec.keep))]


def _preselected(mass: Tensor, tiling: Tiling, share: float) -> Tensor:
    """Bool [B, H, N, M]: noise, and the context tiles that a head's queries want most (LIVEditor, Algorithm 1).

    `share` is of the whole tiles that the context's tokens fill, alpha_s * floor(L_ctx / b), and at least one. Under
    `full` the target's queries choose for all; else each segment chooses for itself. Words are few and always taken.
    """
    taken = (tiling.noisy | (tiling.words > 0)).expand(mass.shape).clone()
    for group in tiling.groups:
        if not len(group.context):
            continue
        votes = mass.index_select(2, group.voters).sum(2)[..., group.context]  # [B, H, context]
        best = group.context[votes.topk(max(1, int(share * group.whole + 1e-6)), dim=-1).indices]
        for_all = torch.zeros_like(taken[:, :, 0]).scatter_(-1, best, True)  # [B, H, M]
        taken[:, :, group.rows] |= for_all[:, :, None]
    return taken


def _sharpest(mass: Tensor, tiling: Tiling, share: float) -> Tensor:
    """Bool [B, H, N]: the `share` of each group's query tiles whose coarse attention varies most.

    The variance is over the noisy columns (Algorithm 1, line 17); a clean query that sees none is judged by its own.
    """
    sharp = torch.zeros(mass.shape[:-1], dtype=torch.bool, device=mass.device)
    for group in tiling.groups:
        spread = mass.index_select(2, group.rows)[..., group.columns].var(-1, correction=0)  # [B, H, rows]
        best = group.rows[spread.topk(int(share * len(group.rows) + 1e-6), dim=-1).indices]
        sharp.scatter_(-1, best, True)
    return sharp


def lists(state: Tensor, tiles: Tiles) -> tuple[Tensor, Tensor]:
    """Exact tiles as lists: numbers int32 [B, H, N, most], ascending, M where there are no more; counts [B, H, N]."""
    exact = state == EXACT
    numbers = torch.arange(len(tiles), device=state.device, dtype=torch.int32)
    count = exact.sum(-1, dtype=torch.int32)
    most = int(count.max())
    return numbers.where(exact, len(tiles)).sort(dim=-1).values[..., :most], count
