"""Which encoder and pixel format a video gets: H.264 wherever it can hold what was asked, FFV1 where it cannot.

H.264 in 4:2:0 knows only even sizes. A lossy clip of odd size is therefore written in 4:4:4, which keeps the size; a
lossless one of odd size and 4:2:0 or 4:2:2 needs FFV1, and so do depths other than 8 and 10 bits.
"""

from dataclasses import dataclass, field

from refrain.errors import BadInput

from .colour import eight_bit
from .format import PixelFormat

EXACT = {"yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"}  # x264 holds these losslessly


@dataclass(frozen=True)
class Coding:
    """encoder: FFmpeg's name. format: of the planes it is given. packed: what it is given them as, where not planes.

    notes: sentences about what differs from what was asked.
    """

    encoder: str
    format: PixelFormat
    packed: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def coding_for(format: PixelFormat, size: tuple[int, int], ending: str, lossless: bool) -> Coding:
    """How planes of a format and size are coded in a file with that ending. Raises BadInput where they cannot be."""
    if not lossless:
        if not _is_odd(size, (2, 2)):
            return Coding("libx264", eight_bit(format, "yuv420p"), options={"preset": "medium"})
        note = (
            f"{size[1]}×{size[0]} is odd, which 4:2:0 cannot hold; 4:4:4 was written, which some players do not show."
        )
        return Coding("libx264", eight_bit(format, "yuv444p"), options={"preset": "medium"}, notes=(note,))
    exact = {"preset": "ultrafast", "qp": "0", "threads": "1"}  # a third of the time for a quarter more bytes
    if format.name in EXACT and not _is_odd(size, format.chroma):
        return Coding("libx264", format, options=exact)
    if format.name == "gbrp":
        return Coding("libx264rgb", format, packed="rgb24", options=exact)
    if ending != ".mkv":
        raise BadInput(
            f"{ending} cannot hold {format.name} of {size[1]}×{size[0]} losslessly; write to .mkv, which can."
        )
    return Coding("ffv1", format, options={"level": "3", "slicecrc": "1"})


def _is_odd(size: tuple[int, int], chroma: tuple[int, int]) -> bool:
    return bool(size[0] % chroma[0] or size[1] % chroma[1])
