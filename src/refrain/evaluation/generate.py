"""An editor answers the cases of a run, into files of the benchmark's own layout.

A case that cannot be answered is written down with its reason and never stops the others: no source, words that the
model refuses, a clip that it cannot read. What the machine lacks (memory, disk) stops the run, which can be resumed.
Several turns are asked in a session (`editing.session`), so that a turn edits what the one before it left.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from refrain.editing.editor import Editor
from refrain.editing.request import Edit, OnProgress
from refrain.editing.session.session import Session
from refrain.errors import BadInput, RefrainError
from refrain.evaluation.case import Case
from refrain.evaluation.frames import read_clip, write_matte
from refrain.evaluation.record import Answer, Run, file_hash
from refrain.media import Clip

SESSIONS = "sessions"  # below the run: sessions under way; one whose turns are all answered is dropped


@dataclass(frozen=True)
class Manner:
    """How every case is asked; None is the checkpoint's own choice. short_side: pixels, of the model's picture."""

    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    short_side: int | None = None

    def told(self) -> dict[str, Any]:
        """For the record of a run."""
        return asdict(self)


Listener = Callable[[int, Case, int], OnProgress]  # (cases behind, case, turn) -> who is told how far its edit is


def generate(run: Run, editor: Editor, manner: Manner, listen: Listener) -> Iterator[Answer]:
    """Answer what the run has not answered yet, case by case; yields every answer as it is written down.

    A turn is asked again where its file is gone, or its source came, went or changed since.
    """
    run.outputs.mkdir(exist_ok=True)
    before = run.answers
    for number, case in enumerate(run.cases):
        source = file_hash(case.source)
        turns = range(1, len(case.instructions) + 1)
        if all(_stands(run, case, turn, before.get((case.id, turn)), source) for turn in turns):
            continue
        for found in _answers(run, number, editor, manner, source, listen):
            run.tell(found)
            yield found


def _stands(run: Run, case: Case, turn: int, answer: Answer | None, source: str | None) -> bool:
    """Whether an answer given before is still one."""
    if answer is None or answer.source != source:
        return False
    return answer.hash is None or run.answer_path(case, turn).exists()


def _answers(
    run: Run, number: int, editor: Editor, manner: Manner, source: str | None, listen: Listener
) -> Iterator[Answer]:
    """The answers to all turns of a case; after a turn without one, the others have none either."""
    case, reason = run.cases[number], None
    folder = run.folder / SESSIONS / f"{number:05d}-{(source or '')[:12]}"
    asker = _once if len(case.instructions) == 1 else _in_session
    for turn in range(1, len(case.instructions) + 1):
        began, place = time.monotonic(), run.answer_path(case, turn)
        if reason is None:
            try:
                clip, matte = asker(case, turn, folder, editor, manner, listen(number, case, turn))
                _keep_matte(matte, run.matte_path(case, turn))
                _write(clip, place)
            except RefrainError as error:
                reason = str(error)
        else:
            reason = f"turn {turn - 1} has no answer"
        if reason is not None:
            _drop(place)
            _drop(run.matte_path(case, turn))
        seconds = round(time.monotonic() - began, 3)
        yield Answer(case.id, turn, file_hash(place), reason, source, seconds, version("refrain-edit"))
    _drop(folder)


Made = tuple[Clip, Tensor | None]  # an answer, and the matte [T, 1, y, x] of what it changed


def _once(case: Case, turn: int, folder: Path, editor: Editor, manner: Manner, listen: OnProgress) -> Made:
    """The answer to the only turn of a case."""
    asked = Edit(
        case.instructions[0],
        _source(case),
        references=tuple(read_clip(path) for path in case.references),
        seed=manner.seed,
        steps=manner.steps,
        guidance=manner.guidance,
        short_side=manner.short_side,
    )
    done = editor.edit(asked, listen)
    return done.clip, done.change


def _in_session(case: Case, turn: int, folder: Path, editor: Editor, manner: Manner, listen: OnProgress) -> Made:
    """The answer to a turn of a session, which lies on the disk up to its last turn: no turn is asked twice."""
    if turn == 1 and not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        Session.create(folder, _source(case), editor, manner.short_side, listen)
    session = Session.open(folder, editor)
    if len(session.turns) <= turn:
        words = case.instructions[turn - 1]
        session.ask(words, None, listen, seed=manner.seed, steps=manner.steps, guidance=manner.guidance)
    return session.whole(turn), session.turn(turn).matte


def _source(case: Case) -> Clip:
    if case.source is None:
        raise BadInput("the case has no source")
    if not case.source.exists():
        raise BadInput(f"the source {case.source.name} is not there")
    return read_clip(case.source)


def _write(clip: Clip, place: Path) -> None:
    """Without loss and without sound, so that nothing but the edit is scored; frames in a folder where no ending is."""
    place.parent.mkdir(parents=True, exist_ok=True)
    silent = replace(clip, sound=None)
    if place.suffix:
        silent.write(place, lossless=place.suffix.lower() not in {".jpg", ".jpeg"})
        return
    _drop(place)
    silent.write(f"{place}/")


def _keep_matte(matte: Tensor | None, place: Path) -> None:
    """The matte goes first: an answer that lies there has its own matte beside it, or none."""
    _drop(place)
    if matte is not None:
        write_matte(matte[:, 0].float().cpu().numpy(), place)


def _drop(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
