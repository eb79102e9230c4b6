"""One row, from noise to an answer: guided by the words, walked down as the request and the checkpoint say."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from refrain.attention import Spec
from refrain.flow import SOLVERS, Velocity, clean_from_velocity, guided, times, told_in_thousandths, wan_times
from refrain.models.protocols import Card, Denoiser
from refrain.models.wan.hearing import Spot
from refrain.sequence import Sequence

from .request import SEEDS
from .walk import Walk

Clean = Callable[[], Tensor]
"""What a step that is just done would come to, as latents [1, C, T, Y, X]; costs nothing until it is called."""

Tell = Callable[[int, int, Clean], None]
"""Is told of every step: how many are done, of how many, and what it would come to."""


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
        velocity, clean = noting(velocity)
        done = SOLVERS[walk.solver](
            velocity, asked.state(noise), stations, lambda n, of, x: tell(n, of, lambda: asked.answer(clean()))
        )
        return asked.answer(done)


def noting(velocity: Velocity) -> tuple[Velocity, Clean]:
    """The same velocity, and where the straight line from the last point that it was asked at meets noise time 0.

    All solvers end on that line, so that after the last step it is the answer.
    """
    last: list[tuple[Tensor, Tensor, float]] = []

    def noted(x: Tensor, t: float) -> Tensor:
        found = velocity(x, t)
        last[:] = [(x, found, t)]
        return found

    return noted, lambda: clean_from_velocity(*last[0])
