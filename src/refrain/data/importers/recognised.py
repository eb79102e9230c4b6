"""Which form a path is in, told by looking at it."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from refrain.data.pair import Pair
from refrain.data.store import PAIRS, Store
from refrain.errors import BadInput

from . import diffsynth, ltx, musubi, videox
from .diffsynth import read_diffsynth
from .folders import clips_in, control_of, read_folders
from .ltx import read_ltx
from .musubi import read_musubi, read_musubi_list
from .rows import Row, rows_of
from .shards import read_shards
from .videox import read_videox

_TABLES = (PAIRS, "metadata.csv", "metadata.json", "metadata.jsonl", "dataset.json", "dataset.jsonl", "dataset.csv")
_KNOWN = (
    "pairs.jsonl, metadata.csv of DiffSynth or Kiwi, VideoX-Fun's JSON, musubi-tuner's TOML or JSONL, LTX's "
    "dataset.json, folders of clips with .txt beside and control/ below, or .tar shards"
)


def open_any(path: str | Path, into: Path | None = None) -> Iterator[Pair]:
    """The pairs of a data set in any form that is known. into: where the clips of tar shards are put.

    Raises BadInput, in one sentence, for a path in no known form, and for a row or file that is no pair.
    """
    given = Path(path)
    if not given.exists():
        raise BadInput(f"{given} does not exist; check its name.")
    if given.suffix.lower() == ".tar" or (given.is_dir() and next(given.glob("*.tar"), None)):
        if into is None:
            raise BadInput(f"{given} holds tar shards; say into which folder their clips are to be put.")
        return read_shards(given, into)
    file = _table_in(given) if given.is_dir() else given
    if file is None:
        if control_of(given) is not None or clips_in(given):
            return read_folders(given)
        raise BadInput(f"{given} is in no form that is known: {_KNOWN}.")
    return _reader(file)(file)


def _table_in(folder: Path) -> Path | None:
    """The table of a folder: one of the usual names, or else the only .toml, .json, .jsonl or .csv there."""
    usual = [folder / name for name in _TABLES if (folder / name).is_file()]
    others = [p for ending in ("toml", "json", "jsonl", "csv") for p in sorted(folder.glob(f"*.{ending}"))]
    if not usual and len(others) > 1:
        raise BadInput(f"{folder} holds {', '.join(p.name for p in others[:4])}; say which one.")
    return next(iter([*usual, *others]), None)


def _reader(file: Path) -> Callable[[Path], Iterator[Pair]]:
    """What reads a file, told by its ending and by the names of its first row."""
    ending = file.suffix.lower()
    if ending == ".toml":
        return read_musubi
    if ending not in (".csv", ".json", ".jsonl"):
        raise BadInput(f"{file} is in no form that is known: {_KNOWN}.")
    if file.name == PAIRS or (ending == ".jsonl" and _is_ours(file)):
        return lambda path: iter(Store.open(path))
    first = next(islice(rows_of(file), 1), None)
    if first is None:
        raise BadInput(f"{file} is empty; give a table with a row for each pair.")
    forms: list[tuple[tuple[Sequence[str], ...], Callable[[Path], Iterator[Pair]]]] = [
        ((videox.TARGET, videox.WORDS), read_videox),
        ((musubi.TARGET, musubi.SOURCE, musubi.WORDS), read_musubi_list),
        ((ltx.TARGET, ltx.SOURCE, ltx.WORDS), read_ltx),
        ((diffsynth.TARGET, diffsynth.WORDS), read_diffsynth),
    ]
    found = next((reader for needs, reader in forms if _has(first, needs)), None)
    if found is None:
        raise BadInput(
            f"{file} has the columns {', '.join(first.cells)}, which are of no form that is known: {_KNOWN}."
        )
    return found


def _has(row: Row, needs: Sequence[Sequence[str]]) -> bool:
    return all(row.has(names) for names in needs)


def _is_ours(file: Path) -> bool:
    with file.open("rb") as opened:
        line = opened.readline(1 << 20)
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and {"id", "parent", "source", "instruction"} <= set(said)
