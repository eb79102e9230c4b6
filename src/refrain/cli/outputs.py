"""What is written: where it may lie, the record beside it, the matte as a clip. Files appear whole or not at all."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refrain.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor

    from refrain.media import Clip

OURS = {"instruction", "weights", "output"}  # what every record of ours says


def record_path(out: str) -> Path:
    """The record of OUT: out.mp4 -> out.json; frames in a folder -> the folder's name and .json, beside it."""
    from refrain.media.output import output

    return output(out).path.with_suffix(".json")


def check_outputs(out: str, matte: str | None, inputs: tuple[Path | None, ...]) -> None:
    """Refuse, before any work is done, outputs that cannot be written or would take away something of the user's."""
    from refrain.media import check_output
    from refrain.media.output import output

    given = [path for path in inputs if path is not None]
    written = [name for name in (out, matte) if name is not None]
    for name in written:
        check_output(name)
        for path in given:
            check_output(name, path)
    paths = [output(name).path for name in written]
    if matte is not None and same(*paths):
        raise BadInput(f"The matte and the answer cannot both be {out}; give --matte a name of its own.")
    record = record_path(out)
    for path in (*given, *paths):
        if same(path, record):
            raise BadInput(f"{record} will hold the record of the edit; give -o another name than {path.name}.")
    if record.exists() and not _is_ours(record):
        raise BadInput(f"{record} is there and is no record of an edit; give -o another name, so that it is not lost.")


def check_free(out: Path) -> None:
    """Refuse an output in a folder that does not exist or may not be written."""
    if out.is_dir():
        raise BadInput(f"{out} is a folder; give -o the name of a file.")
    if not out.parent.is_dir():
        raise BadInput(f"The folder {out.parent} does not exist; make it, or give -o another name.")
    if not os.access(out.parent, os.W_OK):
        raise BadInput(f"The folder {out.parent} cannot be written; give -o another name.")


def same(a: Path, b: Path) -> bool:
    """Whether two names mean one file."""
    return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))


def replaced(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    from refrain.media.write import appearing

    with appearing(path) as aside:
        aside.write_bytes(content)


def write_record(record: dict[str, Any], out: str) -> str:
    """Write the record beside OUT; returns it as text."""
    text = json.dumps(record, indent=2, ensure_ascii=False)
    replaced(record_path(out), (text + "\n").encode())
    return text


def matte_clip(change: "Tensor", like: "Clip", first: int) -> "Clip":
    """The matte [T, 1, y, x] as a grey clip of the size and times of `like`, black but from frame `first` on."""
    import cv2
    import numpy as np

    from refrain.media import Clip, PixelFormat, Tags

    rows, columns = like.size
    grey = np.full((len(like), rows, columns), 16, np.uint8)  # [T, Y, X]; 16 is black
    for n, frame in enumerate(change[:, 0].numpy()):
        large = cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_LINEAR)
        grey[first + n] = np.round(16 + 219 * large.clip(0, 1))
    colourless = np.full((len(like), -(-rows // 2), -(-columns // 2)), 128, np.uint8)
    form = PixelFormat.named("yuv420p", tags=Tags(matrix=1, primaries=1, transfer=1))
    return Clip((grey, colourless, colourless), form, like.times, like.duration, still=like.still)


def peak() -> dict[str, int]:
    """The most memory this process has had, in bytes, where the system tells; on a GPU also what torch took there."""
    told: dict[str, int] = {}
    if sys.platform != "win32":
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        told["peak_bytes"] = most if sys.platform == "darwin" else most * 1024
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        told["peak_gpu_bytes"] = torch.cuda.max_memory_allocated()
    return told


def _is_ours(path: Path) -> bool:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and set(said) >= OURS
