"""DiffSynth-Studio's and Kiwi-Edit's `metadata.csv` (or .json, .jsonl): a row names target, source and prompt."""

from collections.abc import Iterator
from pathlib import Path

from refrain.data.pair import Pair

from .rows import Namer, rows_of

SOURCE = ("source", "src_video", "source_video", "vace_video", "control_video", "edit_image")
TARGET = ("target", "tgt_video", "target_video", "video", "image")
WORDS = ("prompt", "instruction")
MASK = ("mask", "vace_video_mask")


def read_diffsynth(path: Path) -> Iterator[Pair]:
    """The pairs of such a table. Raises BadInput for a row without source, target or prompt."""
    namer = Namer(path.parent, "DiffSynth")
    for row in rows_of(path):
        mask = row.path(MASK, "mask") if row.has(MASK) else None
        yield namer.pair(row.path(SOURCE, "source"), row.path(TARGET, "target"), row.text(WORDS, "prompt"), mask)
