"""How the keys and values of a tile lie about their means: what the certificate needs to know beyond the means."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

from .job import Job
from .statistics import means_of


@dataclass(frozen=True, eq=False)
class Spread:
    """The M tiles of keys of one head, at most S' tokens each.

    k, v:    [M, S', D] keys and values. mean_k, mean_v: [M, D].
    filled:  [M, S'] which slots hold a token. lengths: [M] tokens, as numbers of the dtype of k.
    slope:   [segments, D, D] at order 1, as in `Means`; else None. which: [M] the tile's segment among them.
    """

    k: Tensor
    v: Tensor
    mean_k: Tensor
    mean_v: Tensor
    filled: Tensor
    lengths: Tensor
    slope: Tensor | None
    which: Tensor

    @cached_property
    def dk(self) -> Tensor:
        """[M, S', D] keys less their tile's mean; 0 in empty slots."""
        return (self.k - self.mean_k[:, None]) * self.filled[..., None]

    @cached_property
    def dv(self) -> Tensor:
        """[M, S', D] values less their tile's mean; 0 in empty slots."""
        return (self.v - self.mean_v[:, None]) * self.filled[..., None]

    @cached_property
    def slopes(self) -> Tensor:
        """[M, D, D] every tile's own slope: the mean of (key - its mean)(value - its mean)^T."""
        return self.dk.transpose(1, 2) @ self.dv / self.lengths[:, None, None]

    @cached_property
    def untold(self) -> Tensor:
        """[M, D, D] what of a tile's slope the call does not know: all at order 0, what differs from `slope` at 1."""
        return self.slopes if self.slope is None else self.slopes - self.slope[self.which]

    @cached_property
    def covariance(self) -> Tensor:
        """[M, D, D] of the keys."""
        return self.dk.transpose(1, 2) @ self.dk / self.lengths[:, None, None]

    @cached_property
    def variance(self) -> Tensor:
        """[M, D] of the keys, in each direction of the head."""
        return self.dk.square().sum(1) / self.lengths[:, None]

    @cached_property
    def radius(self) -> Tensor:
        """[M] how far a key lies from its mean, at most."""
        return self.dk.square().sum(-1).amax(-1).sqrt()

    @cached_property
    def box(self) -> Tensor:
        """[M, D] the same in each direction of the head."""
        return self.dk.abs().amax(1)

    @cached_property
    def tau(self) -> Tensor:
        """[M] square root of what bounds the largest eigenvalue of the values' covariance C: (tr C^8)^(1/8).

        At most D^(1/16) above the true root, 1.3 for D = 64; no eigenvalue is ever looked for.
        """
        power = self.dv.transpose(1, 2) @ self.dv / self.lengths[:, None, None]  # [M, D, D]
        trace = power.diagonal(dim1=1, dim2=2).sum(-1)  # [M]
        power = power / trace.clamp(min=torch.finfo(trace.dtype).tiny)[:, None, None]
        power = power @ power
        power = power @ power  # (C / tr C)^4
        return (trace * power.square().sum((1, 2)) ** (1 / 8)).sqrt()

    @cached_property
    def rho(self) -> Tensor:
        """[M] how far a value lies from its mean, at most."""
        return self.dv.square().sum(-1).amax(-1).sqrt()

    @cached_property
    def shared_slope(self) -> Tensor:
        """[segments, D, D] the mean slope over the tokens of every segment, whatever the order."""
        weighted = self.slopes * self.part[:, None, None]
        return weighted.new_zeros(int(self.which.max()) + 1, *weighted.shape[1:]).index_add_(0, self.which, weighted)

    @cached_property
    def part(self) -> Tensor:
        """[M] the share that a tile has of its segment's tokens."""
        tokens = torch.zeros_like(self.lengths).index_add_(0, self.which, self.lengths)  # as many as tiles: enough
        return self.lengths / tokens[self.which]

    @cached_property
    def own_rows(self) -> Tensor:
        """[M, D] squared lengths of the rows of what a tile's slope has beside its segment's."""
        return (self.slopes - self.shared_slope[self.which]).square().sum(-1)

    def some(self, count: int) -> Tensor:
        """[M, count, D] `count` rows of `dk`, evenly spaced in the tile, scaled to the variance of all."""
        slots = ((torch.arange(count, device=self.k.device) + 0.5) * self.lengths[:, None] / count).long()
        rows = self.dk.gather(1, slots[..., None].expand(-1, -1, self.dk.shape[-1]))
        here = rows.square().sum((1, 2)) / count
        return rows * (self.variance.sum(-1) / here.clamp(min=torch.finfo(here.dtype).tiny)).sqrt()[:, None, None]


def spreads_of(job: Job, dtype: torch.dtype) -> Iterator[tuple[int, int, Spread]]:
    """Every head g of keys of every sequence b, one at a time: b, g and its tiles, in `dtype` from the job's keys."""
    order = 0 if job.means.slope is None else 1
    lengths = job.held.lengths.to(dtype)
    for b, g in product(range(job.k.shape[0]), range(job.k.shape[1])):
        k, v = job.k[b, g].to(dtype), job.v[b, g].to(dtype)  # [M, S', D]
        means = means_of(k[None, None], v[None, None], job.held, order)
        slope = None if means.slope is None else means.slope[0, 0]
        yield b, g, Spread(k, v, means.k[0, 0], means.v[0, 0], job.held.filled, lengths, slope, means.which)
