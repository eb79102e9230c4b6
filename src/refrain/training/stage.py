"""A stretch of learning, as one frozen record."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from refrain.errors import BadInput

Precision = Literal["fp32", "bf16"]
Learner = Literal["muon", "adamw", "adamw8bit"]
FREE = {"every", "validate_every", "sample_every", "accumulate"}  # a resumed run may change these and is the same run


@dataclass(frozen=True)
class Stage:
    """How long, how fast and by what to learn.

    steps:           optimiser steps in all. rate: peak learning rate, reached after `warmup` steps, held, and brought
                     to zero in a straight line over the last `cooldown` fraction of the steps.
    decay:           weight decay of matrices. clip: largest gradient norm. average: decay of the moving average of
                     weights. betas: how much AdamW remembers of gradients and of their squares.
    drop:            the fraction of examples whose words are dropped, for guidance.
    seed:            everything that is drawn is drawn from (seed, number of the micro-batch), so a resumed run is the
                     run.
    every:           steps between checkpoints. validate_every, sample_every: steps between validations and between
                     sample edits; 0: none.
    accumulate:      micro-batches a step, on each device; their gradients are averaged.
    precision:       "bf16" computes the loss under autocast; weights, gradients and moments stay as they are.
    optimiser:       "muon" (matrices of the blocks by Muon, the rest by AdamW), "adamw", or "adamw8bit" (AdamW, its
                     moments in eight bits, by bitsandbytes).

    IC-Effect's LoRAs (rank 96, then 32) learn by `Stage(steps, rate=1e-4, warmup=0, cooldown=0, decay=1e-2,
    betas=(0.9, 0.999), optimiser="adamw")`; LIVEditor's two stages likewise at 1e-5 and 1e-6, with average=0.995.
    """

    steps: int
    rate: float = 1e-3
    warmup: int = 100
    cooldown: float = 0.25
    decay: float = 0.01
    clip: float = 1.0
    average: float = 0.998
    drop: float = 0.1
    seed: int = 0
    every: int = 200
    accumulate: int = 1
    precision: Precision = "fp32"
    optimiser: Learner = "muon"
    betas: tuple[float, float] = (0.9, 0.99)
    validate_every: int = 0
    sample_every: int = 0

    def __post_init__(self) -> None:
        if self.accumulate < 1 or self.every < 1:
            raise BadInput("A stage accumulates at least one micro-batch, and writes a checkpoint every step or rarer.")
        for field, choice in (("precision", Precision), ("optimiser", Learner)):
            if getattr(self, field) not in get_args(choice):
                known = ", ".join(get_args(choice))
                raise BadInput(f"A stage has no {field} `{getattr(self, field)}`; choose one of {known}.")

    def rate_at(self, step: int) -> float:
        """The learning rate of step 0, 1, ..."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        falling = min(1.0, (self.steps - step) / max(1.0, self.cooldown * self.steps))
        return self.rate * rising * max(0.0, falling)

    def cause(self) -> dict[str, str]:
        """All of it that weights depend on, by name. A stage without cooldown may be made longer."""
        free = FREE if self.cooldown else {*FREE, "steps"}
        return {f"stage.{f.name}": str(getattr(self, f.name)) for f in fields(self) if f.name not in free}
