"""The files of benchmarks: entries of JSON objects, JSON lists, JSONL and CSV, read strictly.

Whatever is wrong is told with its file, entry and field, and with what to do.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from refrain.data.importers.rows import rows_of
from refrain.errors import BadInput


@dataclass(frozen=True)
class Entry:
    """One entry of a file and the key or number that it stands under."""

    file: Path
    key: str
    said: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field that is a text and not empty. Raises BadInput."""
        value = self.said.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(name, "a text that is not empty")
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """A field that is a list of texts, none of them empty. Raises BadInput."""
        value = self.said.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(x, str) and x.strip() for x in value):
            raise self.wrong(name, "a list of texts")
        return tuple(x.strip() for x in value)

    def number(self, name: str, least: int, most: int) -> int:
        """A field that is a whole number between two others. Raises BadInput."""
        value = self.said.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(name, f"a whole number from {least} to {most}")
        return value

    def path(self, name: str, folder: Path) -> Path:
        """A field that names a file below `folder`. Raises BadInput for a name that leads out of it."""
        return inside(folder, self.text(name), f"{self.where}, {name}")

    def rest(self, *taken: str) -> dict[str, Any]:
        """The fields that are not among `taken`."""
        return {name: value for name, value in self.said.items() if name not in taken}

    @property
    def where(self) -> str:
        return f"{self.file}, entry {self.key}"

    def wrong(self, name: str, wanted: str) -> BadInput:
        """What to raise for a field."""
        if name not in self.said:
            return BadInput(f"{self.where} has no {name}; it should be {wanted}. Fetch the file anew or mend it.")
        told = repr(self.said[name])
        return BadInput(f"{self.where}: its {name} is {told[:80]}, not {wanted}; mend it.")


def entries(path: Path) -> Iterator[Entry]:
    """The entries of a .json object or list, of .jsonl or .csv. Raises BadInput."""
    if not path.is_file():
        raise BadInput(f"{path} is not there; give the benchmark's own file.")
    if path.suffix.lower() in (".csv", ".jsonl"):
        for row in rows_of(path):
            yield Entry(path, str(row.number), row.cells)
        return
    whole = read_json(path)
    if not isinstance(whole, dict | list):
        raise BadInput(f"{path} holds neither a list nor an object of entries; give the benchmark's own file.")
    pairs = whole.items() if isinstance(whole, dict) else ((str(n), x) for n, x in enumerate(whole, 1))
    for key, said in pairs:
        if not isinstance(said, dict):
            raise BadInput(f"{path}, entry {key} is no JSON object; mend it or drop it.")
        yield Entry(path, key, said)


def read_json(path: Path) -> Any:
    """What a JSON file says. Raises BadInput, with the line, for what is no JSON and for a key that stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        said = dict(pairs)
        if len(said) < len(pairs):
            names = [name for name, _ in pairs]
            again = next(name for name in names if names.count(name) > 1)
            raise BadInput(f"{path} has the key {again} twice in one object; drop one of them.")
        return said

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} line {error.lineno} is not readable JSON ({error.msg}); fetch it anew.") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text; fetch it anew.") from None
    except RecursionError:
        raise BadInput(f"{path} is nested too deep for a benchmark's file; fetch it anew.") from None


def inside(folder: Path, name: str, where: str) -> Path:
    """The file `name` below `folder`. Raises BadInput for a name that leads out of it."""
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\0" in name or "\\" in name or not place.parts:
        raise BadInput(f"{where}: {name!r} is no file below the benchmark's folder; mend the name.")
    return folder / place


def table(path: Path, name: str) -> Path:
    """`path` where it is a file, or the file called `name` in it. Raises BadInput."""
    found = path / name if path.is_dir() else path
    if not found.is_file():
        raise BadInput(f"{found} is not there; give {name} or the folder that holds it.")
    return found
