"""Tables of pairs: rows of CSV, JSON or JSONL, and a row as a pair."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refrain.data.pair import Pair
from refrain.errors import BadInput


@dataclass(frozen=True)
class Row:
    """A row of a table and where it stands."""

    file: Path
    number: int
    cells: dict[str, Any]

    def has(self, names: Sequence[str]) -> bool:
        """Whether one of these columns is filled."""
        return any(self.cells.get(name) not in (None, "") for name in names)

    def text(self, names: Sequence[str], called: str) -> str:
        """What the first filled column of these says. Raises BadInput where none is, or where it is no text."""
        for name in names:
            said = self.cells.get(name)
            if said in (None, ""):
                continue
            if not isinstance(said, str) or "\0" in said:
                raise BadInput(f"{self.file} row {self.number}: its {name} is {said!r}; one text is wanted.")
            return said
        raise BadInput(f"{self.file} row {self.number} has no {called} (looked for {', '.join(names)}); fill it.")

    def path(self, names: Sequence[str], called: str) -> Path:
        """The file that such a column names, relative to the table's own folder."""
        return self.file.parent / self.text(names, called)


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a table, numbered from 1: in JSONL by lines, in CSV by rows that hold something. Raises BadInput."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    if path.suffix.lower() == ".csv":
        try:
            for number, cells in enumerate(csv.DictReader(io.StringIO(text, newline="")), 1):
                yield Row(path, number, {key: value for key, value in cells.items() if key})
        except csv.Error as error:
            raise BadInput(f"{path} is not readable CSV ({error}).") from None
        return
    if path.suffix.lower() == ".jsonl":
        lines = enumerate(text.split("\n"), 1)  # a text may hold other ends of line
        found = ((number, _json(line, path, number)) for number, line in lines if line.strip())
    else:
        whole = _json(text, path, None)
        if not isinstance(whole, list):
            raise BadInput(f"{path} is not a list of rows; give one like [{{...}}, {{...}}].")
        found = enumerate(whole, 1)
    for number, cells in found:
        if not isinstance(cells, dict):
            raise BadInput(f"{path} row {number} is not a JSON object; mend it or drop it.")
        yield Row(path, number, cells)


def _json(text: str, path: Path, line: int | None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path} line {error.lineno if line is None else line}"
        raise BadInput(f"{where} is not readable JSON ({error.msg}); mend it or drop it.") from None


class Namer:
    """Pairs called after their target's place below a folder; the same place again gets a number."""

    def __init__(self, folder: Path, provenance: str) -> None:
        self.folder, self.provenance = folder, provenance
        self._taken = Counter[str]()

    def pair(self, source: Path, target: Path, instruction: str, mask: Path | None = None) -> Pair:
        """A pair of these files; its parent is the source, so that all edits of one clip stay together."""
        name = self._place(target.with_suffix(""))
        self._taken[name] += 1
        again = self._taken[name]
        return Pair(
            id=name if again == 1 else f"{name} {again}",
            parent=self._place(source),
            source=source,
            target=target,
            instruction=instruction.strip(),
            mask=mask,
            provenance=self.provenance,
        )

    def _place(self, path: Path) -> str:
        return (path.relative_to(self.folder) if path.is_relative_to(self.folder) else path).as_posix()
