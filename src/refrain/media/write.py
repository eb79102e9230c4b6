"""Writing a clip, whole or not at all: into a neighbour of the output, which takes its place at the very end."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from av.error import FFmpegError

from refrain.errors import BadInput

from .clip import Clip
from .encode import encode
from .output import PICTURES, Output, check_output, coding_of, container_of, output
from .picture import encoded


def write(clip: Clip, path: str | Path, quality: float = 18, lossless: bool = False) -> tuple[str, ...]:
    """Write a clip; see `Clip.write`."""
    if not 0 <= quality <= 51:
        raise BadInput(f"The quality must be from 0 (best) to 51, not {quality}; 18 is hard to tell from the source.")
    check_output(path, clip=clip, lossless=lossless)
    target = output(path)
    try:
        if target.kind == "video":
            with appearing(target.path) as aside:
                return encode(clip, aside, container_of(target), coding_of(clip, target, lossless), quality)
        notes = ("The sound is not kept in pictures.",) if clip.sound is not None else ()
        if target.kind == "picture":
            with appearing(target.path) as aside:
                encoder = PICTURES[target.path.suffix.lower()]
                aside.write_bytes(encoded(clip, 0, encoder, quality, lossless))
        else:
            _write_frames(clip, target)
    except (FFmpegError, OSError) as error:
        raise BadInput(f"{target.path} could not be written: {error.strerror or error}.") from error
    return notes


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; it becomes `path` when all went well, and vanishes otherwise, Ctrl-C too."""
    aside = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.part{path.suffix}")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


def _write_frames(clip: Clip, target: Output) -> None:
    """One PNG a frame, numbered from 1, in a folder that appears when all are there."""
    folder = target.path.resolve()
    aside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.part")
    aside.mkdir()
    try:
        for number in range(len(clip)):
            (aside / (target.name % (number + 1))).write_bytes(encoded(clip, number, "png", 0))
        if folder.is_dir():
            folder.rmdir()  # it is empty
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
