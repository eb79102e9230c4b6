"""One frame as the bytes of a PNG, JPEG or WebP file."""

from fractions import Fraction

import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from refrain.errors import BadInput

from .clip import Clip
from .colour import convert
from .encode import frame_of
from .format import PixelFormat


def encoded(clip: Clip, number: int, encoder: str, quality: float, lossless: bool = False) -> bytes:
    """Frame `number` of a clip as a file's content.

    encoder: png (8 bits, or 16 where the clip has more than 8), mjpeg or libwebp. quality: 0 best .. 51, as for videos.
    """
    planes = tuple(np.ascontiguousarray(plane[number : number + 1]) for plane in clip.planes)
    form, packed, options = _wanted(clip, encoder, quality, lossless)
    if form != clip.format:
        planes = convert(planes, clip.format, form)
    frame = frame_of(tuple(plane[0] for plane in planes), form, packed)
    if packed == "rgb48le":
        frame = frame.reformat(format="rgb48be")
    if packed == "rgb24" and encoder == "libwebp":
        frame = frame.reformat(format="bgra")
    context = VideoCodecContext.create(encoder, "w")
    assert isinstance(context, VideoCodecContext)
    context.height, context.width = clip.size
    context.pix_fmt = frame.format.name
    context.time_base = Fraction(1)
    context.color_range = 2
    context.options = options
    frame.pts = 0
    try:
        packets = [*context.encode(frame), *context.encode(None)]
    except FFmpegError as error:
        y, x = clip.size
        raise BadInput(f"A picture of {x}×{y} cannot be written by {encoder} ({error.strerror}); use .png.") from error
    return b"".join(bytes(packet) for packet in packets)


def _wanted(clip: Clip, encoder: str, quality: float, lossless: bool) -> tuple[PixelFormat, str | None, dict[str, str]]:
    """The pixel format, its packing and the encoder's options."""
    if encoder == "mjpeg":
        step = str(round(2 + quality * 29 / 51)) if quality > 18 else str(round(1 + quality / 18))
        name = "yuv420p" if clip.format.chroma == (2, 2) else "yuv444p"
        form = PixelFormat(name, 8, (2, 2) if name == "yuv420p" else (1, 1), "bt601", True, (0.5, 0.5))
        return form, None, {"qmin": step, "qmax": step, "qblur": "0"}
    if encoder == "libwebp":
        options = {"lossless": "1"} if lossless else {"quality": f"{100 - quality:g}"}
        return PixelFormat.named("gbrp"), "rgb24", options
    if clip.format.depth == 8:
        return PixelFormat.named("gbrp"), "rgb24", {}
    return PixelFormat.named("gbrp16le"), "rgb48le", {}
