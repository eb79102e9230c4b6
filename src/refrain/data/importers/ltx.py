"""LTX-Video's trainer: rows of a caption, a video and its reference video (`dataset.json`, .jsonl or .csv)."""

from collections.abc import Iterator
from pathlib import Path

from refrain.data.pair import Pair

from .rows import Namer, rows_of

SOURCE = ("reference_video", "reference_path")
TARGET = ("video", "media_path", "video_path")
WORDS = ("caption",)


def read_ltx(path: Path) -> Iterator[Pair]:
    """The pairs of such a table. Raises BadInput for a row without reference, video or caption."""
    namer = Namer(path.parent, "LTX")
    for row in rows_of(path):
        yield namer.pair(row.path(SOURCE, "reference"), row.path(TARGET, "video"), row.text(WORDS, "caption"))
