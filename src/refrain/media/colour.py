"""Planes to RGB and back: matrices, ranges, depths and chroma siting. Pure functions over blocks of frames.

Chroma is enlarged linearly between its own positions; it is reduced by the filter that undoes exactly that (duals of
the linear and quadratic B-splines: the low-pass of the 5/3 wavelet where chroma lies on a luma sample, [-1 3 3 -1]/4
where it lies between two), so that unchanged colours come back unchanged.
"""

from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor

from .fit import weights
from .format import PixelFormat

WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}  # of red and blue in luma
Planes = tuple[np.ndarray, ...]


def to_rgb(planes: Planes, format: PixelFormat, clamp: bool = True) -> Tensor:
    """RGB of three planes [n, y, x]: float32 [n, 3, Y, X], -1 black and 1 white.

    clamp: False keeps colours that lie outside RGB, so that `from_rgb` gives them back.
    """
    if format.matrix == "rgb":
        scale = 2 / (2**format.depth - 1)
        green, blue, red = (_floats(plane) * scale - 1 for plane in planes)
        return torch.stack((red, green, blue), dim=1)  # [n, 3, Y, X]
    luma, u, v = _unscaled(planes, format)
    size = (luma.shape[-2], luma.shape[-1])
    return _mixed(luma, enlarged(u, size, format), enlarged(v, size, format), format, clamp)


def rgb_at(planes: Planes, format: PixelFormat, size: tuple[int, int]) -> Tensor:
    """RGB [n, 3, y, x] at another size: what `resized` makes of `to_rgb`, without RGB at the full size."""
    rows, columns = planes[0].shape[-2:]
    down, across = weights(rows, size[0]), weights(columns, size[1])
    if format.matrix == "rgb":
        green, blue, red = (down.float() @ _floats(plane) @ across.float().T for plane in planes)
        return torch.stack((red, green, blue), dim=1).mul_(2 / (2**format.depth - 1)).sub_(1)
    luma, u, v = _unscaled(planes, format)
    chroma_down = (down @ _enlarging(u.shape[-2], rows, format.chroma[0], format.siting[0])).float()
    chroma_across = (across @ _enlarging(u.shape[-1], columns, format.chroma[1], format.siting[1])).float().T
    u, v = (chroma_down @ plane @ chroma_across for plane in (u, v))
    return _mixed(down.float() @ luma @ across.float().T, u, v, format, clamp=True)


def _mixed(luma: Tensor, u: Tensor, v: Tensor, format: PixelFormat, clamp: bool) -> Tensor:
    """RGB of luma in 0 .. 1 and chroma in -1/2 .. 1/2, all of one size."""
    kr, kb = WEIGHTS[format.matrix]
    kg = 1 - kr - kb
    luma = luma.mul_(2).sub_(1)
    rgb = torch.empty((len(luma), 3, *luma.shape[-2:]))  # [n, 3, Y, X]
    rgb[:, 0] = torch.add(luma, v, alpha=4 * (1 - kr))
    rgb[:, 1] = torch.add(luma, u, alpha=-4 * kb * (1 - kb) / kg).add_(v, alpha=-4 * kr * (1 - kr) / kg)
    rgb[:, 2] = torch.add(luma, u, alpha=4 * (1 - kb))
    return rgb.clamp_(-1, 1) if clamp else rgb


