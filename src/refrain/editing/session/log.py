"""`turns.jsonl`: one record a line, only ever added to. A line counts once its end is on the disk."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from refrain.errors import BadInput

NAME = "turns.jsonl"
VERSION = 1
Record = dict[str, Any]


def read(folder: Path) -> tuple[list[Record], int]:
    """All whole records, and the bytes that they take. A last line without an end was torn, and is dropped.

    Raises BadInput for a folder that is no session, or one of a newer version, or with a line that says nothing.
    """
    path = folder / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(
            f"{folder} holds no session (no {NAME}); begin one with refrain session new {folder} CLIP."
        ) from None
    except NotADirectoryError:
        raise BadInput(f"{folder} is a file, and a session is a folder; begin one with refrain session new.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    whole = content.rfind(b"\n") + 1
    records = [_record(line, number, path) for number, line in enumerate(content[:whole].splitlines(), 1)]
    if not records or "session" not in records[0]:
        raise BadInput(f"{path} does not begin as a session does; give the folder of one.")
    version = records[0]["session"]
    if not isinstance(version, int) or version > VERSION:
        raise BadInput(f"The session {folder} was written by a newer Refrain (format {version}); update Refrain.")
    return records, whole


def add(folder: Path, record: Mapping[str, Any], end: int) -> int:
    """Write a record behind the first `end` bytes, to the disk, whole or not at all; returns the new end."""
    line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
    number = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(number, "r+b", buffering=0) as file:
        try:
            file.truncate(end)
            file.seek(end)
            rest = memoryview(line)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(end)
            raise
    return end + len(line)


def now() -> str:
    """The time, as records tell it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _record(line: bytes, number: int, path: Path) -> Record:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise BadInput(
            f"Line {number} of {path} is no record; put the file back as it was, or cut it before that line."
        )
    return cast(Record, said)
