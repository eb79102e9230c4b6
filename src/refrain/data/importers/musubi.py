"""musubi-tuner's TOML: `[[datasets]]` of folders (clips, words beside, sources in `control_directory`) or of JSONL.

Relative paths are taken from the file's own folder, not from where the program was started.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refrain.data.pair import Pair
from refrain.errors import BadInput

from .folders import matched
from .rows import Namer, rows_of

SOURCE, TARGET, WORDS = ("control_path", "control_path_0"), ("video_path", "image_path"), ("caption",)
FOLDERS, LISTS = ("video_directory", "image_directory"), ("video_jsonl_file", "image_jsonl_file")


def read_musubi(path: Path) -> Iterator[Pair]:
    """The pairs of every dataset in the file; its sizes, repeats and cache folders are left aside. Raises BadInput."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not readable TOML ({error}).") from None
    sets = said.get("datasets")
    if not isinstance(sets, list) or not sets:
        raise BadInput(f"{path} has no [[datasets]]; give a dataset configuration of musubi-tuner.")
    for number, each in enumerate(sets, 1):
        if not isinstance(each, dict):
            raise BadInput(f"{path}, dataset {number} is no table; write it as [[datasets]].")
        yield from _dataset({**said.get("general", {}), **each}, path, number)


def read_musubi_list(path: Path) -> Iterator[Pair]:
    """The pairs of a JSONL file: `video_path` or `image_path`, `control_path`, `caption`. Raises BadInput."""
    namer = Namer(path.parent, "musubi-tuner")
    for row in rows_of(path):
        yield namer.pair(row.path(SOURCE, "control"), row.path(TARGET, "target"), row.text(WORDS, "caption"))


def _dataset(each: dict[str, Any], path: Path, number: int) -> Iterator[Pair]:
    named = {name: each[name] for name in (*LISTS, *FOLDERS, "control_directory", "caption_extension") if name in each}
    wrong = [name for name, value in named.items() if not isinstance(value, str)]
    if wrong:
        raise BadInput(f"{path}, dataset {number}: its {wrong[0]} is no text; mend it.")
    lists = next((named[name] for name in LISTS if name in named), None)
    if lists is not None:
        file = path.parent / lists
        if not file.is_file():
            raise BadInput(f"{path}, dataset {number}: {file} does not exist; mend its name.")
        yield from read_musubi_list(file)
        return
    targets = next((named[name] for name in FOLDERS if name in named), None)
    if targets is None or "control_directory" not in named:
        raise BadInput(
            f"{path}, dataset {number} has no pairs: it needs {FOLDERS[0]} and control_directory, or {LISTS[0]}."
        )
    sources, ending = path.parent / named["control_directory"], named.get("caption_extension", ".txt")
    yield from matched(path.parent / targets, sources, path.parent, "musubi-tuner", ending)
