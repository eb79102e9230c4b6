"""Small files made on the spot with PyAV alone, so that what is read was not written by what is tested."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from refrain.media.format import PixelFormat

NTSC = Fraction(30000, 1001)
Planes = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Made:
    """How a small video is to be. ticks: of every frame in units of `base`, then of the end."""

    name: str = "yuv420p"
    size: tuple[int, int] = (48, 64)
    base: Fraction = 1 / NTSC
    ticks: tuple[int, ...] = tuple(range(9))
    encoder: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"qp": "0", "preset": "ultrafast"})
    sound: str | None = None
    turned: int = 0
    tags: tuple[int, int, int, int] = (1, 1, 1, 1)  # matrix, primaries, transfer, range


def noise(form: PixelFormat, frames: int, size: tuple[int, int], seed: int = 0) -> Planes:
    """Planes of noise in all values of the format."""
    draw = np.random.default_rng(seed)
    return tuple(draw.integers(0, 2**form.depth, (frames, *s)).astype(form.sample) for s in form.plane_sizes(size))


def video(path: Path, made: Made = Made()) -> Planes:
    """Write a small video of noise and return its planes."""
    form = PixelFormat.named(made.name)
    planes = noise(form, len(made.ticks) - 1, made.size)
    with av.open(str(path), "w") as target:
        stream = target.add_stream(made.encoder, rate=1 / made.base, options=made.options)
        context = stream.codec_context
        context.height, context.width, context.pix_fmt = *made.size, made.name
        context.time_base = stream.time_base = made.base
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = made.tags
        context.max_b_frames = 0
        if made.turned:
            stream.set_display_rotation(made.turned)
        sound = target.add_stream(made.sound, rate=16000, layout="mono") if made.sound else None
        for n, (begin, end) in enumerate(zip(made.ticks, made.ticks[1:])):
            frame = _frame(tuple(plane[n] for plane in planes), made)
            frame.pts, frame.duration, frame.time_base = begin, end - begin, made.base
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
        if sound is not None:
            length = (made.ticks[-1] - made.ticks[0]) * made.base
            for packet in _hum(sound, float(length)):
                target.mux(packet)
    return planes


def sound_only(path: Path) -> None:
    """Write a file with a second of sound and no picture."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("aac", rate=16000, layout="mono")
        for packet in _hum(stream, 1.0):
            target.mux(packet)


def picture(path: Path, encoder: str, name: str, array: np.ndarray) -> None:
    """Write one frame, given as PyAV wants the format `name`."""
    frame = av.VideoFrame.from_ndarray(array, format=name)
    context = av.CodecContext.create(encoder, "w")
    context.height, context.width, context.pix_fmt, context.time_base = frame.height, frame.width, name, Fraction(1)
    path.write_bytes(b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)]))


def packets(path: Path, kind: str = "audio") -> list[bytes]:
    """The bytes of every packet of the first track of a kind."""
    with av.open(str(path)) as source:
        stream = next(s for s in source.streams if s.type == kind)
        return [bytes(packet) for packet in source.demux(stream) if packet.size]


def _frame(planes: Planes, made: Made) -> av.VideoFrame:
    rows, columns = made.size
    frame = av.VideoFrame(columns, rows, made.name)
    for plane, samples in zip(frame.planes, planes):
        wide = np.frombuffer(plane, samples.dtype).reshape(-1, plane.line_size // samples.itemsize)
        wide[: samples.shape[0], : samples.shape[1]] = samples
    return frame


def _hum(stream: av.AudioStream, seconds: float) -> list[av.Packet]:
    """A tone, encoded."""
    count = int(seconds * 16000)
    wave = (0.3 * np.sin(np.arange(count) * 0.17)).astype(np.float32)
    out: list[av.Packet] = []
    context = stream.codec_context
    size = context.frame_size or 1024
    resampler = av.AudioResampler(format=context.format, layout="mono", rate=16000)
    for start in range(0, count - size, size):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + size], format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        for ready in resampler.resample(frame):
            out += stream.encode(ready)
    return out + list(stream.encode(None))
