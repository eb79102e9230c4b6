"""One row, from noise to an answer: guided by the words, walked down as the request and the checkpoint say."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from refrain.attention import Spec
from refrain.flow import SOLVERS, guided, times, told_in_thousandths, wan_times
from refrain.models.protocols import Card, Denoiser
from refrain.models.wan.hearing import Spot
from refrain.sequence import Sequence

from .request import SEEDS
from .walk import Walk

Tell = Callable[[int, int, Tensor], None]
"""Is told of every step: how many are done, of how many, and the state."""


@dataclass(frozen=True)
class Solver:
    """Solves rows: `solve(row, ...)` gives the target's latents.

    offload: what is remembered lies on the CPU. memory: False computes all of a row at every step, to compare.
    """

    denoiser: Denoiser
    card: Card
    walk: Walk
    spec: Spec
    offload: bool = False
    memory: bool = True

    def noise(self, like: Tensor, number: int = 0) -> Tensor:
        """The noise of the seed for latents like these; of the `number`-th further prediction, if there are more."""
        seed = (self.walk.seed + 1_000_003 * number) % SEEDS
        return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed)).to(like)

    def __call__(
        self, row: Sequence, unasked: Tensor, noise: Tensor, tell: Tell,
        spots: tuple[tuple[Spot, ...], tuple[Spot, ...]] = ((), ()),
    ) -> Tensor:  # fmt: skip
        """Latents [1, C, T, Y, X] of the row's target.

        unasked: states of the empty prompt, which guidance says in place of the target's words. spots: with the words
        and without.
        """
        walk, memory = self.walk, self.memory and self.card.rule != "full"
        asked = self.denoiser.prepare(row, self.spec, memory, self.offload, spots[0])
        bare = asked
        if walk.guidance != 1:
            bare = self.denoiser.prepare(row.reworded(unasked), self.spec, memory, self.offload, spots[1])
        velocity = guided(asked.velocity, bare.velocity, walk.guidance, walk.until)
        if walk.grid == "wan" and self.card.prediction == "velocity":
            velocity = told_in_thousandths(velocity)
        stations = (wan_times if walk.grid == "wan" else times)(walk.steps, walk.shift)
        return asked.answer(SOLVERS[walk.solver](velocity, asked.state(noise), stations, tell))
