"""The clip: the planes of a video or picture as its file has them, with times, sound and colour tags.

Everything else is made from the planes when it is asked for, so a long clip never lies in memory as floats.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from refrain.errors import BadInput

from . import colour, scratch
from .format import PixelFormat, Tags
from .limits import Limits
from .sound import Sound

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 1 << 22  # pixels converted at a time
MADE = Tags(matrix=1, primaries=1, transfer=1)  # a clip of our own making is BT.709 and says so


@dataclass(frozen=True, eq=False)
class Clip:
    """A video, or a picture as a clip of one frame.

    planes:   three arrays [T, y, x], uint8 or uint16, read-only where they lie in a file; rotation is applied already.
    format:   what their numbers mean.
    times:    when every frame is shown, in seconds; the first is its real start, not always 0.
    duration: from the first frame's start to the last one's end, in seconds.
    sound:    where to copy the sound from; None is silence.
    origin:   the file it was read from.
    still:    made from a picture.
    notes:    sentences about what reading had to change.
    pixel_aspect: width of a pixel over its height.
    """

    planes: tuple[np.ndarray, ...]
    format: PixelFormat
    times: tuple[Fraction, ...]
    duration: Fraction
    sound: Sound | None = None
    origin: Path | None = None
    still: bool = False
    notes: tuple[str, ...] = ()
    pixel_aspect: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if not self.times or {len(plane) for plane in self.planes} != {len(self.times)}:
            raise BadInput("A clip needs one frame or more, and one time for every frame.")
        if tuple(plane.shape[1:] for plane in self.planes) != self.format.plane_sizes(self.size):
            raise BadInput(f"Planes of {[p.shape[1:] for p in self.planes]} are no {self.format.name} frame.")

    @staticmethod
    def read(
        path: str | Path, start: float | None = None, stop: float | None = None, limits: Limits | None = None
    ) -> "Clip":
        """Read a local file, or the frames shown from `start` up to `stop` (seconds on the file's own clock).

        Raises BadInput or Unsupported, in one sentence, for all that cannot be read.
        """
        from .read import read

        return read(path, start, stop, limits or Limits())

    @staticmethod
    def of(frames: "Tensor", fps: Fraction | float, format: PixelFormat | None = None) -> "Clip":
        """A silent clip of frames [T, 3, Y, X] in [-1, 1].

        format: yuv420p unless given, which every player shows; yuv444p where a side is odd.
        """
        if frames.ndim != 4 or frames.shape[1] != 3 or len(frames) == 0:
            raise BadInput(f"A clip is made of frames [T, 3, Y, X], not of {list(frames.shape)}.")
        rate = Fraction(fps).limit_denominator(1001)
        if rate <= 0:
            raise BadInput(f"Frames per second must be above 0, not {fps}.")
        odd = frames.shape[-1] % 2 or frames.shape[-2] % 2
        form = format or PixelFormat.named("yuv444p" if odd else "yuv420p", tags=MADE)
        planes = colour.from_rgb(frames, form)
        return Clip(planes, form, tuple(n / rate for n in range(len(frames))), len(frames) / rate)

    def write(self, path: str | Path, quality: float = 18, lossless: bool = False) -> tuple[str, ...]:
        """Write a video, a picture (.png, .jpg, .webp), or PNG frames (`folder/` or `folder/%05d.png`).

        quality: x264's CRF, 0 best .. 51. lossless: the own planes in the own pixel format, bit-equal when read back.
        The file appears whole or not at all. Returns sentences about what had to differ. Raises BadInput.
        """
        from .write import write

        return write(self, path, quality, lossless)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns, (Y, X)."""
        return self.planes[0].shape[1], self.planes[0].shape[2]

    @property
    def fps(self) -> Fraction:
        """Frames per second on the whole; frames need not be even."""
        return len(self) / self.duration

    @property
    def frames(self) -> "Tensor":
        """All frames [T, 3, Y, X] float32 in [-1, 1]; for a long clip take `rgb` or `at`."""
        return self.rgb(0, len(self))

    def rgb(self, start: int, stop: int) -> "Tensor":
        """Frames start .. stop - 1 as [n, 3, Y, X] float32 in [-1, 1]."""
        return colour.to_rgb(tuple(plane[start:stop] for plane in self.planes), self.format)

    def at(self, size: tuple[int, int]) -> "Tensor":
        """All frames [T, 3, y, x] at another size, averaged by area where that is smaller."""
        done = torch.empty((len(self), 3, *size))  # [T, 3, y, x]
        for start, stop in self.blocks():
            done[start:stop] = colour.rgb_at(tuple(plane[start:stop] for plane in self.planes), self.format, size)
        return done

    def blocks(self) -> list[tuple[int, int]]:
        """Stretches (start, stop) of frames that are small enough to be converted at once."""
        step = max(1, BLOCK // (self.size[0] * self.size[1]))
        return [(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def with_planes(self, planes: Sequence[np.ndarray]) -> "Clip":
        """This clip with other planes of the same shapes and type; everything else is kept."""
        for new, old in zip(planes, self.planes, strict=True):
            if new.shape != old.shape or new.dtype != old.dtype:
                raise BadInput(f"A plane {list(new.shape)} {new.dtype} cannot replace {list(old.shape)} {old.dtype}.")
        return replace(self, planes=tuple(planes))

    def between(self, start: int, stop: int) -> "Clip":
        """Frames start .. stop - 1; a part that begins later than the clip begins at time 0, and so does its sound."""
        if not 0 <= start < stop <= len(self):
            raise BadInput(f"There are no frames {start} to {stop}; the clip has {len(self)}.")
        if (start, stop) == (0, len(self)):
            return self
        zero = self.times[start] if start else Fraction(0)
        end = self.times[stop] if stop < len(self) else self.times[0] + self.duration
        return replace(
            self,
            planes=tuple(plane[start:stop] for plane in self.planes),
            times=tuple(time - zero for time in self.times[start:stop]),
            duration=end - self.times[start],
            sound=self.sound and self.sound.between(self.times[start] if start else None, end),
        )

    def spliced(self, first: int, part: "Clip") -> "Clip":
        """This clip with the planes of `part`, of the same size and format, in place of its frames from `first` on."""
        if first + len(part) > len(self) or part.size != self.size or part.format != self.format:
            raise BadInput("A part can be put back only where it came from: same size, format and place.")
        if len(part) == len(self):
            return self.with_planes(part.planes)
        planes = tuple(scratch.empty(plane.shape, self.format.sample) for plane in self.planes)
        for new, old, inner in zip(planes, self.planes, part.planes):
            new[:first], new[first + len(part) :] = old[:first], old[first + len(part) :]
            new[first : first + len(part)] = inner
        return replace(self, planes=planes)
