"""Where a clip's sound lies; it is copied packet by packet and never decoded."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from refrain.errors import BadInput

from .sniff import DEMUXERS

CODECS = (
    "aac,mp3,mp3float,ac3,eac3,alac,flac,opus,libopus,vorbis,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,"
    "pcm_f32le,pcm_u8"
)


@dataclass(frozen=True)
class Sound:
    """All sound tracks of a file, or a stretch of them.

    kind: the demuxer that opens `path`. tracks: their stream numbers. codecs: their names.
    start, stop: the stretch on the file's own clock, in seconds; `start` becomes 0. None: all there is, unshifted.
    """

    path: Path
    kind: str
    tracks: tuple[int, ...]
    codecs: tuple[str, ...]
    start: Fraction | None = None
    stop: Fraction | None = None

    def between(self, start: Fraction | None, stop: Fraction) -> "Sound":
        """The stretch from `start` (None: as now) to `stop`, seconds on this sound's own clock."""
        zero = self.start or Fraction(0)
        end = zero + stop if self.stop is None else min(self.stop, zero + stop)
        return replace(self, start=self.start if start is None else zero + start, stop=end)


@contextmanager
def opened(path: Path, kind: str) -> Iterator[InputContainer]:
    """A local file as the one kind that it is, with nothing fetched from anywhere."""
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": DEMUXERS[kind],
        "codec_whitelist": CODECS,
        "max_pixels": "1",
    }
    try:
        container = av.open(f"file:{path}", format=kind, options=options)
    except (FFmpegError, OSError) as error:
        raise BadInput(f"The sound of {path} cannot be read any more: {error.strerror}.") from error
    with container:
        yield container


class Copy:
    """Copies the packets of a sound into a container that is being written, in step with the picture."""

    def __init__(self, sound: Sound, source: InputContainer, target: OutputContainer) -> None:
        self._streams = {n: target.add_stream_from_template(source.streams[n]) for n in sound.tracks}
        self._packets = source.demux(*(source.streams[n] for n in sound.tracks))
        self._sound, self._target = sound, target
        self._keep_early = "matroska" not in target.format.name  # it would shift everything to make room
        self._held: av.Packet | None = None
        self._ended = False

    def until(self, moment: Fraction | None) -> None:
        """Copy what begins before `moment` of the written clip; None: all that is left."""
        while not self._ended:
            packet = self._held or next(self._packets, None)
            self._held = None
            if packet is None:
                self._ended = True
            elif moment is not None and self._begin(packet) > moment:
                self._held = packet
                return
            else:
                self._copy(packet)

    def _begin(self, packet: av.Packet) -> Fraction:
        at = packet.pts if packet.pts is not None else packet.dts
        return (at or 0) * Fraction(packet.time_base) - (self._sound.start or 0)

    def _copy(self, packet: av.Packet) -> None:
        if packet.dts is None and packet.size == 0:
            return  # the mark of the end
        begin = self._begin(packet)
        end = begin + (packet.duration or 0) * Fraction(packet.time_base)
        sound = self._sound
        if (sound.start is not None and end <= 0) or (begin < 0 and not self._keep_early):
            return
        if sound.stop is not None and begin >= sound.stop - (sound.start or 0):
            return
        shift = round((sound.start or Fraction(0)) / Fraction(packet.time_base))
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = self._streams[packet.stream_index]
        self._target.mux_one(packet)
