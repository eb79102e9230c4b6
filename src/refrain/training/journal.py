"""What is written down of every step: one line of JSON, and whatever trackers are asked for by name."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker, get_available_trackers

from refrain.errors import Unsupported

JOURNAL = "journal.jsonl"
Tracker = str | GeneralTracker


@dataclass(frozen=True)
class Step:
    """What is written down of every step.

    of:          steps in all.
    seconds:     since this process began to learn. left: seconds that the rest will take at this pace.
    waiting:     the share of the step's time that was spent waiting for data.
    samples:     samples a second over all devices (micro-batches, where a batch does not name its samples in `ids`).
    validation:  what `validate` found after this step, if it was asked.
    """

    step: int
    loss: float
    norm: float
    rate: float
    seconds: float
    of: int = 0
    left: float = 0.0
    waiting: float = 0.0
    samples: float = 0.0
    validation: dict[str, float] = field(default_factory=dict[str, float])

    def numbers(self) -> dict[str, float]:
        """All but its own number, flat, for trackers."""
        flat = {name: value for name, value in asdict(self).items() if name not in {"step", "of", "validation"}}
        return {**flat, **{f"validation/{name}": value for name, value in self.validation.items()}}


class Journal:
    """The journal of a run that goes on after `done` steps; lines of later steps are dropped, for those come again.

    trackers: names that accelerate knows (tensorboard, wandb, ...), or trackers of one's own. Unsupported where one is
    unknown or not installed.
    """

    def __init__(self, folder: Path, done: int, trackers: tuple[Tracker, ...] = (), about: dict[str, str] = {}) -> None:  # noqa: B006
        self.trackers = [_tracker(asked, folder) for asked in trackers]
        folder.mkdir(parents=True, exist_ok=True)
        _forget(folder / JOURNAL, done)
        self.file = (folder / JOURNAL).open("a", encoding="utf-8")
        for tracker in self.trackers:
            tracker.start()
            tracker.store_init_configuration(dict(about))

    def write(self, step: Step) -> None:
        self.file.write(json.dumps(asdict(step)) + "\n")
        self.file.flush()
        for tracker in self.trackers:
            tracker.log(step.numbers(), step=step.step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.file.close()
        for tracker in self.trackers:
            tracker.finish()


def read(folder: Path) -> list[Step]:
    """The steps that a run has written down so far."""
    path = folder / JOURNAL
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    return [Step(**json.loads(line)) for line in lines if line.endswith("}\n")]


def _forget(journal: Path, done: int) -> None:
    """Drop what a killed run wrote down after its last checkpoint: those steps come again."""
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True) if journal.is_file() else []
    whole = [line for line in lines if line.endswith("}\n") and json.loads(line)["step"] < done]
    if whole != lines:
        aside = journal.with_suffix(".part")
        aside.write_text("".join(whole), encoding="utf-8")
        os.replace(aside, journal)


def _tracker(asked: Tracker, folder: Path) -> GeneralTracker:
    if isinstance(asked, GeneralTracker):
        return asked
    if asked not in LOGGER_TYPE_TO_CLASS:
        raise Unsupported(f"accelerate knows no tracker `{asked}`; choose one of {', '.join(LOGGER_TYPE_TO_CLASS)}.")
    if asked not in {str(name) for name in get_available_trackers()}:
        raise Unsupported(f"The tracker `{asked}` is not installed; install its package, or leave the tracker out.")
    kind = LOGGER_TYPE_TO_CLASS[asked]
    here = folder.resolve()  # what a tracker writes lies in the run's own folder
    return kind(here.name, *([str(here.parent)] if kind.requires_logging_directory else []))
