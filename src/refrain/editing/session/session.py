"""A session: ask, look, take back, go another way. The folder is the session; this is a view of it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from safetensors import SafetensorError
from torch import Tensor

from refrain.editing.chain import InLine, Masks
from refrain.editing.compose import Seen, require_references
from refrain.editing.edit import Clock, answer, look
from refrain.editing.editor import Editor
from refrain.editing.request import OnProgress, Progress, Result, check_side
from refrain.editing.turns import Task
from refrain.errors import BadInput, RefrainError, Unsupported
from refrain.media import Clip
from refrain.media.fit import model_size
from refrain.models.outline import INSIDE

from . import log
from .ask import Ask, Choices, asked_in, check_seed, references_in
from .begin import begin, require_place
from .lines import Lines, begun, line_of, serves, told
from .lock import held
from .media import write_bound, write_clip
from .shelf import hashes, shelved, sweep
from .state import State, carried, save
from .story import shown
from .turn import Tree, Turn, read_tree
from .where import Where, where

MOST = 64  # turns in one line


class Session:
    """One source, edited turn after turn. Made by `create` and `open`.

    Whatever changes it takes the session's lock, reads what is on the disk, and leaves it at a whole turn.
    """

    def __init__(self, home: Path, editor: Editor | None, tree: Tree) -> None:
        self.home, self.editor, self._tree = home, editor, tree
        self._lines = Lines()  # what the editor's model has seen of the turns

    @classmethod
    def create(
        cls, folder: str | Path, source: Clip, editor: Editor, short_side: int | None = None,
        on_progress: OnProgress | None = None, dummy: bool = False,
    ) -> "Session":  # fmt: skip
        """Begin a session with a clip or a picture, in a folder that is new or empty.

        short_side: pixels of the shorter side at which the model edits, in every turn. dummy: every line begins as if
        the model had been asked to keep the source as it is, and had done so (VINCIE, arXiv 2506.10941, Table 4).
        """
        check_side(short_side)
        home = Path(folder)
        require_place(home)
        state = _source_state(source, short_side, editor, on_progress or _silent)
        if dummy and not serves(editor, state):
            raise Unsupported(f"{editor.model} sees one turn of this source at a time; begin without a dummy turn.")
        try:
            begin(home, source, state, editor, short_side, dummy)
        except (OSError, SafetensorError) as error:
            raise BadInput(
                f"The session {home} could not be made: {_reason(error)}. See to that, and begin again."
            ) from error
        return cls(home, editor, read_tree(home))

    @classmethod
    def open(cls, folder: str | Path, editor: Editor | None = None, anew: bool = False) -> "Session":
        """A session that was begun before. Without an editor it can do everything but ask.

        anew: an editor with other weights than its turns came of goes on with what was seen: it encodes the clips of
        those turns anew, and knows nothing of the masks on their way.
        Raises BadInput for a folder that holds no session, and for such an editor unless it is `anew`; but
        the models that come with the package share sessions.
        """
        session = cls(Path(folder), None, read_tree(Path(folder)))
        if editor is not None and not anew:
            session._check(editor)
        session.editor = editor
        return session

    # ---- what is there

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns by number; the first is the source."""
        return tuple(self._tree.turns)

    @property
    def here(self) -> Turn:
        """The turn that the next one edits."""
        return self._tree.turns[self._tree.here]

    def turn(self, which: Turn | int) -> Turn:
        """A turn by its number. BadInput where there is none."""
        return self._tree.turn(which if isinstance(which, int) else which.id)

    def line(self, turn: Turn | int) -> tuple[Turn, ...]:
        """The turns from the source to this one."""
        return tuple(self._tree.line(self.turn(turn).id))

    def show(self) -> dict[str, Any]:
        """The tree as data: `here`, and all `turns` with their parents.

        references: of each its turn's number, or its file in the turn's folder.
        """
        told = [
            {"turn": turn.id, "parent": turn.parent, "words": turn.words, "seed": asked.get("seed"),
             "frame": asked.get("frame"), "picture": turn.is_picture, "masks": sorted(turn.record.get("masks", ())),
             "references": [one.get("turn", one.get("file")) for one in asked.get("references", ())],
             "story": asked.get("story", False)}
            for turn in self._tree.turns
            for asked in [turn.record.get("asked", {})]
        ]  # fmt: skip
        return {"here": self._tree.here, "source": self._tree.turns[0].record["source"], "turns": told}

    def export(
        self, turn: Turn | int | None, out: str | Path, quality: float = 18, lossless: bool = False
    ) -> tuple[str, ...]:
        """Write a turn (None: where the session stands) with the source's times and sound; see `Clip.write`."""
        clip = self.whole(self.here if turn is None else turn)
        if Path(out).absolute().resolve().is_relative_to(self.home.absolute().resolve()):
            raise BadInput(f"{out} lies in the session's own folder; write it elsewhere.")
        return clip.write(out, quality=quality, lossless=lossless)

    def whole(self, turn: Turn | int) -> Clip:
        """What the user saw in a turn, with the source's sound."""
        found = self.turn(turn)
        clip = found.clip
        return clip if found.is_picture else replace(clip, sound=self._tree.sound_of())

    def where(
        self, words: str, at: Turn | int | None = None, on_progress: OnProgress | None = None,
        **choices: Unpack[Choices],
    ) -> Where:  # fmt: skip
        """Where these words would change a turn: the masks that `ask` with a chain predicts. Nothing is asked.

        choices: seed, steps, guidance, frame; here: then only how the change would lie is predicted.
        """
        choices["chain"] = True
        editor, asked = self._asker(), Ask(words, **choices)
        parent = self.here if at is None else self.turn(at)
        clip, state = self._source(parent, asked, on_progress or _silent)
        seen = state.seen((), editor.device)
        before = self._in_line(parent, asked, state, seen)
        assert before is not None  # what knows no turns has no chain, which was said
        request = asked.edit(clip, self._short_side)
        return where(request, seen, editor, before, on_progress or _silent)

    # ---- what changes it

    def ask(
        self, words: str, at: Turn | int | None = None, on_progress: OnProgress | None = None,
        **choices: Unpack[Choices],
    ) -> Turn:  # fmt: skip
        """Edit the turn that the session stands on, or the turn `at`, and stand on the answer.

        choices: as in `Edit`: seed, steps, guidance, bound, references, effects, any_base; and those of a session
        (`Choices`). A number among the references is a turn that is a picture.
        """
        return self._answer(Ask(words, **choices), at, on_progress or _silent)

    def undo(self) -> Turn:
        """Stand on the turn before. BadInput at the source."""
        with self._writing():
            before = self.here.parent
            if before is None:
                raise BadInput("There is nothing to undo; the session stands at the source.")
            return self._go(before, "undo")

    def redo(self) -> Turn:
        """Stand again on the turn that was last left from here. BadInput where there is none."""
        with self._writing():
            later = self._tree.later.get(self._tree.here)
            if later is None:
                raise BadInput(f"There is nothing to redo; no turn comes after turn {self._tree.here}.")
            return self._go(later, "redo")

    def branch(self, turn: Turn | int) -> Turn:
        """Stand on any turn, so that the next one goes another way from there."""
        with self._writing():
            return self._go(self.turn(turn).id, "branch")

    def replay(
        self, folder: str | Path, editor: Editor | None = None, seed: int | None = None,
        on_progress: OnProgress | None = None, others: Sequence[Editor] = (),
    ) -> "Session":  # fmt: skip
        """Ask everything again, in a new folder: of the same editor or another one, with the same seeds or another.

        others: of a session of several models; a turn that one of these answered is asked of that one again.
        """
        check_seed(seed)
        asker, first = editor or self._asker(), self._tree.turns[0].record
        origin = None if first["source"] is None else Path(first["source"])
        source = replace(self.whole(0), origin=origin)
        new = Session.create(folder, source, asker, first["short_side"], on_progress, first.get("dummy", False))
        for turn in self._tree.turns[1:]:
            try:
                new.editor = next((one for one in others if one.weights == turn.weights), asker)
                new._answer(asked_in(turn, seed), turn.parent, on_progress or _silent)
            except RefrainError as error:
                said = (
                    f"{error} That was turn {turn.id}; {folder} holds what came before it: go on there, or remove it."
                )
                raise type(error)(said) from error
        if new.here.id != self.here.id:
            new.branch(self.here.id)
        return new

    # ---- how

    def _answer(self, asked: Ask, at: Turn | int | None, on_progress: OnProgress) -> Turn:
        editor = self._asker()
        with self._writing():
            parent = self.here if at is None else self.turn(at)
            if len(self._tree.line(parent.id)) > MOST:
                raise BadInput(
                    f"Turn {parent.id} ends a line of {MOST} turns, which is the most; branch from an earlier one, or "
                    "export it and begin a new session with it."
                )
            if asked.references:
                require_references(editor.card)
            clip, state = self._source(parent, asked, on_progress)
            pictures = tuple(self._picture(one, state, on_progress) for one in asked.references)
            request = asked.edit(clip, self._short_side)
            seen = state.seen(pictures, editor.device)
            before = self._in_line(parent, asked, state, seen)
            done = answer(request, editor, on_progress, seen, before)
            state = carried(done, editor.codec, editor.card)
            found = Masks() if done.chained is None else done.chained.masks
            drawn: dict[Task, Tensor] = {task: mask[: len(done.result.clip)] for task, (_, mask) in found.items()}
            kept = self._keep(asked, parent, done.result, state, drawn)
            if done.chained is not None and asked.frame is None:
                self._lines[kept.id] = done.chained.question.answered(state.seen((), editor.device))
            return kept

    def _in_line(self, parent: Turn, asked: Ask, state: State, seen: Seen) -> InLine | None:
        """What stands before a turn, where the model knows of several turns; raises Unsupported where it must."""
        editor = self._asker()
        if not serves(editor, state):
            if asked.masked or asked.story:
                why = (
                    "the clip is longer than one of its windows" if editor.card.turns else "it was taught single turns"
                )
                raise Unsupported(f"{editor.model} has no chain and no story here, since {why}; ask without.")
            return None
        told_so_far = self._shown(parent, asked.frame) if asked.story else (replace(seen, references=()),)
        if asked.frame is not None:
            line = told(begun(self._tree, told_so_far[0], editor), told_so_far, asked.words, editor)
        else:
            line = line_of(self._tree, parent.id, editor, self._lines, self._state, self._references, self._filmed)
        return InLine(line, asked.chain, asked.here, asked.within, tuple(one.full for one in told_so_far[:-1]))

    def _shown(self, turn: Turn, frame: int | None) -> tuple[Seen, ...]:
        """The last pictures of a story that goes on from a turn, or from a frame of it."""

        def seen(turn: Turn, number: int | None) -> State:
            return self._state(turn) if number is None else self._encoded(turn.frame(number), _silent)

        return tuple(one.seen((), self._asker().device) for one in shown(self._tree, turn, frame, seen))

    def _filmed(self, turn: Turn) -> tuple[Seen, ...]:
        """The frames of a clip that a turn's story goes on from; none, where it tells none or begins with no clip."""
        asked = turn.record.get("asked", {})
        if turn.parent is None or not asked.get("story") or asked["frame"] is None:
            return ()
        return self._shown(self._tree.turn(turn.parent), asked["frame"])

    def _references(self, turn: Turn) -> tuple[Tensor, ...]:
        """The latents of the references of a turn that was asked before."""
        state = self._state(turn)
        return tuple(self._picture(one, state, _silent) for one in references_in(turn))

    def _state(self, turn: Turn) -> State:
        """The latents of a turn; encoded from what was seen where they are those of another model."""
        if turn.weights == self._asker().weights:
            return turn.state()
        return self._encoded(turn.clip, _silent)

    def _source(self, parent: Turn, asked: Ask, on_progress: OnProgress) -> tuple[Clip, State]:
        """The clip that a turn edits, with its latents; one frame of it is looked at anew."""
        if asked.frame is None:
            return parent.clip, self._state(parent)
        picture = parent.frame(asked.frame)
        return picture, self._encoded(picture, on_progress)

    def _encoded(self, clip: Clip, on_progress: OnProgress) -> State:
        """A clip as if a session of this one's size began with it."""
        return _source_state(clip, self._short_side, self._asker(), on_progress)

    @property
    def _short_side(self) -> int | None:
        return self._tree.turns[0].record["short_side"]

    def _picture(self, reference: Clip | int, state: State, on_progress: OnProgress) -> Tensor:
        """The latents of a reference; those of a turn do not pass through pixels."""
        if isinstance(reference, int):
            turn = self.turn(reference)
            if not turn.is_picture:
                raise BadInput(f"Turn {turn.id} is a clip, and a reference is a picture; edit one frame of it first.")
            return self._state(turn).full
        editor = self._asker()
        size = tuple(side * editor.codec.pixels_per_latent for side in state.full.shape[-2:])
        return look(reference, (), (size[0], size[1]), editor, on_progress, Clock()).full

    def _keep(self, asked: Ask, parent: Turn, result: Result, state: State, masks: dict[Task, Tensor]) -> Turn:
        """Bring a turn to the disk: its files, then its record. masks: [T, 1, y, x], as they may be looked at."""
        number = len(self._tree.turns)
        try:
            with shelved(self.home, number) as folder:
                save(state, folder)
                record = {
                    "turn": number, "parent": parent.id, "at": log.now(), "asked": asked.told(folder),
                    "clip": write_clip(result.clip, folder, "clip"),
                    "matte": write_bound(result.change, folder, "matte"),
                    "masks": {task: write_bound(mask, folder, f"mask-{task}") for task, mask in masks.items()},
                    "made": result.record, "files": hashes(folder),
                }  # fmt: skip
            self._tree.end = log.add(self.home, record, self._tree.end)
        except (OSError, SafetensorError, RefrainError) as error:
            self._tree = read_tree(self.home)
            sweep(self.home, len(self._tree.turns))  # what was written takes room
            raise BadInput(
                f"Turn {number} could not be kept ({_reason(error)}); the session stays at turn {self._tree.here}. "
                "See to that, for example make room on the disk, and ask again."
            ) from error
        turn = Turn(number, parent.id, asked.words, record, self.home)
        self._tree.add(turn)
        return turn

    def _go(self, number: int, by: str) -> Turn:
        try:
            self._tree.end = log.add(self.home, {"here": number, "by": by, "at": log.now()}, self._tree.end)
        except OSError as error:
            raise BadInput(
                f"The session {self.home} stays where it is: {_reason(error)}. See to that first."
            ) from error
        self._tree.stand(number)
        return self.here

    @contextmanager
    def _writing(self) -> Generator[None]:
        """The session is ours alone, and as the disk has it."""
        with held(self.home):
            self._tree = read_tree(self.home)
            sweep(self.home, len(self._tree.turns))
            yield

    def _asker(self) -> Editor:
        if self.editor is None:
            raise BadInput("This session was opened without an editor, so it can ask nothing; open it with one.")
        return self.editor

    def _check(self, editor: Editor) -> None:
        other = next((turn for turn in self._tree.turns if not _shares(turn, editor)), None)
        if other is not None:
            raise BadInput(
                f"Turn {other.id} of {self.home} came of {other.made_by['model']} (weights {other.weights[:8]}), not "
                f"of {editor.model} ({editor.weights[:8]}); open it with that, replay it into a new folder with this, "
                "or say anew (--anew), and what was seen is encoded again."
            )


def _source_state(clip: Clip, short_side: int | None, editor: Editor, on_progress: OnProgress) -> State:
    """The latents of a clip that no turn has touched, at the size at which the model edits it."""
    size = model_size(clip.size, short_side or editor.card.short_side, editor.card.multiple)
    return State.of(look(clip, (), size, editor, on_progress, Clock()))


def _shares(turn: Turn, editor: Editor) -> bool:
    """Whether an editor may go on from a turn unasked: it made it, or both are models inside, which share sessions."""
    names = {turn.made_by["model"], editor.model}
    return turn.weights == editor.weights or (len(names) == 2 and names <= set(INSIDE))


def _reason(error: Exception) -> str:
    """What the system or a writer said, without its full stop."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return said.strip().rstrip(".")


def _silent(progress: Progress) -> None:
    """Nobody listens."""
