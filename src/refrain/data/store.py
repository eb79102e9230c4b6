"""Pairs on disk: a folder with `pairs.jsonl`, one record a line, and the clips that the records name.

Reading is strict: the first line that cannot be used ends it, in one sentence that names the line. Clips are not opened
before they are asked for; `check` opens all of them.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self

from refrain.errors import BadInput, RefrainError
from refrain.media import Clip

from .facts import Facts, Known, facts_of
from .layer import rebuilt
from .pair import Pair, Split

PAIRS = "pairs.jsonl"
MOST_TOLD = 20  # faults that `check` gathers


class Store:
    """The pairs of one file. Iterating reads them line by line; `pairs` holds them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent
        self.known = Known(self.folder)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The store in a folder, or in a file of pairs. Raises BadInput where there is none."""
        given = Path(path)
        file = given / PAIRS if given.is_dir() else given
        if not file.is_file():
            raise BadInput(
                f"{given} holds no {PAIRS}; give a folder of pairs, or bring another form in with an importer."
            )
        return cls(file)

    @classmethod
    def create(cls, folder: str | Path) -> Self:
        """The store in a folder, begun there where there is none yet."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / PAIRS).touch()
        return cls.open(folder)

    def __iter__(self) -> Iterator[Pair]:
        """The pairs in their order. Raises BadInput at the first line that is no pair, or whose id came before."""
        lines: dict[str, int] = {}
        splits: dict[str, tuple[Split | None, int]] = {}
        for number, line in self._lines():
            yield self._pair(number, line, lines, splits)

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs, read once."""
        return tuple(self)

    def of(self, split: Split) -> tuple[Pair, ...]:
        """The pairs of one split."""
        return tuple(pair for pair in self.pairs if pair.split == split)

    def fingerprint(self) -> str:
        """A hash of all records in their order: another word, score or file name is another fingerprint."""
        whole = hashlib.sha256()
        for pair in self:
            whole.update(pair.written(self.folder).encode() + b"\n")
        return whole.hexdigest()

    def facts(self, pair: Pair) -> Facts:
        """Length, size and speed of a pair: what its record says, and where it is silent, its files are asked.

        Raises BadInput where source and target differ.
        """
        if pair.frames and pair.height and pair.width and pair.fps:
            return Facts(pair.frames, pair.height, pair.width, pair.fps)
        return self.probed(pair)

    def probed(self, pair: Pair) -> Facts:
        """Length, size and speed of a pair as its files have them, which must agree with each other and the record."""
        names = ["source", "layer" if pair.target is None else "target", *(["mask"] if pair.mask else [])]
        first: Facts | None = None
        for name in names:
            path = self._file(pair, name)
            try:
                found = self.known.facts(path)
            except RefrainError as error:
                raise BadInput(f"{self.where(pair)}: its {name} cannot be read: {error}") from None
            first = first or found
            self.alike(pair, first, found, name)
        assert first is not None
        return first

    def hash(self, pair: Pair, name: str) -> str:
        """SHA-256 of a pair's `source`, `target`, `layer` or `mask`; BadInput, with its line, where that is gone."""
        return self.known.hash(self._file(pair, name))

    def alike(self, pair: Pair, source: Facts, other: Facts, name: str) -> None:
        """Refuse a clip of a pair that is not as long, large and fast as the source, or not as the record says."""
        apart = source.differs(other)
        if apart:
            raise BadInput(f"{self.where(pair)}: its source and its {name} have {apart}; they must be alike.")
        said = Facts(
            pair.frames or source.frames, pair.height or source.height, pair.width or source.width,
            pair.fps or source.fps,
        )  # fmt: skip
        apart = said.differs(source)
        if apart:
            raise BadInput(f"{self.where(pair)}: the record and the clip say {apart}; mend the record.")

    def clips(self, pair: Pair) -> tuple[Clip, Clip]:
        """Source and target of a pair, the target rebuilt where it is kept as a layer. Raises BadInput."""
        read: list[Clip] = []
        for name in ("source", "layer" if pair.target is None else "target"):
            path: Path = getattr(pair, name)
            try:
                read.append(Clip.read(path))
            except RefrainError as error:
                raise BadInput(f"{self.where(pair)}: its {name} cannot be read: {error}") from None
            self.alike(pair, facts_of(read[0]), facts_of(read[-1]), name)
        source, other = read
        return source, (rebuilt(source, other) if pair.target is None else other)

    def check(self) -> list[str]:
        """Every fault of the store, up to twenty, each a sentence; none for a sound one. Opens every clip once."""
        faults: list[str] = []
        lines: dict[str, int] = {}
        splits: dict[str, tuple[Split | None, int]] = {}
        for number, line in self._lines():
            try:
                self.probed(self._pair(number, line, lines, splits))
            except RefrainError as error:
                faults.append(str(error))
            if len(faults) == MOST_TOLD:
                break
        return faults

    def add(self, pairs: Iterable[Pair]) -> None:
        """Append pairs; what a kill left of a last line is dropped first. One process may append at a time."""
        text = "".join(pair.written(self.folder) + "\n" for pair in pairs)
        with self.path.open("r+b") as file:
            torn = _tail(file)
            if torn and _is_record(torn):
                text = "\n" + text
            else:
                file.truncate(file.seek(-len(torn), os.SEEK_END))
            file.seek(0, os.SEEK_END)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        self.__dict__.pop("pairs", None)

    def where(self, pair: Pair) -> str:
        """A pair, told by its line and id."""
        return f"{self.path} line {pair.line} ({pair.id})"

    def _file(self, pair: Pair, name: str) -> Path:
        path: Path = getattr(pair, name)
        if not path.is_file():
            raise BadInput(f"{self.where(pair)}: its {name} {path} is missing; put it there or drop the line.")
        return path

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Lines with their numbers, counted from 1; empty ones are passed over, and so is a torn last one."""
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip() and (line.endswith(b"\n") or _is_record(line)):
                    yield number, line

    def _pair(
        self, number: int, line: bytes, lines: dict[str, int], splits: dict[str, tuple[Split | None, int]]
    ) -> Pair:
        """The pair of a line. `lines` and `splits` remember the ids and parents of the lines before it."""
        try:
            pair = Pair.read(line.decode(), self.folder, number)
        except UnicodeDecodeError:
            raise BadInput(f"{self.path} line {number}: it is not UTF-8 text; mend it or drop it.") from None
        except BadInput as error:
            raise BadInput(f"{self.path} line {number}: {error}; mend it or drop it.") from None
        if pair.id in lines:
            raise BadInput(f"{self.where(pair)}: line {lines[pair.id]} has the same id; give it another.")
        lines[pair.id] = number
        split, before = splits.setdefault(pair.parent, (pair.split, number))
        if split != pair.split:
            raise BadInput(
                f"{self.where(pair)}: it is of {pair.split}, but line {before} of the same parent {pair.parent} is of "
                f"{split}; pairs of one parent stay together."
            )
        return pair


def _tail(file: BinaryIO) -> bytes:
    """What stands after the last end of line."""
    end, held = file.seek(0, os.SEEK_END), b""
    while end and b"\n" not in held:
        begin = max(0, end - (1 << 16))
        file.seek(begin)
        held, end = file.read(end - begin) + held, begin
    return held[held.rfind(b"\n") + 1 :]


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
