"""What a player shows: a few clips at one small size, stacked into one H.264 video, so that they stay together in time.

A picture is a WebP. Both become data URLs within a number of bytes that the page grants. This is for looking at; scores
were taken from the files themselves.
"""

import tempfile
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from refrain.errors import RefrainError
from refrain.evaluation.frames import read_clip
from refrain.media import Clip
from refrain.media.picture import encoded

LADDER = ((288, 26), (224, 29), (160, 33), (112, 37))  # long side of a tile and x264's CRF, from the finest on
MOST = 121  # frames of a player
BLOCK = 16  # tiles end where H.264's blocks do, so that none stains its neighbour


@dataclass(frozen=True)
class Film:
    """Tiles below one another in one video or picture.

    url: a data URL. names: of the tiles, from the top. size: rows and columns of one. still: a picture.
    notes: sentences about what is not shown as it is.
    """

    url: str
    names: tuple[str, ...]
    size: tuple[int, int]
    frames: int
    fps: float
    still: bool
    notes: tuple[str, ...]


def film(files: Mapping[str, Path], allowed: int) -> Film | str:
    """Clips by name as one film whose URL has at most `allowed` characters; or why there is none.

    The first that can be read gives frame rate and length. Others show at each of its moments what they show then, or
    their last frame where they have ended; a folder of frames tells no times, so there frames go by their number. What
    cannot be read is told in the notes.
    """
    clips: dict[str, Clip] = {}
    notes: list[str] = []
    for name, path in files.items():
        if not path.exists():
            notes.append(f"{name}: {path.name} is not there.")
            continue
        try:
            clips[name] = read_clip(path)
        except RefrainError as error:
            notes.append(f"{name}: {error}")
    if not clips:
        return " ".join(notes) or "There is nothing to show."
    first = next(iter(clips.values()))
    length = min(len(first), MOST)
    if length < len(first):
        notes.append(f"The first {length} of {len(first)} frames.")
    fps, numbered = float(min(first.fps, 60)), any(files[name].is_dir() for name in clips)
    notes += _different(clips, numbered)
    for side, crf in LADDER:
        stack, size = _stack(clips, side, length, numbered)
        url = _url(stack, fps, crf)
        if len(url) <= allowed:
            return Film(url, tuple(clips), size, length, fps, length == 1, tuple(notes))
    while length > 1:
        length //= 2
        url = _url(stack[:length], fps, crf)
        if len(url) <= allowed:
            short = f"Only the first {length} of {len(first)} frames, which the size of the page allows."
            return Film(url, tuple(clips), size, length, fps, length == 1, (*notes, short))
    return "The size of the page allows no picture of it; give --budget more."


def _different(clips: Mapping[str, Clip], numbered: bool) -> list[str]:
    """Sentences about clips whose length, size or rate is not that of the first."""
    (name, first), *rest = clips.items()
    found: list[str] = []
    for other, clip in rest:
        if len(clip) != len(first):
            found.append(f"{other} has {len(clip)} frames, {name} {len(first)}.")
        if clip.size != first.size:
            found.append(f"{other} is {clip.size[1]}×{clip.size[0]}, {name} {first.size[1]}×{first.size[0]}.")
        if not (first.still or numbered) and abs(clip.fps / first.fps - 1) > 0.001:
            found.append(f"{other} runs at {float(clip.fps):.4g} frames a second, {name} at {float(first.fps):.4g}.")
    return found


def _stack(clips: Mapping[str, Clip], side: int, length: int, numbered: bool) -> tuple[Tensor, tuple[int, int]]:
    """All clips below one another, [T, 3, n·y, x] in [-1, 1], and the size (y, x) of a tile.

    numbered: frames belong together by their number, not by their time.
    """
    first = next(iter(clips.values()))
    scale = min(1.0, side / max(first.size))
    size = _blocks(first.size[0] * scale), _blocks(first.size[1] * scale)
    moments = [float(time - first.times[0]) for time in first.times[:length]]
    tiles: list[Tensor] = []
    for clip in clips.values():
        starts = np.array([float(time - clip.times[0]) for time in clip.times])
        shown = np.searchsorted(starts, np.array(moments) + 1e-3, side="right") - 1  # [length]
        shown = np.minimum(np.arange(length), len(clip) - 1) if numbered else shown
        tiles.append(_fitted(clip.between(0, int(shown[-1]) + 1), size)[torch.from_numpy(shown)])
    return torch.cat(tiles, dim=2), size


def _blocks(side: float) -> int:
    return max(BLOCK, round(side / BLOCK) * BLOCK)


def _fitted(clip: Clip, size: tuple[int, int]) -> Tensor:
    """A clip within a tile [T, 3, y, x], its aspect kept where it differs by more than rounding, on black."""
    rows, columns = clip.size
    scale = min(size[0] / rows, size[1] / columns)
    inner = [max(1, min(most, round(side * scale))) for side, most in zip((rows, columns), size)]
    inner = [most if most - side < BLOCK else side for side, most in zip(inner, size)]
    tile = torch.full((len(clip), 3, *size), -1.0)  # [T, 3, y, x]
    y, x = ((most - side) // 2 for side, most in zip(inner, size))
    tile[:, :, y : y + inner[0], x : x + inner[1]] = clip.at((inner[0], inner[1]))
    return tile


def _url(frames: Tensor, fps: float, crf: int) -> str:
    """A data URL: a WebP of one frame, an MP4 of several."""
    clip = Clip.of(frames, fps)
    if len(frames) == 1:
        return "data:image/webp;base64," + b64encode(encoded(clip, 0, "libwebp", crf)).decode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        clip.write(path, quality=crf)
        return "data:video/mp4;base64," + b64encode(path.read_bytes()).decode()
