"""Clips as benchmarks ship them: a video, a picture, or a folder with one picture a frame."""

import re
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from refrain.errors import BadInput
from refrain.media import Clip, Limits, PixelFormat

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
RATE = 24  # frames per second of a folder, which says nothing of them
GREY = 8  # levels by which the channels of a black and white picture may differ, after JPEG


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


def levels(clip: Clip) -> np.ndarray:
    """The frames of a clip, uint8 [T, Y, X, 3], RGB; frame by frame, which stays in the processor's cache."""
    found = np.empty((len(clip), *clip.size, 3), np.uint8)  # [T, Y, X, 3]
    for n in range(len(clip)):
        found[n] = as_bytes(clip.rgb(n, n + 1))[0]
    return found


def read_mask(path: Path) -> np.ndarray:
    """How far a mask marks every pixel as edited, uint8 [T, Y, X]: white in black and white, clear in what has alpha.

    What is transparent is what an editor was to fill in (DALL-E 2's way, and MagicBrush's). Raises BadInput for a mask
    in colours without alpha, which says nothing.
    """
    if path.suffix.lower() == ".png":
        found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED) if path.stat().st_size else None
        if found is not None and found.ndim == 3 and found.shape[2] == 4 and (found[..., 3] < 255).any():
            return (255 - found[None, ..., 3]).astype(np.uint8)  # [1, Y, X]
    shown = levels(read_clip(path))
    if int((shown.max(-1) - shown.min(-1)).max()) > GREY:
        raise BadInput(f"the mask {path.name} is neither black and white nor transparent anywhere")
    return shown.max(-1)


def read_matte(folder: Path, size: tuple[int, int]) -> np.ndarray:
    """A matte that `write_matte` kept, at a size (rows, columns): float32 [T, Y, X] in 0..1. Raises BadInput."""
    files = sorted(folder.glob("*.png"))
    if not files:
        raise BadInput(f"{folder} holds no frames of a matte; answer the case again.")
    small = stacked(files, Limits())[..., 0].astype(np.float32) / 255
    return np.stack([cv2.resize(one, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) for one in small])


def write_matte(matte: np.ndarray, folder: Path) -> None:
    """Keep a matte [T, y, x] in 0..1 as grey pictures, one a frame; the folder appears when all are there."""
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for n, one in enumerate((matte * 255).round().clip(0, 255).astype(np.uint8)):
        done, content = cv2.imencode(".png", one)
        assert done, "a picture of uint8 can be packed"
        (aside / f"{n:05d}.png").write_bytes(content.tobytes())
    shutil.rmtree(folder, ignore_errors=True)
    aside.replace(folder)


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


def as_bytes(frames: Tensor) -> np.ndarray:
    """[T, 3, Y, X] in [-1, 1] -> uint8 [T, Y, X, 3]."""
    return frames.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
