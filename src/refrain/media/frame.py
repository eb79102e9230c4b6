"""A decoded frame as three upright planes: which pixel format it has, what is dropped, and how it is turned."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame

from refrain.errors import Unsupported

from .format import HIGH_RANGE, UNSPECIFIED, PixelFormat, Tags, is_planar, shown_matrix

FULL = 2  # FFmpeg's code of full range
HDR_REMEDY = (
    "convert it first, for example with ffmpeg -i IN -vf "
    "zscale=t=linear:npl=100,tonemap=hable,zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p OUT.mp4"
)


@dataclass(frozen=True)
class Upright:
    """How a stored frame is brought upright: first transposed, then mirrored."""

    transposed: bool = False
    mirrored: bool = False  # left and right
    flipped: bool = False  # top and bottom

    def __call__(self, plane: np.ndarray) -> np.ndarray:
        plane = plane.T if self.transposed else plane
        return plane[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]

    def moved(self, siting: tuple[float, float], chroma: tuple[int, int]) -> tuple[float, float]:
        """Where chroma lies after the turn. chroma: the factors after it."""
        down, right = reversed(siting) if self.transposed else siting
        return (
            1 - down if self.flipped and chroma[0] == 2 else down,
            1 - right if self.mirrored and chroma[1] == 2 else right,
        )


_LEFT, _RIGHT = Upright(transposed=True, flipped=True), Upright(transposed=True, mirrored=True)
_OVER = Upright(mirrored=True, flipped=True)


@dataclass(frozen=True)
class Layout:
    """What all frames of a clip have in common.

    stored: FFmpeg's name and size (Y, X) in the file. taken: the name it is converted to before planes are taken.
    format, size: of the upright planes. grey: neutral chroma is added.
    """

    stored: tuple[str, int, int]
    taken: str
    grey: bool
    turn: Upright
    format: PixelFormat
    size: tuple[int, int]
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[object, ...]:
        """What may not change from frame to frame."""
        return self.stored, self.turn, self.format


@dataclass(frozen=True)
class Picture:
    """The upright planes of one frame."""

    planes: tuple[np.ndarray, ...]


def layout_of(frame: VideoFrame, path: Path, still: bool) -> Layout:
    """How to take the planes of `frame`. Raises Unsupported for HDR and for colours that are not known."""
    tags = _tags(frame, path)
    notes = []
    stored = frame.format.name
    name = _plain(stored)
    grey = name.startswith("gray")
    components = frame.format.components
    depth = max(component.bits for component in components)
    if depth > 16:
        raise Unsupported(f"{path} has samples of {depth} bits; convert it to 16 bits or fewer first.")
    if any(component.is_alpha for component in components):
        notes.append("Transparency is dropped; the colours beneath it are used.")
    if frame.interlaced_frame:
        notes.append("The clip is interlaced; its frames are taken as they are, both fields in one.")
    turn = turn_of(frame)
    if grey:
        taken = name.replace("be", "le")
        shown = taken.replace("gray", "yuv444p")
        notes.append("The picture is grey; it is read with neutral colour planes.")
    elif is_planar(name):
        taken = shown = name
    else:
        taken = shown = _nearest(frame, depth)
    form = _format(shown, frame, tags, full=frame.color_range == FULL or (grey and still), still=still)
    if turn.transposed and form.chroma[0] != form.chroma[1]:
        taken = form.name.replace("422", "444").replace("440", "444")
        form = replace(PixelFormat.named(taken, form.matrix, form.full, form.tags), siting=form.siting)
        notes.append("The clip is stored lying on its side; its chroma was enlarged to 4:4:4 to stand it up.")
    form = replace(form, siting=turn.moved(form.siting, form.chroma))
    if form.chroma == (1, 1):
        form = replace(form, siting=(0.5, 0.0))  # says nothing then, so all are alike
    size = (frame.width, frame.height) if turn.transposed else (frame.height, frame.width)
    return Layout((stored, frame.height, frame.width), taken, grey, turn, form, size, tuple(notes))


def picture_of(frame: VideoFrame, layout: Layout) -> Picture:
    """The upright planes of a frame."""
    if _plain(frame.format.name) != layout.taken and not _is_with_alpha(frame.format.name, layout.taken):
        frame = frame.reformat(
            format=layout.taken, src_color_range=frame.color_range, dst_color_range=frame.color_range
        )
    planes = tuple(layout.turn(_samples(frame, n, layout.format.sample)) for n in range(1 if layout.grey else 3))
    if layout.grey:
        neutral = np.full(planes[0].shape, 1 << (layout.format.depth - 1), layout.format.sample)
        planes = (planes[0], neutral, neutral)
    return Picture(planes)


def turn_of(frame: VideoFrame) -> Upright:
    """The turn that the file's display matrix (or a photo's orientation) asks for; slanted ones are ignored."""
    try:
        known = cast(SideDataContainer, frame.side_data)  # PyAV declares it as something else
    except ValueError:  # PyAV does not know some other thing beside the frame, as photos have
        return {90: _LEFT, -270: _LEFT, -90: _RIGHT, 270: _RIGHT, 180: _OVER, -180: _OVER}.get(
            frame.rotation, Upright()
        )
    if SideData.DISPLAYMATRIX not in known:
        return Upright()
    matrix = known[SideData.DISPLAYMATRIX]
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(b) > abs(a):
        return Upright(transposed=True, mirrored=c < 0, flipped=b < 0)
    return Upright(mirrored=a < 0, flipped=d < 0)


def _samples(frame: VideoFrame, number: int, sample: str) -> np.ndarray:
    """A plane as it lies in the frame, without the padding of its rows."""
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), sample).reshape(-1, plane.line_size // np.dtype(sample).itemsize)
    return rows[: plane.height, : plane.width]


def _tags(frame: VideoFrame, path: Path) -> Tags:
    transfer = int(frame.color_trc)
    if transfer in HIGH_RANGE:
        raise Unsupported(f"{path} is HDR ({HIGH_RANGE[transfer]}), which is not edited; {HDR_REMEDY}.")
    return Tags(matrix=int(frame.colorspace), primaries=int(frame.color_primaries), transfer=transfer)


def _format(name: str, frame: VideoFrame, tags: Tags, full: bool, still: bool) -> PixelFormat:
    if name.startswith("gbrp"):
        return PixelFormat.named(name, "rgb", full=True, tags=tags)
    if tags.matrix == 0:  # says RGB of planes that are not
        tags = replace(tags, matrix=UNSPECIFIED)
    matrix = shown_matrix(tags.matrix, frame.height)
    if matrix is None or matrix == "rgb":
        raise Unsupported(
            f"The colours of the file are coded by matrix {tags.matrix} of H.273, which is not known here; convert it "
            "first, for example with ffmpeg -i IN -vf scale=out_color_matrix=bt709 OUT.mp4."
        )
    form = PixelFormat.named(name, matrix, full, tags)
    return replace(form, siting=(0.5, 0.5)) if still else form


def _plain(name: str) -> str:
    """A name without the j of full range."""
    return name.replace("yuvj", "yuv")


def _is_with_alpha(name: str, taken: str) -> bool:
    return name.replace("yuva", "yuv").replace("gbrap", "gbrp") == taken


def _nearest(frame: VideoFrame, depth: int) -> str:
    """A format that a clip can keep, for a frame that has another: packed, with alpha, or with a palette."""
    name = frame.format.name
    bare = name.replace("yuva", "yuv").replace("gbrap", "gbrp")
    if is_planar(bare):
        return bare
    if frame.format.is_rgb or name.startswith(("pal8", "mono", "ya")):
        return "gbrp" if depth <= 8 else "gbrp16le"
    chroma = {(1, 1): "420", (1, 0): "422"}.get(_halvings(frame), "444")
    return f"yuv{chroma}p" if depth <= 8 else f"yuv{chroma}p{'10' if depth == 10 else '12' if depth == 12 else '16'}le"


def _halvings(frame: VideoFrame) -> tuple[int, int]:
    """How often chroma is halved, (across, down)."""
    across = frame.format.chroma_width(64)
    down = frame.format.chroma_height(64)
    return (64 // across).bit_length() - 1, (64 // down).bit_length() - 1
