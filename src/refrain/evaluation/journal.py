"""Files that are only ever added to: one JSON object a line. A line counts once its end is written."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from refrain.errors import BadInput


def lines(path: Path) -> list[dict[str, Any]]:
    """All whole lines; none where there is no file. A last line without an end was torn, and does not count.

    Raises BadInput, with its number, for a line that is no object.
    """
    content = path.read_bytes() if path.is_file() else b""
    whole = content[: content.rfind(b"\n") + 1].splitlines()
    return [_object(line, number, path) for number, line in enumerate(whole, 1)]


def add(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records behind the last whole line, to the disk."""
    said = b"".join(json.dumps(one, ensure_ascii=False, allow_nan=False).encode() + b"\n" for one in records)
    with path.open("ab+") as file:
        file.seek(0)
        end = file.read().rfind(b"\n") + 1
        file.truncate(end)
        file.write(said)
        file.flush()
        os.fsync(file.fileno())


def _object(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise BadInput(
            f"Line {number} of {path} is no record; put the file back as it was, or cut it before that line."
        )
    return said
