"""Sessions on disk: a folder with `sessions.jsonl`, one record a line, and the pictures that the records name.

Reading is strict: the first line that cannot be used ends it, in one sentence that names the line. Pictures are not
opened before they are asked for.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

from torch import Tensor

from refrain.data.facts import Known
from refrain.data.pair import SPLITS, Split
from refrain.errors import BadInput
from refrain.media import Clip

SESSIONS = "sessions.jsonl"


@dataclass(frozen=True)
class TurnFiles:
    """One turn: what is asked, the picture (or clip) that answers, and where there are any, masks and references.

    here, there: where the picture before changes, and how the change lies, white on black.
    """

    words: str
    picture: Path
    here: Path | None = None
    there: Path | None = None
    references: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All that it names."""
        return (self.picture, *(path for path in (self.here, self.there) if path is not None), *self.references)


@dataclass(frozen=True)
class SessionFiles:
    """A source and its turns. facts: how it was made, as JSON. line: where in its file it stands, 0 for none."""

    id: str
    split: Split
    source: Path
    turns: tuple[TurnFiles, ...]
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    line: int = field(default=0, compare=False)

    def written(self, folder: Path) -> str:
        """The record as a line of a file in `folder`; what is empty is left out."""

        def inside(path: Path) -> str:
            return Path(os.path.relpath(path, folder)).as_posix()

        turns: list[dict[str, Any]] = []
        for turn in self.turns:
            said: dict[str, Any] = {"words": turn.words, "picture": inside(turn.picture)}
            said |= {name: inside(path) for name in ("here", "there") if (path := getattr(turn, name)) is not None}
            said |= {"references": [inside(path) for path in turn.references]} if turn.references else {}
            turns.append(said)
        record = {"id": self.id, "split": self.split, "source": inside(self.source), "turns": turns}
        return json.dumps(record | ({"facts": self.facts} if self.facts else {}), ensure_ascii=False)

    @classmethod
    def read(cls, text: str, folder: Path, line: int) -> Self:
        """A record from its line. Raises BadInput, which says what is wrong with it."""
        try:
            said = json.loads(text)
        except ValueError as error:
            raise BadInput(f"it is no JSON ({error})") from None
        if not isinstance(said, dict):
            raise BadInput("it is no record")
        known = cast(dict[str, Any], said)
        if not isinstance(known.get("id"), str) or known.get("split") not in SPLITS:
            raise BadInput(f"it needs an `id` and a `split` ({', '.join(SPLITS)})")
        turns = known.get("turns")
        if not isinstance(turns, list) or not turns:
            raise BadInput("it needs `turns`, one at least")
        told = tuple(_turn(one, number, folder) for number, one in enumerate(cast(list[Any], turns), 1))
        facts = known.get("facts", {})
        if not isinstance(facts, dict):
            raise BadInput("its `facts` are no record")
        return cls(known["id"], known["split"], _path(known, "source", folder), told, cast(dict[str, Any], facts), line)


class SessionStore:
    """The sessions of one file."""

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, path.parent
        self.known = Known(self.folder)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The store in a folder, or in a file of sessions. Raises BadInput where there is none."""
        given = Path(path)
        file = given / SESSIONS if given.is_dir() else given
        if not file.is_file():
            raise BadInput(f"{given} holds no {SESSIONS}; make one with refrain data sessions, as docs/data.md has it.")
        return cls(file)

    @classmethod
    def create(cls, folder: str | Path) -> Self:
        """The store in a folder, begun there where there is none yet; a last line that a kill tore is dropped."""
        path = Path(folder) / SESSIONS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        whole = path.read_bytes()
        if whole and not whole.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(whole.rfind(b"\n") + 1)
        return cls.open(folder)

    def __iter__(self) -> Iterator[SessionFiles]:
        """The sessions in their order. Raises BadInput at the first line that is none, or whose id came before."""
        lines: dict[str, int] = {}
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip() or not line.endswith(b"\n"):
                    continue
                try:
                    one = SessionFiles.read(line.decode(), self.folder, number)
                except UnicodeDecodeError:
                    raise BadInput(f"{self.path} line {number}: it is not UTF-8 text; mend it or drop it.") from None
                except BadInput as error:
                    raise BadInput(f"{self.path} line {number}: {error}; mend it or drop it.") from None
                if one.id in lines:
                    raise BadInput(f"{self.path} line {number}: line {lines[one.id]} has the id {one.id} too; mend it.")
                lines[one.id] = number
                yield one

    @cached_property
    def sessions(self) -> tuple[SessionFiles, ...]:
        """All sessions, read once."""
        return tuple(self)

    def of(self, split: Split) -> tuple[SessionFiles, ...]:
        """The sessions of one split."""
        return tuple(one for one in self.sessions if one.split == split)

    def add(self, one: SessionFiles) -> None:
        """Append a session, whose files are there. One process may append at a time."""
        with self.path.open("ab") as file:
            file.write(one.written(self.folder).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.__dict__.pop("sessions", None)

    def fingerprint(self) -> str:
        """A hash of all records in their order."""
        return hashlib.sha256("\n".join(one.written(self.folder) for one in self.sessions).encode()).hexdigest()


def frames_of(path: Path, frames: int, size: tuple[int, int]) -> Tensor:
    """The first `frames` frames of a file of a session [T, 3, Y, X] in [-1, 1]; a still is shown in all of them."""
    clip = Clip.read(path)
    if 1 < len(clip) < frames:
        raise BadInput(f"{path} has {len(clip)} frames, and its session {frames}; they must be alike.")
    return clip.between(0, min(frames, len(clip))).at(size).expand(frames, -1, -1, -1)


def _turn(said: Any, number: int, folder: Path) -> TurnFiles:
    if not isinstance(said, dict):
        raise BadInput(f"its turn {number} is no record")
    known = cast(dict[str, Any], said)
    if not isinstance(known.get("words"), str) or not known["words"].strip():
        raise BadInput(f"its turn {number} says no `words`")
    references = known.get("references", [])
    if not isinstance(references, list):
        raise BadInput(f"its turn {number} needs `references` in a list")
    named = tuple(_path({"reference": one}, "reference", folder) for one in cast(list[Any], references))
    masks = [_path(known, name, folder) if name in known else None for name in ("here", "there")]
    return TurnFiles(known["words"], _path(known, "picture", folder), masks[0], masks[1], named)


def _path(said: dict[str, Any], name: str, folder: Path) -> Path:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"it needs the file of a `{name}`")
    return folder / value
