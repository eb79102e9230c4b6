"""The loop: draw, predict, step, average, save. It can be killed at any step and goes on as if it had not been."""

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from refrain.errors import BadInput

from . import checkpoint
from .optimiser import Optimiser
from .stage import Stage

JOURNAL = "journal.jsonl"
B = TypeVar("B")


@dataclass(frozen=True)
class Step:
    """What is written down of every step."""

    step: int
    loss: float
    norm: float
    rate: float
    seconds: float


def train(
    named: dict[str, nn.Parameter],
    batches: Callable[[int], Iterable[B]],
    loss: Callable[[B, torch.Generator], Tensor],
    stage: Stage,
    folder: Path,
    on_step: Callable[[Step], None] = lambda step: None,
) -> checkpoint.Average:
    """Learn for `stage.steps` steps, going on from the checkpoint in `folder` if there is one.

    batches(n) gives the batches of steps n, n + 1, ...; each step draws from a generator seeded by (seed, step).
    Returns the moving average of the weights. Raises BadInput where the loss is no longer a number.
    """
    average, optimiser = checkpoint.Average(named, stage.average), Optimiser(named, stage)
    done = checkpoint.load(folder, named, average, optimiser)
    folder.mkdir(parents=True, exist_ok=True)
    _forget(folder / JOURNAL, done)
    began = time.monotonic()
    with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        for step, batch in zip(range(done, stage.steps), batches(done)):
            wrong = loss(batch, torch.Generator().manual_seed(stage.seed * 1_000_003 + step))
            if not torch.isfinite(wrong):
                raise BadInput(
                    f"The loss of step {step} is {float(wrong.detach())}; lower the rate and resume from {folder}."
                )
            wrong.backward()  # pyright: ignore[reportUnknownMemberType]
            norm = optimiser.step(stage.rate_at(step))
            average.update(named, step)
            said = Step(step, float(wrong.detach()), norm, stage.rate_at(step), time.monotonic() - began)
            journal.write(json.dumps(said.__dict__) + "\n")
            journal.flush()
            on_step(said)
            if (step + 1) % stage.every == 0 or step + 1 == stage.steps:
                checkpoint.save(folder, step + 1, named, average, optimiser)
    return average


def _forget(journal: Path, done: int) -> None:
    """Drop what a killed run wrote down after its last checkpoint: those steps come again."""
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True) if journal.is_file() else []
    whole = [line for line in lines if line.endswith("}\n") and json.loads(line)["step"] < done]
    if whole != lines:
        aside = journal.with_suffix(".part")
        aside.write_text("".join(whole), encoding="utf-8")
        os.replace(aside, journal)
