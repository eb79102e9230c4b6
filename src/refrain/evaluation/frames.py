"""Clips as benchmarks ship them: a video, a picture, or a folder with one picture a frame."""

import re
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from refrain.errors import BadInput
from refrain.media import Clip, Limits, PixelFormat

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
RATE = 24  # frames per second of a folder, which says nothing of them


def read_clip(path: Path, limits: Limits | None = None) -> Clip:
    """The clip in a file, or in a folder of frames ordered by the numbers in their names. Raises BadInput."""
    if not path.is_dir():
        return Clip.read(path, limits=limits)
    files = sorted((p for p in path.iterdir() if p.suffix.lower() in ENDINGS), key=_order)
    if not files:
        raise BadInput(f"{path} holds no frames; they are pictures, .png or .jpg.")
    frames = stacked(files, limits or Limits())
    planes = tuple(np.ascontiguousarray(frames[..., channel]) for channel in (1, 2, 0))  # green, blue, red
    times = tuple(Fraction(n, RATE) for n in range(len(frames)))
    return Clip(planes, PixelFormat.named("gbrp"), times, Fraction(len(frames), RATE))


def stacked(files: list[Path], limits: Limits) -> np.ndarray:
    """Pictures of one size as uint8 [T, Y, X, 3], RGB. Raises BadInput."""
    first = _picture(files[0], limits)
    if len(files) > limits.frames or len(files) * first.nbytes > limits.decoded:
        raise BadInput(f"{files[0].parent} holds {len(files)} frames, which are too many; take some of them away.")
    frames = np.empty((len(files), *first.shape), np.uint8)  # [T, Y, X, 3]
    for n, file in enumerate(files):
        frame = first if n == 0 else _picture(file, limits)
        if frame.shape != first.shape:
            raise BadInput(f"{file} is {_told(frame)}, and {files[0].name} is {_told(first)}; make them of one size.")
        frames[n] = frame
    return frames


def _picture(file: Path, limits: Limits) -> np.ndarray:
    if file.stat().st_size > limits.pixels * 8:
        raise BadInput(f"{file} is too large for a frame; is it one?")
    found = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR) if file.stat().st_size else None
    if found is None:
        raise BadInput(f"{file} is no readable picture; make it again.")
    if found.shape[0] * found.shape[1] > limits.pixels:
        raise BadInput(f"{file} is {_told(found)}, which is too large; make it smaller.")
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def _order(file: Path) -> tuple[int, str]:
    digits = re.findall(r"\d+", file.stem)
    return int(digits[-1]) if digits else -1, file.name


def _told(frame: np.ndarray) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
