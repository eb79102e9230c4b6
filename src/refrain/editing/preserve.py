"""What goes back to the artist: the source plus the change.

The change is measured between two pictures of the model's size, the source's own round trip and the answer, so that
what the codec loses is no change. Light and colour return as a map of the source's own pixels (see `transfer`), new
things are laid over, and outside the matte (see `matte`) the source's planes are copied. All work at the source's size
is done in its own planes, frame by frame: a change of colour is a matrix there too, and nothing passes through RGB.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from refrain.media import Clip, PixelFormat
from refrain.media.colour import from_rgb
from refrain.media.fit import resized
from refrain.media.scratch import empty

from .matte import matte_of
from .transfer import Look, Map, Picture, look_of, maps_of, with_structure

BLOCK = 8  # frames mapped at a time


@dataclass(frozen=True)
class Preserved:
    """An answer at the source's size and in its pixel format, with where it differs: soft, [T, 1, y, x] in 0..1."""

    clip: Clip
    matte: Tensor


@dataclass(frozen=True)
class Levels:
    """How a plane's numbers stand for values: value = (number - zero) / span; an answer stays within low .. high."""

    zero: int
    span: int
    low: int
    high: int


def preserve(source: Clip, before: Tensor, after: Tensor, bound: Tensor | None = None) -> Preserved:
    """The source with the change from `before` to `after`, both [T, 3, y, x] in [-1, 1] at the model's size.

    bound: a soft mask [T or 1, 1, Y, X] in 0..1 of the source's size. Where it is 0 nothing changes, hard: there, and
    where the matte is 0, every plane is the source's own, and so is every colour that is interpolated from them.
    """
    if len(before) != len(source):
        raise ValueError(f"{len(before)} frames cannot be put back into a clip of {len(source)}")
    if bound is not None and (bound.shape[-2:] != source.size or len(bound) not in (1, len(source))):
        raise ValueError(f"a bound {list(bound.shape)} does not fit a clip {[len(source), *source.size]}")
    matte = matte_of(before, after)  # [T, 1, y, x]
    if bound is not None:
        matte = matte * resized(bound.to(matte), (matte.shape[-2], matte.shape[-1]))
    if not matte.any():
        return Preserved(source, matte)
    planes = tuple(empty(plane.shape, source.format.sample) for plane in source.planes)
    for new, old in zip(planes, source.planes):
        new[:] = old
    for n, m in maps(before, after, matte, source.format):
        hold = None if bound is None else bound[n % len(bound), 0].detach().float().cpu().numpy()
        change_frame(tuple(plane[n] for plane in planes), m, matte[n, 0].cpu().numpy(), hold, source.format)
    return Preserved(source.with_planes(planes), matte)


def enlarge(source: Clip, after: Tensor) -> Preserved:
    """The model's own picture [T, 3, y, x] at the source's size, with nothing put back; the matte is 1 everywhere."""
    planes = tuple(empty(plane.shape, source.format.sample) for plane in source.planes)
    for n, frame in enumerate(after.detach().float().cpu()):
        large = np.stack([raised(colour, source.size) for colour in frame.numpy()])
        done = from_rgb(torch.as_tensor(large)[None], source.format)
        for new, plane in zip(planes, done):
            new[n] = plane[0]
    return Preserved(source.with_planes(planes), torch.ones_like(after[:, :1]))


# ---- at the model's size


def maps(before: Tensor, after: Tensor, matte: Tensor, format: PixelFormat) -> Iterator[tuple[int, Map]]:
    """The map of every frame that changes, with its number, in the planes' own colours."""
    some = torch.as_tensor(np.unique(np.linspace(0, len(before) - 1, 8).astype(int)))
    look = look_of(colours(before[some], format), colours(after[some], format))
    for start in range(0, len(before), BLOCK):
        if matte[start : start + BLOCK].any():
            yield from block_maps(before, after, look, start, format)


def block_maps(before: Tensor, after: Tensor, look: Look, start: int, format: PixelFormat) -> Iterator[tuple[int, Map]]:
    """The maps of one block of frames; the frames next to it are looked at, so that no seam shows."""
    first, last = max(0, start - 1), min(len(before), start + BLOCK + 1)
    u, v = colours(before[first:last], format), colours(after[first:last], format)
    done = with_structure(maps_of(u, v, look), u, v)
    for n in range(start, min(len(before), start + BLOCK)):
        yield n, done[n - first]