def from_rgb(rgb: Tensor, format: PixelFormat) -> Planes:
    """Planes [n, y, x] of RGB [n, 3, Y, X]: the inverse of `to_rgb` up to rounding."""
    rgb = rgb.detach().to("cpu", torch.float32)
    red, green, blue = rgb.unbind(1)
    if format.matrix == "rgb":
        top = 2**format.depth - 1
        return tuple(_rounded((c + 1) * (top / 2), format) for c in (green, blue, red))
    kr, kb = WEIGHTS[format.matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    u, v = (blue - luma) / (4 * (1 - kb)), (red - luma) / (4 * (1 - kr))
    return _scaled((luma + 1) / 2, reduced(u, format), reduced(v, format), format)


def from_bytes(frames: np.ndarray, format: PixelFormat) -> Planes:
    """Planes of RGB frames uint8 [n, Y, X, 3]: those of `from_rgb`, within one level, several times faster."""
    if format.matrix == "rgb" or format.depth != 8:
        return from_rgb(torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(127.5).sub(1), format)
    sizes = format.plane_sizes((frames.shape[1], frames.shape[2]))
    planes = tuple(np.empty((len(frames), *size), np.uint8) for size in sizes)
    matrix = _of_bytes(format)
    for i, frame in enumerate(frames):
        mixed = cv2.transform(frame.astype(np.float32), matrix)  # [Y, X, 3]
        for k, plane in enumerate(planes):
            one = cv2.extractChannel(mixed, k)
            small = one if k == 0 else _reduced_once(one, format)
            cv2.convertScaleAbs(np.maximum(small, 0), dst=plane[i])  # rounds and saturates
    return planes


def _of_bytes(format: PixelFormat) -> np.ndarray:
    """From R, G, B and 1, in 0 .. 255, to the numbers of an 8-bit format: float32 [3, 4]."""
    kr, kb = WEIGHTS[format.matrix]
    luma = np.array([kr, 1 - kr - kb, kb])
    u, v = (np.array([0, 0, 1]) - luma) / (2 * (1 - kb)), (np.array([1, 0, 0]) - luma) / (2 * (1 - kr))
    black, luma_range, chroma_range = (0, 255, 255) if format.full else (16, 219, 224)
    rows = [luma * luma_range / 255, u * chroma_range / 255, v * chroma_range / 255]
    return np.concatenate([np.stack(rows), [[black], [128], [128]]], 1).astype(np.float32)


def _reduced_once(plane: np.ndarray, format: PixelFormat) -> np.ndarray:
    """One frame's chroma float32 [Y, X], brought to its own [y, x] as `reduced` does."""
    rows, columns = format.chroma
    plane = cv2.copyMakeBorder(plane, 0, -len(plane) % rows, 0, -plane.shape[1] % columns, cv2.BORDER_REPLICATE)
    down, across = (_taps(*pair) for pair in zip(format.chroma, format.siting))
    anchor = (len(across) // 2 - (len(across) == 4), len(down) // 2 - (len(down) == 4))
    done = cv2.sepFilter2D(plane, -1, across, down, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    first = [int(factor == 2 and place == 1) for factor, place in zip(format.chroma, format.siting)]
    return np.ascontiguousarray(done[first[0] :: rows, first[1] :: columns])


def _taps(factor: int, place: float) -> np.ndarray:
    """The filter of `_reduced` along one axis."""
    if factor == 1:
        return np.ones(1)
    return np.array([-1, 3, 3, -1]) / 4 if place == 0.5 else np.array([-1, 2, 6, 2, -1]) / 8


def convert(planes: Planes, format: PixelFormat, target: PixelFormat) -> Planes:
    """Planes of one format as planes of another.

    Planes of the same matrix never pass through RGB, so a change of depth alone is a change of depth alone.
    """
    if format.matrix != target.matrix:
        return from_rgb(to_rgb(planes, format, clamp=False), target)
    if format.matrix == "rgb":
        scale = (2**target.depth - 1) / (2**format.depth - 1)
        return tuple(_rounded(_floats(plane) * scale, target) for plane in planes)
    luma, u, v = _unscaled(planes, format)
    if (format.chroma, format.siting) != (target.chroma, target.siting):
        size = (luma.shape[-2], luma.shape[-1])
        u, v = (reduced(enlarged(plane, size, format), target) for plane in (u, v))
    return _scaled(luma, u, v, target)


def eight_bit(format: PixelFormat, name: str) -> PixelFormat:
    """The yuv format `name` of 8 bits that shows what `format` shows."""
    if format.matrix != "rgb":
        return format.like(name)
    tags = replace(format.tags, matrix=1)
    return PixelFormat.named(name, "bt709", full=False, tags=tags)


def enlarged(plane: Tensor, size: tuple[int, int], format: PixelFormat) -> Tensor:
    """Chroma [n, y, x] at the size (Y, X) of luma."""
    for dim, factor, place in zip((-2, -1), format.chroma, format.siting):
        if factor == 2:
            plane = _enlarged(plane, dim, size[dim], place)
    return plane


def reduced(plane: Tensor, format: PixelFormat) -> Tensor:
    """Chroma [n, Y, X] at luma's size, brought to its own [n, y, x]."""
    for dim, factor, place in zip((-1, -2), reversed(format.chroma), reversed(format.siting)):
        if factor == 2:
            plane = _reduced(plane, dim, place)
    return plane


def _enlarging(count: int, length: int, factor: int, place: float) -> Tensor:
    """[length, count]: `enlarged` along one axis, as a matrix."""
    one = torch.eye(count, dtype=torch.float64)
    return (_enlarged(one, -1, length, place) if factor == 2 else one).T


def _enlarged(plane: Tensor, dim: int, length: int, place: float) -> Tensor:
    """Twice as many samples along `dim`, of which the first `length` are wanted."""
    if place == 1:  # on the second of its two: the mirror image of lying on the first
        return _enlarged(plane.flip(dim), dim, 2 * plane.shape[dim], 0).flip(dim).narrow(dim, 0, length)
    count = plane.shape[dim]
    before = torch.cat((plane.narrow(dim, 0, 1), plane.narrow(dim, 0, count - 1)), dim)
    after = torch.cat((plane.narrow(dim, 1, count - 1), plane.narrow(dim, count - 1, 1)), dim)
    near = 1.0 if place == 0 else 0.75
    first = torch.lerp(before, plane, near)
    second = torch.lerp(after, plane, 0.5 if place == 0 else near)
    pairs = torch.stack((first, second), dim=plane.ndim if dim == -1 else plane.ndim + dim + 1)
    return pairs.flatten(plane.ndim + dim, plane.ndim + dim + 1).narrow(dim, 0, length)


def _reduced(plane: Tensor, dim: int, place: float) -> Tensor:
    """Half as many samples along `dim`; edges are repeated."""
    length = plane.shape[dim]
    if length % 2:
        plane = torch.cat((plane, plane.narrow(dim, length - 1, 1)), dim)
    if place == 1:
        return _reduced(plane.flip(dim), dim, 0).flip(dim)
    low, high = plane.narrow(dim, 0, 1), plane.narrow(dim, plane.shape[dim] - 1, 1)
    # taps start two before the pair on a sample, one before it between two
    taps = (-1 / 8, 2 / 8, 6 / 8, 2 / 8, -1 / 8) if place == 0 else (-1 / 4, 3 / 4, 3 / 4, -1 / 4)
    lead = 2 if place == 0 else 1
    padded = torch.cat((*[low] * lead, plane, high), dim)
    count = plane.shape[dim] // 2
    total = None
    for offset, weight in enumerate(taps):
        index = [slice(None)] * plane.ndim
        index[dim] = slice(offset, offset + 2 * count - 1, 2)
        part = padded[tuple(index)] * weight
        total = part if total is None else total.add_(part)
    assert total is not None
    return total


def _floats(plane: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(plane).astype(np.float32))


def _unscaled(planes: Planes, format: PixelFormat) -> tuple[Tensor, Tensor, Tensor]:
    """Luma in 0 .. 1, chroma in -1/2 .. 1/2."""
    top, step = 2**format.depth - 1, 2 ** (format.depth - 8)
    black, luma_range, chroma_range = (0, top, top) if format.full else (16 * step, 219 * step, 224 * step)
    luma, u, v = (_floats(plane) for plane in planes)
    middle = 128 * step
    return (
        luma.sub_(black).div_(luma_range),
        u.sub_(middle).div_(chroma_range),
        v.sub_(middle).div_(chroma_range),
    )


def _scaled(luma: Tensor, u: Tensor, v: Tensor, format: PixelFormat) -> Planes:
    top, step = 2**format.depth - 1, 2 ** (format.depth - 8)
    black, luma_range, chroma_range = (0, top, top) if format.full else (16 * step, 219 * step, 224 * step)
    middle = 128 * step
    return (
        _rounded(luma * luma_range + black, format),
        _rounded(u * chroma_range + middle, format),
        _rounded(v * chroma_range + middle, format),
    )


def _rounded(plane: Tensor, format: PixelFormat) -> np.ndarray:
    return plane.round_().clamp_(0, 2**format.depth - 1).numpy().astype(format.sample)
