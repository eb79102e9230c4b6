"""A clip as a video file: planes to packets, with the times, tags and sound of the source."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av import Packet
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .clip import Clip
from .coding import Coding
from .colour import convert
from .format import UNSPECIFIED, PixelFormat
from .sound import Copy, opened
from .times import are_even, clock

FINE = 90_000  # ticks a second where no clock holds all times exactly
MILLI = 1000  # Matroska's clock


def encode(clip: Clip, path: Path, container: str, coding: Coding, quality: float) -> tuple[str, ...]:
    """Write a clip's video and sound into the file `path`; returns sentences about what differs."""
    end = clip.times[0] + clip.duration
    ticks = clock(clip.times, end)
    notes = list(coding.notes)
    rounded = container == "matroska" and MILLI % (ticks or FINE) and not are_even(clip.times, end)
    if ticks is None or rounded:
        notes.append("The file cannot hold the times of the frames exactly; they are within a millisecond.")
    ticks = ticks or FINE
    options = {"movflags": "+faststart"} if container in {"mp4", "mov"} else {}
    with ExitStack() as stack:
        target = stack.enter_context(av.open(f"file:{path}", "w", format=container, container_options=options))
        stream = _stream(target, clip, coding, quality, ticks)
        sound = None
        if clip.sound is not None:
            source = stack.enter_context(opened(clip.sound.path, clip.sound.kind))
            sound = Copy(clip.sound, source, target)
        marks = [round(time * ticks) for time in (*clip.times, end)]
        spans = {begin: stop - begin for begin, stop in zip(marks, marks[1:])}
        for frame, begin in zip(_frames(clip, coding), marks):
            frame.pts, frame.time_base = begin, Fraction(1, ticks)
            if sound is not None:
                sound.until(Fraction(begin, ticks))
            _mux(target, stream.encode(frame), spans)
        _mux(target, stream.encode(None), spans)
        if sound is not None:
            sound.until(None)
    return tuple(notes)


def _mux(target: OutputContainer, packets: list[Packet], spans: dict[int, int]) -> None:
    """Write packets with the length of their own frame; encoders know only the usual one."""
    for packet in packets:
        if packet.pts is not None:
            packet.duration = spans[packet.pts]
        target.mux_one(packet)


def _stream(target: OutputContainer, clip: Clip, coding: Coding, quality: float, ticks: int) -> VideoStream:
    """The video track, not yet holding frames."""
    options = dict(coding.options)
    if coding.encoder.startswith("libx264") and "qp" not in options:
        options["crf"] = f"{quality:g}"
    if not are_even(clip.times, clip.times[0] + clip.duration):
        options["bf"] = "0"  # with frames out of order a file cannot say how long an uneven last frame lasts
    rate = min(clip.fps, Fraction(1000)).limit_denominator(10_000)
    stream = target.add_stream(coding.encoder, rate=rate, options=options)
    assert isinstance(stream, VideoStream)
    context, form = stream.codec_context, coding.format
    context.height, context.width = clip.size
    context.pix_fmt = coding.packed or form.name
    context.time_base = Fraction(1, ticks)
    stream.time_base = Fraction(1, ticks)
    context.sample_aspect_ratio = clip.pixel_aspect
    context.thread_type = "AUTO"
    context.color_range = 2 if form.full else 1
    context.colorspace = 0 if form.matrix == "rgb" else form.tags.matrix or UNSPECIFIED
    context.color_primaries, context.color_trc = form.tags.primaries, form.tags.transfer
    return stream


def _frames(clip: Clip, coding: Coding) -> Iterator[VideoFrame]:
    """The clip's frames as the encoder wants them."""
    for start, stop in clip.blocks():
        planes = tuple(plane[start:stop] for plane in clip.planes)
        if coding.format != clip.format:
            planes = convert(planes, clip.format, coding.format)
        for n in range(stop - start):
            yield frame_of(tuple(plane[n] for plane in planes), coding.format, coding.packed)


def frame_of(planes: tuple[np.ndarray, ...], format: PixelFormat, packed: str | None = None) -> VideoFrame:
    """FFmpeg's frame of three planes [y, x]. packed: "rgb24" or "rgb48le" for an encoder that wants pixels in a row."""
    if packed is not None:
        green, blue, red = planes
        return VideoFrame.from_ndarray(np.stack((red, green, blue), axis=-1), format=packed)
    rows, columns = planes[0].shape
    frame = VideoFrame(columns, rows, format.name)
    for plane, samples in zip(frame.planes, planes):
        wide = np.frombuffer(memoryview(plane), format.sample).reshape(-1, plane.line_size // samples.itemsize)
        wide[: samples.shape[0], : samples.shape[1]] = samples
    frame.color_range = 2 if format.full else 1
    return frame
