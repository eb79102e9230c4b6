"""An effect laid on a whole clip of a user: any length, any pixel format, untouched where nothing changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from refrain.data.effects import EFFECTS, Effected, Shot
from refrain.data.subject import Subject, guess, small_size
from refrain.errors import BadInput
from refrain.media import Clip, PixelFormat
from refrain.media.colour import Planes, from_bytes

FADE = 0.25  # seconds in which an effect with a time of its own comes and goes
MARGIN = 4  # pixels around what changed, so that chroma is reduced there as it is in the whole frame

Mask = Callable[[np.ndarray, int], np.ndarray]
"""Frames uint8 [n, Y, X, 3] from number `start` on -> how much of every pixel the subject covers, float32 [n, Y, X]."""


@dataclass(frozen=True)
class Laid:
    """What is laid on a clip: an effect of `EFFECTS`, its parameters, its seed, and when (seconds; None: always)."""

    effect: str
    parameters: Any
    seed: int = 0
    start: float | None = None
    stop: float | None = None


def guessed(clip: Clip) -> Subject:
    """The subject of a clip, guessed from its small frames."""
    return guess(to_bytes(clip.at(small_size(*clip.size))))


def composite(
    clip: Clip, laid: Laid, mask: Mask | None = None, say: Callable[[int, int], None] = lambda done, of: None
) -> tuple[Clip, np.ndarray]:
    """The clip with an effect on it, and its matte uint8 [T, Y, X].

    Where the matte is 0 every plane is the clip's own. mask: the subject, for effects that need one. `say` hears how
    many frames are done, of how many. Raises BadInput for a time outside the clip.
    """
    first, last = _span(clip, laid)
    planes = tuple(plane.copy() for plane in clip.planes)
    mattes = np.zeros((len(clip), *clip.size), np.uint8)
    for start, stop in clip.blocks():
        low, high = max(start, first), min(stop, last)
        if low < high:
            frames = to_bytes(clip.rgb(low, high))
            subject = None if mask is None else mask(frames, low)
            shot = Shot(frames, subject, first=low - first, fps=float(clip.fps))
            done = _faded(EFFECTS[laid.effect].apply(shot, laid.seed, laid.parameters), shot, clip, laid, low)
            mattes[low:high] = np.ceil(done.matte * 255).astype(np.uint8)
            put(planes, done, low, clip.format)
        say(stop, len(clip))
    return clip.with_planes(planes), mattes


def to_bytes(frames: Tensor) -> np.ndarray:
    """[T, 3, Y, X] in [-1, 1] -> uint8 [T, Y, X, 3]."""
    return frames.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def _span(clip: Clip, laid: Laid) -> tuple[int, int]:
    """The frames first .. last (one past it) on which the effect lies."""
    at = [float(time) for time in clip.times]
    first = next((n for n, t in enumerate(at) if t >= (laid.start or 0)), len(at)) if laid.start else 0
    last = next((n for n, t in enumerate(at) if laid.stop is not None and t >= laid.stop), len(at))
    if first >= last:
        raise BadInput(
            f"There is no frame from {laid.start or 0} s to {'the end' if laid.stop is None else f'{laid.stop} s'}; "
            f"the clip lasts {float(clip.duration):.2f} s."
        )
    return first, last


def _faded(done: Effected, shot: Shot, clip: Clip, laid: Laid, start: int) -> Effected:
    """The effect as it comes and goes at the ends of its own time."""
    if laid.start is None and laid.stop is None:
        return done
    frames, matte = done.frames.copy(), done.matte.copy()
    for i in range(len(frames)):
        at = float(clip.times[start + i])
        since = 1.0 if laid.start is None else (at - laid.start) / FADE
        left = 1.0 if laid.stop is None else (laid.stop - at) / FADE
        share = float(np.clip(min(since, left), 0, 1))
        if share < 1:
            frames[i] = cv2.addWeighted(done.frames[i], share, shot.frames[i], 1 - share, 0)
            matte[i] *= share
            frames[i][matte[i] == 0] = shot.frames[i][matte[i] == 0]
    return Effected(frames, matte)


def put(planes: Planes, done: Effected, start: int, format: PixelFormat) -> None:
    """Write the changed pixels into planes [T, y, x] from frame `start` on.

    A sample that stands for several pixels changes if one of them does. Only the box of what changed is converted.
    """
    for i, (frame, matte) in enumerate(zip(done.frames, done.matte, strict=True), start):
        changed = (matte > 0).view(np.uint8)
        x, y, wide, high = cv2.boundingRect(changed)
        if not wide:
            continue
        top, left = (max(at - MARGIN, 0) // 2 * 2 for at in (y, x))
        box = np.s_[top : y + high + MARGIN, left : x + wide + MARGIN]
        new = from_bytes(np.ascontiguousarray(frame[box])[None], format)
        near = cv2.dilate(changed, np.ones((3, 3), np.uint8))
        for plane, part in zip(planes, new):
            own = plane.shape[1:] == matte.shape
            rows, columns = (1, 1) if own else format.chroma
            where = np.ascontiguousarray((changed if own else near)[box][::rows, ::columns])
            at = plane[i, top // rows :, left // columns :][: part.shape[1], : part.shape[2]]
            np.copyto(at, part[0], where=where.view(bool))
