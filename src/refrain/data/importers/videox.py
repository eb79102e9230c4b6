"""VideoX-Fun's JSON: a list of {"file_path", "control_file_path", "text", "type"}."""

from collections.abc import Iterator
from pathlib import Path

from refrain.data.pair import Pair

from .rows import Namer, rows_of

SOURCE, TARGET, WORDS = ("control_file_path",), ("file_path",), ("text",)


def read_videox(path: Path) -> Iterator[Pair]:
    """The pairs of such a list. Raises BadInput for a row without a control clip: there is nothing to edit."""
    namer = Namer(path.parent, "VideoX-Fun")
    for row in rows_of(path):
        yield namer.pair(row.path(SOURCE, "control"), row.path(TARGET, "file"), row.text(WORDS, "text"))
