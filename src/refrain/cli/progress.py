"""A line on stderr that says what is going on and how long it will still take; nothing where nobody would see it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress as Line

    from refrain.editing.request import OnProgress, Progress

NAMES = {"encode": "looking", "denoise": "drawing", "compose": "putting the source back"}


class Teller:
    """Says stages: `stage("reading")` for those without a length, `on_progress` for those that an edit tells."""

    def __init__(self, line: "Line | None") -> None:
        self._line, self._task, self._name = line, None, ""

    def stage(self, name: str, done: int = 0, total: int | None = None, how: str = "") -> None:
        """Show the stage `name`, with `done` of `total` parts behind it, where that is known, and `how` it goes."""
        if self._line is None:
            return
        if self._task is None or name != self._name:
            if self._task is not None:
                self._line.remove_task(self._task)
            self._task, self._name = self._line.add_task(name, total=total), name
        self._line.update(self._task, completed=done, total=total, description=f"{name} {how}".rstrip())

    @property
    def shown(self) -> bool:
        """Whether somebody sees it."""
        return self._line is not None

    def on_progress(self, progress: "Progress") -> None:
        """What an edit reports."""
        known = progress.total if progress.total > 1 else None
        self.stage(NAMES.get(progress.stage, progress.stage), progress.done, known)

    def every(self, steps: int, of: int) -> "OnProgress":
        """A listener for edit number `steps` of several: the bar counts them all."""

        def listen(progress: "Progress") -> None:
            share = progress.done / progress.total if progress.stage == "denoise" else 0.0
            self.stage(f"edit {steps + 1} of {of}", int(100 * (steps + share)), 100 * of)

        return listen


@contextmanager
def told(quiet: bool) -> Iterator[Teller]:
    """A bar on stderr while the body runs; none when `quiet`, or when stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield Teller(None)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as line:
        yield Teller(line)


def say(text: str, quiet: bool) -> None:
    """One line to the person, on stderr, so that stdout stays for what was asked."""
    if not quiet:
        print(text, file=sys.stderr)
