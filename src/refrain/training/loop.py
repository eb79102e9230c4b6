"""The loop: draw, predict, step, average, save. It can be killed at any step and goes on as if it had not been.

A step averages the gradients of `accumulate` micro-batches on each device. The micro-batches of a run are numbered
through, and process r of n takes every n-th: so two processes that accumulate k learn what one learns that
accumulates 2 k.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from refrain.errors import BadInput

from . import checkpoint
from .devices import Processes, processes
from .journal import JOURNAL as JOURNAL
from .journal import Journal, Tracker
from .journal import Step as Step
from .memory import Need, advised, check
from .optimiser import Optimiser
from .stage import Stage

B = TypeVar("B")


@dataclass(frozen=True)
class Watch:
    """What looks on while a stage is learnt. It sees averaged weights, without gradients, in the first process only.

    validate(n):  after n steps, every `stage.validate_every` and at the end; its numbers go to the journal.
    sample(n):    likewise, every `stage.sample_every`; it writes its own files.
    trackers:     names of accelerate's trackers, or trackers.
    need:         the bytes that are needed, compared with those that are free before the first step.
    """

    validate: Callable[[int], dict[str, float]] | None = None
    sample: Callable[[int], object] | None = None
    trackers: tuple[Tracker, ...] = ()
    need: Need | None = None


def train(
    named: dict[str, nn.Parameter],
    batches: Callable[[range], Iterable[B]],
    loss: Callable[[B, torch.Generator], Tensor],
    stage: Stage,
    folder: Path,
    on_step: Callable[[Step], None] = lambda step: None,
    cause: dict[str, str] | None = None,
    watch: Watch = Watch(),
) -> checkpoint.Average:
    """Learn for `stage.steps` steps, going on from the checkpoint in `folder` if there is one.

    batches(numbers) gives the micro-batches of these numbers, in order, each drawn from (seed, number) alone; without
    accumulation, on one device, they are numbered as the steps are. A batch may name its samples in `ids`. The loss
    draws from the generator it is given; torch's own generator is seeded likewise, for dropout. cause: what weights
    depend on besides the stage (base, data, LoRA), by name. on_step: is told of every step, in the first process.

    Returns the moving average of the weights. Raises BadInput where a loss or a gradient is no longer a number, where
    the batches end early, and where the checkpoint in `folder` came of another cause; Unsupported where memory is out.
    """
    crew = processes()
    check(watch.need, next(iter(named.values())).device)
    crew.share(named.values())
    run = _Run(named, loss, stage, folder, crew)
    cause = {**stage.cause(), "micro-batches a step": str(run.micros), **(cause or {})}
    done = checkpoint.load(folder, named, run.average, run.optimiser, cause)
    crew.agree(done)
    first = done * run.micros + crew.number
    supply = iter(batches(range(first, stage.steps * run.micros, crew.count))) if done < stage.steps else iter(())
    began = time.monotonic()
    with Journal(folder, done, watch.trackers, cause) if crew.first else nullcontext() as journal:
        for step in range(done, stage.steps):
            with advised(watch.need, step):
                found = run.step(step, supply)
            if journal is None:
                continue
            seconds = time.monotonic() - began
            left = seconds / (step + 1 - done) * (stage.steps - step - 1)
            told = run.look(step + 1, watch)
            said = Step(
                step, found.loss, found.norm, stage.rate_at(step), seconds, stage.steps, left, *found.pace, told
            )
            journal.write(said)
            on_step(said)
            if _due(step + 1, stage.every, stage):
                checkpoint.save(folder, step + 1, named, run.average, run.optimiser, cause)
    return run.average


@dataclass(frozen=True)
class _Found:
    """What a step came to; pace: the share of its time spent waiting for data, and samples a second."""

    loss: float
    norm: float
    pace: tuple[float, float]


class _Run(Generic[B]):
    """The weights that learn, and all that moves with them."""

    def __init__(
        self, named: dict[str, nn.Parameter], loss: Callable[[B, torch.Generator], Tensor], stage: Stage, folder: Path,
        crew: Processes,
    ) -> None:  # fmt: skip
        self.named, self.loss, self.stage, self.folder, self.crew = named, loss, stage, folder, crew
        self.average, self.optimiser = checkpoint.Average(named, stage.average), Optimiser(named, stage)
        self.micros = stage.accumulate * crew.count
        self.device = next(iter(named.values())).device

    def step(self, step: int, supply: Iterator[B]) -> _Found:
        """Learn from this step's micro-batches."""
        began, waited = time.monotonic(), 0.0
        losses = torch.zeros(self.micros + 1, device=self.device)  # of every process's micro-batches; last, samples
        seen: list[tuple[int, list[str]]] = []
        for micro in range(self.crew.number, self.micros, self.crew.count):
            asked = time.monotonic()
            batch = self._next(supply, step)
            waited += time.monotonic() - asked
            ids = [str(name) for name in getattr(batch, "ids", ())]
            seen.append((micro, ids))
            losses[-1] += len(ids) or 1
            wrong = self._predict(batch, step * self.micros + micro)
            losses[micro] = wrong.detach()
            if not bool(torch.isfinite(wrong)):
                break
            (wrong / self.micros).backward()  # pyright: ignore[reportUnknownMemberType]
        self.crew.sum([losses])
        for micro, loss in enumerate(losses[:-1].tolist()):
            if not abs(loss) < float("inf"):
                self._stop(f"The loss of step {step} is {loss}", [(m, ids) for m, ids in seen if m == micro], micro)
        self.crew.sum_gradients(list(self.optimiser.named.values()))
        norm = self.optimiser.step(self.stage.rate_at(step))
        if not norm < float("inf"):
            self._stop(f"The gradient of step {step} has the norm {norm}", seen)
        self.average.update(self.named, step)
        taken = max(time.monotonic() - began, 1e-9)
        return _Found(float(losses[:-1].mean()), norm, (waited / taken, float(losses[-1]) / taken))

    def look(self, done: int, watch: Watch) -> dict[str, float]:
        """Validate and sample with the averaged weights, if it is time to. Returns what validation found."""
        validate = watch.validate if _due(done, self.stage.validate_every, self.stage) else None
        sample = watch.sample if _due(done, self.stage.sample_every, self.stage) else None
        if validate is None and sample is None:
            return {}
        with torch.no_grad(), self.average.worn(self.named):
            found = {} if validate is None else {name: float(value) for name, value in validate(done).items()}
            if sample is not None:
                sample(done)
        return found

    def _next(self, supply: Iterator[B], step: int) -> B:
        try:
            return next(supply)
        except StopIteration:
            raise BadInput(f"The batches ended in step {step} of {self.stage.steps}; give as many as asked.") from None

    def _predict(self, batch: B, number: int) -> Tensor:
        seed = self.stage.seed * 1_000_003 + number
        torch.manual_seed(seed)  # for dropout
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.stage.precision == "bf16"):
            return self.loss(batch, torch.Generator().manual_seed(seed))

    def _stop(self, what: str, seen: list[tuple[int, list[str]]], micro: int | None = None) -> None:
        """Say which samples it came of; nothing was learnt of them, and the last checkpoint stays."""
        named = "; ".join(f"micro-batch {m}, samples {', '.join(ids) or 'without names'}" for m, ids in seen)
        where = named or f"micro-batch {micro}, of another process"
        raise BadInput(
            f"{what} ({where}). Look at what it learnt from there; or lower the rate, which is another run, in another "
            f"folder. The last good state is in {self.folder}."
        )


def _due(done: int, every: int, stage: Stage) -> bool:
    """Whether it is time after so many steps: every so often, and at the end."""
    return every > 0 and (done % every == 0 or done == stage.steps)
