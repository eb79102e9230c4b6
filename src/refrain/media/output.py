"""What a name of an output means, and whether it can be written: asked before any work is done."""

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from refrain.errors import BadInput

from .coding import Coding, coding_for

if TYPE_CHECKING:
    from .clip import Clip

VIDEOS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}  # ending -> FFmpeg's container
PICTURES = {".png": "png", ".jpg": "mjpeg", ".jpeg": "mjpeg", ".webp": "libwebp"}  # ending -> FFmpeg's encoder
_NUMBER = re.compile(r"%0?\d*d")
_KNOWN = ".mp4, .mov, .mkv, .png, .jpg, .webp, or a folder ending in / for PNG frames"


@dataclass(frozen=True)
class Output:
    """Where and as what something is written.

    kind: a video, one picture, or one PNG a frame. path: the file, or the folder of the frames.
    name: how frames are called, with one %d.
    """

    kind: Literal["video", "picture", "frames"]
    path: Path
    name: str = ""


def output(path: str | Path) -> Output:
    """What the name of an output means. Raises BadInput for one that means nothing."""
    text, file = os.fspath(path), Path(path)
    if text.endswith(("/", os.sep)):
        return Output("frames", file, "%05d.png")
    if file.suffix.lower() == ".png" and _NUMBER.search(file.name):
        if file.name.count("%") > 1:
            raise BadInput(f"{file} is no name for frames; use one number, for example out/%05d.png.")
        return Output("frames", file.parent, file.name)
    ending = file.suffix.lower()
    if ending in VIDEOS:
        return Output("video", file)
    if ending in PICTURES:
        return Output("picture", file)
    found = f"ends in {ending}" if ending else "has no ending"
    raise BadInput(f"{file} {found}, which does not say what to write; use {_KNOWN}.")


def check_output(
    path: str | Path, source: str | Path | None = None, clip: "Clip | None" = None, lossless: bool = False
) -> None:
    """Refuse, in one sentence and before any work, an output that cannot be written.

    source: a file that may not be overwritten. clip: what is to be written, where that is known already.
    """
    target = output(path)
    for taken in {Path(p) for p in (source, clip.origin if clip else None) if p is not None}:
        if _is_same(target.path, taken):
            raise BadInput(f"The output {target.path} is the source itself; give it another name.")
    if target.kind == "frames":
        _check_folder(target.path)
    else:
        _check_file(target.path)
    if clip is not None:
        _check_content(clip, target, lossless)


def coding_of(clip: "Clip", target: Output, lossless: bool) -> Coding:
    """How the frames of a clip are coded in a video."""
    return coding_for(clip.format, clip.size, target.path.suffix.lower(), lossless)


def container_of(target: Output) -> str:
    """FFmpeg's name of the container of a video."""
    return VIDEOS[target.path.suffix.lower()]


def _check_content(clip: "Clip", target: Output, lossless: bool) -> None:
    if target.kind == "picture" and len(clip) > 1:
        raise BadInput(
            f"{target.path.name} is a picture and the clip has {len(clip)} frames; write .mp4, or a folder ending in /."
        )
    if target.kind != "video":
        if lossless and target.path.suffix.lower() in {".jpg", ".jpeg"}:
            raise BadInput("JPEG is never lossless; write .png.")
        return
    coding_of(clip, target, lossless)
    if clip.sound is None:
        return
    if not clip.sound.path.is_file():
        raise BadInput(f"{clip.sound.path}, where the sound is copied from, is gone; put it back.")
    refused = refused_sound(clip.sound.codecs, container_of(target))
    if refused:
        raise BadInput(f"{target.path.suffix} cannot carry the sound of the source ({refused}); write to .mkv.")


def refused_sound(codecs: Sequence[str], container: str) -> str | None:
    """The first sound codec that a container cannot carry."""
    import av

    with av.open(io.BytesIO(), "w", format=container) as empty:
        known = empty.supported_codecs
    return next((codec for codec in codecs if codec not in known), None)


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; frames need a folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput(f"The folder {folder} is not empty; give a new one, so that no frames are mixed.")
    _check_writable(folder if folder.is_dir() else folder.parent)


def _check_file(file: Path) -> None:
    if file.is_dir():
        raise BadInput(f"{file} is a folder; give the name of a file.")
    _check_writable(file.parent)
    if file.exists() and not os.access(file, os.W_OK):
        raise BadInput(f"{file} may not be overwritten; give another name.")


def _check_writable(folder: Path) -> None:
    if not folder.is_dir():
        raise BadInput(f"The folder {folder} does not exist; make it first.")
    if not os.access(folder, os.W_OK):
        raise BadInput(f"The folder {folder} cannot be written; give a name elsewhere.")


def _is_same(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))