def colours(frames: Tensor, format: PixelFormat) -> Picture:
    """Frames [n, 3, y, x] in [-1, 1] as plane values [n, 3, y, x]: luma 0..1, chroma -½..½ (or G, B, R)."""
    full = replace(format, depth=16, chroma=(1, 1), full=True)
    planes = from_rgb(frames, full)
    values = [(p.astype(np.float32) - level.zero) / level.span for p, level in zip(planes, levels(full))]
    return np.stack(values, axis=1)


def levels(format: PixelFormat) -> tuple[Levels, Levels, Levels]:
    """How the numbers of each plane stand for values."""
    top, step = 2**format.depth - 1, 2 ** (format.depth - 8)
    if format.matrix == "rgb":
        same = Levels(0, top, 0, top)
        return same, same, same
    if format.full:
        chroma = Levels(128 * step, top, 0, top)
        return Levels(0, top, 0, top), chroma, chroma
    chroma = Levels(128 * step, 224 * step, 16 * step, 240 * step)
    return Levels(16 * step, 219 * step, 16 * step, 235 * step), chroma, chroma


# ---- at the source's size


def change_frame(
    planes: tuple[np.ndarray, ...], m: Map, matte: Picture, hold: Picture | None, format: PixelFormat
) -> None:
    """Write the change of one frame into its planes [y, x]: plane + matte · (map(plane) - plane).

    hold: the bound [Y, X] of this frame.
    """
    if not matte.any():
        return
    push = matte * (m.gain - np.eye(3, dtype=np.float32)[:, :, None, None])  # [3, 3, y, x]
    shift = matte * m.bias  # [3, y, x]
    size = planes[0].shape
    amount = (resize(matte, size) > 0).astype(np.float32)  # [Y, X]
    if hold is not None:
        amount *= hold
    amounts = (amount, *(covered(amount, format.chroma),) * 2)
    scales = levels(format)
    old = [(plane.astype(np.float32) - level.zero) / level.span for plane, level in zip(planes, scales)]
    for k, (plane, level, weight) in enumerate(zip(planes, scales, amounts)):
        parts = [raised(gain, plane.shape) * resize(other, plane.shape) for gain, other in zip(push[k], old)]
        change = raised(shift[k], plane.shape) + parts[0] + parts[1] + parts[2]
        low, high = (level.low - level.zero) / level.span, (level.high - level.zero) / level.span
        answer = np.clip(old[k] + change, np.minimum(old[k], low), np.maximum(old[k], high))
        mixed = np.rint((old[k] + weight * (answer - old[k])) * level.span + level.zero)
        np.copyto(plane, mixed.astype(plane.dtype), where=weight > 0)


def covered(amount: Picture, chroma: tuple[int, int]) -> Picture:
    """For every chroma sample the least amount [y, x] of all luma pixels [Y, X] that its colour reaches."""
    for axis, factor in enumerate(chroma):
        if factor == 2:
            lines = np.moveaxis(amount, axis, 0)
            count = -(-len(lines) // 2)
            lines = np.concatenate([lines[:1], lines, lines[-1:], lines[-1:]])
            least = np.minimum.reduce([lines[k : k + 2 * count - 1 : 2] for k in range(4)])
            amount = np.ascontiguousarray(np.moveaxis(least, 0, axis))
    return amount


def raised(picture: Picture, size: tuple[int, ...]) -> Picture:
    """A picture [y, x] at a larger size: smooth, without ringing and without the diamonds of linear interpolation.

    The first step is cubic, held within what the neighbours hold, and threefold where it can be: every sample then
    keeps its place and its height. The rest is linear.
    """
    times = min(3, size[0] // picture.shape[0], size[1] // picture.shape[1])
    if times > 1:
        ring, step = np.ones((3, 3), np.uint8), (times * picture.shape[1], times * picture.shape[0])
        cubic = cv2.resize(picture, step, interpolation=cv2.INTER_CUBIC)
        low = cv2.resize(cv2.erode(picture, ring), step, interpolation=cv2.INTER_NEAREST)
        high = cv2.resize(cv2.dilate(picture, ring), step, interpolation=cv2.INTER_NEAREST)
        picture = np.asarray(cv2.max(cv2.min(cubic, high), low), np.float32)
    return resize(picture, size)


def resize(picture: Picture, size: tuple[int, ...]) -> Picture:
    """A picture [y, x] at another size: linear where it grows, averaged by area where it shrinks; itself if it fits."""
    if picture.shape == size:
        return picture
    shrinks = size[0] <= picture.shape[0] and size[1] <= picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size[1], size[0]), interpolation=how), np.float32)
