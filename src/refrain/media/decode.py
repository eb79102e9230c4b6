"""The process that decodes: reads one request as JSON, writes raw planes into files, answers with JSON.

It runs apart, so that a file which hangs, crashes or devours memory ends this process and not the user's.
Loads no torch.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from refrain.errors import BadInput, RefrainError, Unsupported

from .frame import Layout, Picture, layout_of, picture_of
from .limits import Limits
from .sniff import DEMUXERS, PICTURES
from .times import repaired, snapped

DECODERS = (
    "h264,hevc,av1,libdav1d,vp8,vp9,libvpx-vp9,prores,mjpeg,mpeg4,ffv1,png,apng,gif,webp,bmp,tiff,qtrle,dnxhd,rawvideo"
)
FAR = 10  # seconds; a start beyond this is sought rather than decoded up to


@dataclass
class Progress:
    """What is known of the frames taken so far."""

    said: list[Fraction | None] = field(default_factory=list)
    layout: Layout | None = None
    end: Fraction | None = None  # of the last frame, as far as the file tells
    broken: bool = False  # some frame is damaged
    skipped: int = 0
    first_seen: Fraction | None = None  # the time of the first frame decoded
    begun: Fraction | None = None  # the time of the first frame taken
    cut: bool = False  # stopped before the end of the file, as asked


def main() -> None:
    """Answer the request on standard input; a refusal is an answer too."""
    request = json.loads(sys.stdin.read())
    av.logging.restore_default_callback()  # complaints go to standard error, from C: no lock of Python is needed
    av.logging.set_libav_level(av.logging.ERROR)
    _restrain(request["limits"]["memory"])
    try:
        answer = decode(
            Path(request["path"]), request["kind"], _seconds(request["start"]), _seconds(request["stop"]),
            Limits(**request["limits"]), Path(request["folder"]),
        )  # fmt: skip
    except RefrainError as error:
        answer = {"refused": type(error).__name__, "sentence": str(error)}
    except OSError as error:
        answer = {"refused": "BadInput", "sentence": f"{request['path']} cannot be unpacked: {error.strerror}."}
    except MemoryError:
        answer = {"refused": "BadInput", "sentence": f"{request['path']} needs too much memory to decode."}
    sys.stdout.write(json.dumps(answer))


def decode(
    path: Path, kind: str, start: Fraction | None, stop: Fraction | None, limits: Limits, folder: Path
) -> dict[str, Any]:
    """Decode frames shown from `start` up to `stop` into folder/0, 1, 2 (one file a plane) and say what they are."""
    seek = start is not None and start > FAR and kind in {"mov", "matroska"}
    progress = _taken(path, kind, start, stop, limits, folder, seek)
    if seek and (progress.first_seen is None or progress.first_seen > (start or 0)):
        progress = _taken(path, kind, start, stop, limits, folder, seek=False)  # sought too far
    with _opened(path, kind, limits) as (container, stream):
        return _answer(path, kind, container, stream, progress)


def _taken(
    path: Path, kind: str, start: Fraction | None, stop: Fraction | None, limits: Limits, folder: Path, seek: bool
) -> Progress:
    progress = Progress()
    with _opened(path, kind, limits) as (container, stream), contextlib.ExitStack() as files:
        _check_header(path, container, stream, limits, start is None and stop is None)
        planes = [files.enter_context((folder / str(n)).open("wb")) for n in range(3)]
        if seek and start is not None:
            with contextlib.suppress(FFmpegError):  # then it is decoded from its beginning
                container.seek(int(start / _base(stream)), stream=stream)
        step = _step(stream)
        written = 0
        for frame, said, time in _timed(_frames(path, container, stream, not seek), _base(stream), step):
            progress.first_seen = time if progress.first_seen is None else progress.first_seen
            if stop is not None and time >= stop:
                progress.end, progress.cut = time, True
                break
            if start is not None and time < start:
                progress.skipped += 1
                continue
            picture = _checked(path, frame, kind, progress, limits)
            _check_count(path, progress, said, time, limits)
            for file, plane in zip(planes, picture.planes):
                written += file.write(np.ascontiguousarray(plane).data)
            if written > limits.decoded:
                raise BadInput(_too(path, f"unpacks to more than {limits.decoded >> 30} GiB", "read a shorter stretch"))
            span = Fraction(frame.duration or 0) * (frame.time_base or _base(stream))
            progress.end = time + (span or step)
    return progress


def _timed(
    frames: Iterator[VideoFrame], base: Fraction, step: Fraction
) -> Iterator[tuple[VideoFrame, Fraction | None, Fraction]]:
    """Frames in the order shown, each with the time that the file says and the time that it should have."""
    time = Fraction(0) - step
    for frame in frames:
        pts = frame.pts if frame.pts is not None else frame.dts
        said = None if pts is None else pts * Fraction(frame.time_base or base)
        time = time + step if said is None else said
        yield frame, said, time


def _frames(path: Path, container: InputContainer, stream: VideoStream, whole: bool) -> Iterator[VideoFrame]:
    """Decoded frames; a damaged file is refused where the damage is met."""
    packets, count = 0, 0
    try:
        for packet in container.demux(stream):
            packets += packet.size > 0
            for frame in packet.decode():
                count += 1
                yield frame
    except FFmpegError as error:
        raise BadInput(
            f"{path} is damaged or incomplete: frame {count + 1} cannot be decoded ({error.strerror}); "
            "copy it again, or convert it first."
        ) from error
    if whole and 0 < packets < stream.frames and not {"mov", "avi"}.isdisjoint(container.format.name.split(",")):
        raise BadInput(
            f"{path} is incomplete: {packets} of its {stream.frames} frames are there; copy it again, or convert it."
        )


def _checked(path: Path, frame: VideoFrame, kind: str, progress: Progress, limits: Limits) -> Picture:
    """The planes of a frame that is within the limits and like those before it."""
    if frame.width * frame.height > limits.pixels:
        raise BadInput(_too(path, f"has frames of {frame.width}×{frame.height} pixels", "make it smaller first"))
    layout = layout_of(frame, path, still=kind in PICTURES)
    if progress.layout is None:
        progress.layout = layout
    elif layout.shape != progress.layout.shape:
        raise Unsupported(
            f"{path} changes its size or pixel format at frame {len(progress.said) + 1}; convert it first."
        )
    progress.broken |= frame.is_corrupt
    return picture_of(frame, progress.layout)


def _check_count(path: Path, progress: Progress, said: Fraction | None, time: Fraction, limits: Limits) -> None:
    """Note the time of one frame more, within the limits."""
    progress.said.append(said)
    progress.begun = time if progress.begun is None else progress.begun
    if len(progress.said) > limits.frames:
        raise BadInput(_too(path, f"has more than {limits.frames} frames", "read a shorter stretch"))
    if time - progress.begun > limits.seconds:
        raise BadInput(_too(path, f"lasts longer than {limits.seconds:g} s", "read a shorter stretch"))


@contextlib.contextmanager
def _opened(path: Path, kind: str, limits: Limits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its video track, with every limit set before the first frame is decoded."""
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": DEMUXERS[kind],
        "codec_whitelist": DECODERS,
        "max_pixels": str(limits.pixels),
    }
    try:
        container = av.open(f"file:{path}", format=kind, options=options)
    except (FFmpegError, ValueError, OSError) as error:
        raise BadInput(f"{path} is damaged, incomplete or not what its name says; copy it again.") from error
    with container:
        tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not tracks:
            what = "only sound" if container.streams.audio else "no pictures"
            raise BadInput(f"{path} holds {what}; give a video or a picture.")
        marked = [s for s in tracks if s.disposition & Disposition.default]
        stream = (marked or tracks)[0]
        context = stream.codec_context
        if context is None or context.codec.name not in DECODERS.split(","):
            name = context.codec.name if context else "an unknown codec"
            raise Unsupported(f"{path} is coded with {name}, which is not read; convert it to H.264 first.")
        context.options = {"max_pixels": str(limits.pixels)}
        context.thread_type = "AUTO"
        yield container, stream


