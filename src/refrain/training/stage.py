"""A stretch of learning, as one frozen record."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """How long and how fast to learn.

    steps:     optimiser steps in all. rate: peak learning rate, reached after `warmup` steps, held, and brought to
               zero in a straight line over the last `cooldown` fraction of the steps.
    decay:     weight decay of matrices. clip: largest gradient norm. average: decay of the moving average of weights.
    drop:      the fraction of examples whose words are dropped, for guidance.
    seed:      everything that is drawn is drawn from (seed, step), so a resumed run is the run.
    every:     steps between checkpoints.
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

    def rate_at(self, step: int) -> float:
        """The learning rate of step 0, 1, ..."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        falling = min(1.0, (self.steps - step) / max(1.0, self.cooldown * self.steps))
        return self.rate * rising * max(0.0, falling)
