"""A turn's files: a folder that appears whole, and is on the disk before the record that speaks of it."""

import hashlib
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from refrain.errors import BadInput

_PART = re.compile(r"\.\d{3}\.[0-9a-f]{8}\.part")


def folder_of(home: Path, number: int) -> Path:
    """Where the files of a turn lie."""
    return home / f"{number:03d}"


@contextmanager
def shelved(home: Path, number: int) -> Generator[Path]:
    """A folder beside the others to write to; when all went well it is the turn's, and otherwise gone."""
    aside, place = home / f".{number:03d}.{uuid4().hex[:8]}.part", folder_of(home, number)
    aside.mkdir()
    try:
        yield aside
        for path in (*aside.iterdir(), aside):
            to_disk(path)
        os.replace(aside, place)
        to_disk(home)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sweep(home: Path, turns: int) -> None:
    """Remove what a writer that died left behind: folders of no record, half-written ones."""
    for path in home.iterdir():
        if _PART.fullmatch(path.name) or path == folder_of(home, turns):
            shutil.rmtree(path, ignore_errors=True)


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in a folder."""
    return {path.name: _hash(path) for path in sorted(folder.iterdir())}


def checked(folder: Path, name: str, files: dict[str, str]) -> None:
    """Raise BadInput, by name, for a file that is gone or is not what it was."""
    path = folder / name
    if not path.is_file():
        raise BadInput(f"{path} is gone; put it back, or go on from a turn that does not need it.")
    if _hash(path) != files.get(name):
        raise BadInput(f"{path} is not what it was when its turn was made; put the right file back.")


def to_disk(path: Path) -> None:
    """Have the system write a file, or the names in a folder, before going on."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder; its renames are written with the file system's journal
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