def _check_header(path: Path, container: InputContainer, stream: VideoStream, limits: Limits, whole: bool) -> None:
    """Refuse what already the header says is too much."""
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > limits.pixels:
        raise BadInput(_too(path, f"has frames of {width}×{height} pixels", "make it smaller first"))
    length = (container.duration or 0) / av.time_base
    if whole and length > limits.seconds:
        raise BadInput(_too(path, f"lasts {length:.0f} s (the limit is {limits.seconds:g})", "read a shorter stretch"))
    if whole and stream.frames > limits.frames:
        raise BadInput(
            _too(path, f"has {stream.frames} frames (the limit is {limits.frames})", "read a shorter stretch")
        )


def _answer(
    path: Path, kind: str, container: InputContainer, stream: VideoStream, progress: Progress
) -> dict[str, Any]:
    """All that the asking process needs to make a clip."""
    layout = progress.layout
    if layout is None:
        if progress.skipped or progress.cut:
            raise BadInput(f"{path} shows no frame in the stretch that was asked for.")
        raise BadInput(f"{path} holds no frames; give a video or a picture.")
    step = _step(stream)
    times, mended = repaired(progress.said, step)
    end = progress.end if progress.end is not None and progress.end > times[-1] else times[-1] + step
    if kind == "matroska":  # its clock has a thousand ticks a second, its rate is exact
        even = snapped([*times, end], 1 / step, 1000)
        times, end = even[:-1], even[-1]
    notes = list(layout.notes)
    if mended:
        notes.append(
            f"{mended} frames had no time of their own or a wrong one; they were put between their neighbours."
        )
    if progress.broken:
        notes.append("Some frames are damaged in the file and are shown as the decoder mended them.")
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if len(videos) > 1:
        notes.append(f"The file has {len(videos)} video tracks; number {videos.index(stream) + 1} is read.")
    if container.streams.subtitles:
        notes.append("Subtitles are not kept.")
    if stream.metadata.get("alpha_mode") == "1":
        notes.append("Transparency is dropped.")
    sounds = [s for s in container.streams.audio if s.codec_context is not None]
    aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
    alone = len(times) == 1 and not progress.skipped and not progress.cut
    return {
        "format": asdict(layout.format),
        "size": layout.size,
        "times": [str(time) for time in times],
        "end": str(end),
        "still": kind in PICTURES or alone,
        "notes": notes,
        "pixel_aspect": str(1 / aspect if layout.turn.transposed else aspect),
        "tracks": [s.index for s in sounds],
        "part": bool(progress.skipped or progress.cut),
        "later": bool(progress.skipped),
        "codecs": [s.codec_context.codec.canonical_name for s in sounds],
    }


def _base(stream: VideoStream) -> Fraction:
    """Seconds of one tick."""
    return stream.time_base or Fraction(1, av.time_base)


def _step(stream: VideoStream) -> Fraction:
    """The usual length of a frame."""
    rate = stream.average_rate or stream.guessed_rate
    return 1 / Fraction(rate) if rate else Fraction(1, 25)


def _seconds(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _too(path: Path, what: str, remedy: str) -> str:
    return f"{path} {what}, which is beyond the limit; {remedy}."


def _restrain(memory: int) -> None:
    """Hold this process to an amount of memory, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such thing
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
