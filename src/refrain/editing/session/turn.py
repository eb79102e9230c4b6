"""Turns, and the tree that they form: read from the records, and never kept anywhere else."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from refrain.editing.turns import Task
from refrain.errors import BadInput
from refrain.media import Clip

from . import log
from .log import Record
from .media import Facts, read_bound, read_clip, sound_in
from .shelf import checked, folder_of
from .state import LATENTS, State, load


@dataclass(frozen=True, eq=False)
class Turn:
    """One turn of a session: what was asked of which turn, and, in the session's folder, what came of it.

    id:     its number, by which it was asked; 0 is the source. parent: the turn that it edits, None of the source.
    words:  what was asked; of the source nothing.
    record: everything that was in force, as its line in turns.jsonl says.
    home:   the session's folder.
    """

    id: int
    parent: int | None
    words: str
    record: Record
    home: Path

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return folder_of(self.home, self.id)

    @property
    def clip(self) -> Clip:
        """What the user saw, exactly, read from the disk. Raises BadInput where the file is gone or changed."""
        return read_clip(self.folder, self.file(self.record["clip"]))

    def frame(self, number: int) -> Clip:
        """One frame of it, as a picture. BadInput where it has none of this number, or is a picture already."""
        if self.is_picture:
            raise BadInput(f"Turn {self.id} is a picture already; ask without a frame.")
        clip = self.clip
        if not 0 <= number < len(clip):
            raise BadInput(f"There is no frame {number}; turn {self.id} has frames 0 to {len(clip) - 1}.")
        return replace(clip.between(number, number + 1), still=True)

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture, not a clip."""
        return bool(self.record["clip"]["still"])

    @property
    def matte(self) -> Tensor | None:
        """What the turn changed, [T, 1, y, x] in 0..1 at the model's size; None of a source, or where none was kept."""
        facts = self.record.get("matte")
        return None if facts is None else read_bound(self.folder, self.file(facts))

    @property
    def masks(self) -> dict[Task, Tensor]:
        """The masks on the way to its picture, predicted or given, [T, 1, y, x] in 0..1 at the model's size."""
        told: dict[Task, Facts] = self.record.get("masks", {})
        return {task: read_bound(self.folder, self.file(facts)) for task, facts in told.items()}

    @property
    def made_by(self) -> dict[str, Any]:
        """The editor that its latents are of, as its record tells it: `model`, `weights` and more."""
        return self.record["editor"] if self.parent is None else self.record["made"]

    @property
    def weights(self) -> str:
        """The hash of that editor's weights."""
        return self.made_by["weights"]

    def state(self) -> State:
        """What the next turn edits."""
        self.file({"file": LATENTS})
        return load(self.folder)

    def file(self, facts: Facts) -> Facts:
        """Facts whose file is there as it was written. Raises BadInput otherwise."""
        checked(self.folder, facts["file"], self.record["files"])
        return facts


@dataclass
class Tree:
    """All turns of a session by number, the one that it stands on, and where `redo` goes from each.

    end: how many bytes of turns.jsonl are behind it.
    """

    turns: list[Turn]
    here: int = 0
    later: dict[int, int] = field(default_factory=dict[int, int])
    end: int = 0

    def add(self, turn: Turn) -> None:
        """Take up a new turn, and stand on it."""
        self.turns.append(turn)
        self.stand(turn.id)

    def stand(self, number: int) -> None:
        """Go to a turn; `redo` will lead back to it from all before it."""
        self.here = number
        for turn in self.line(number)[1:]:
            assert turn.parent is not None
            self.later[turn.parent] = turn.id

    def line(self, number: int) -> list[Turn]:
        """The turns from the source to this one."""
        found: list[Turn] = []
        at: int | None = number
        while at is not None:
            found.append(self.turns[at])
            at = self.turns[at].parent
        return found[::-1]

    def turn(self, number: int) -> Turn:
        """A turn by its number. BadInput where there is none."""
        if not 0 <= number < len(self.turns):
            raise BadInput(f"There is no turn {number}; the session has turns 0 (the source) to {len(self.turns) - 1}.")
        return self.turns[number]

    def sound_of(self) -> Any:
        """The source's sound, where it has one."""
        source = self.turns[0]
        told = source.record.get("sound")
        return None if told is None else sound_in(source.folder, source.file(told))


def read_tree(home: Path) -> Tree:
    """The tree as the records in `home` tell it. Raises BadInput where they do not fit together."""
    records, end = log.read(home)
    tree = Tree([], end=end)
    for line, record in enumerate(records, 1):
        if not _is_sound(record, tree):
            raise BadInput(f"Line {line} of {home / log.NAME} does not fit what is before it; put the file back.")
        if "turn" in record:
            asked = record.get("asked", {})
            tree.add(Turn(record["turn"], record["parent"], asked.get("words", ""), record, home))
        else:
            tree.stand(record["here"])
    return tree


def _is_sound(record: Record, tree: Tree) -> bool:
    """Whether a record speaks of the next turn, on one that is there, or goes to one that is there."""
    count = len(tree.turns)
    if "turn" not in record:
        return record.get("here") in range(count)
    known = isinstance(record.get("clip"), dict) and isinstance(record.get("files"), dict)
    on = record.get("parent") in range(count) if count else record.get("parent", 0) is None
    return known and record["turn"] == count and on
