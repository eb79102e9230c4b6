"""What the numbers in a plane mean: depth, chroma subsampling, matrix, range, and the file's own colour tags.

Names are FFmpeg's ("yuv420p10le"); every clip has three planes, which are Y, U, V or G, B, R. Needs no torch.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

Matrix = Literal["bt601", "bt709", "bt2020", "rgb"]

UNSPECIFIED = 2  # in ITU-T H.273, for primaries, transfer and matrix alike
MATRICES: dict[int, Matrix] = {0: "rgb", 1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}  # H.273 code -> name
HIGH_RANGE = {16: "PQ", 18: "HLG"}  # H.273 transfer codes of HDR
_YUV = re.compile(r"yuvj?(420|422|440|444)p(9|10|12|14|16)?(le)?")
_RGB = re.compile(r"gbrp(9|10|12|14|16)?(le)?")
_CHROMA = {"420": (2, 2), "422": (1, 2), "440": (2, 1), "444": (1, 1)}


@dataclass(frozen=True)
class Tags:
    """The colour tags of a file as it has them, H.273 codes: written again unchanged, unspecified stays unspecified."""

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED


@dataclass(frozen=True)
class PixelFormat:
    """How planes are to be read.

    name:   FFmpeg's name, never of the yuvj family (that is `full`).
    depth:  bits of a sample, 8 to 16; above 8 a sample is a uint16.
    chroma: rows and columns of luma for one of chroma: (2, 2) is 4:2:0, (1, 2) is 4:2:2.
    matrix: of Y, U, V; "rgb" when the planes are G, B, R.
    full:   0 .. 2^depth - 1 rather than 16 .. 235 (240 for chroma) times 2^(depth - 8).
    siting: where a chroma sample lies, (rows, columns) of luma below and right of the first luma sample it covers:
            (0.5, 0) is "left" (MPEG-2, H.264), (0.5, 0.5) is "centre" (JPEG).
    """

    name: str
    depth: int
    chroma: tuple[int, int]
    matrix: Matrix
    full: bool
    siting: tuple[float, float] = (0.5, 0.0)
    tags: Tags = field(default=Tags())

    @staticmethod
    def named(name: str, matrix: Matrix = "bt709", full: bool = False, tags: Tags | None = None) -> "PixelFormat":
        """The format of an FFmpeg name. Raises ValueError for one that is not three planes of 8 to 16 bits."""
        kept = tags or Tags()
        if yuv := _YUV.fullmatch(name):
            depth = int(yuv[2] or 8)
            return PixelFormat(name.replace("yuvj", "yuv"), depth, _CHROMA[yuv[1]], matrix, full, tags=kept)
        if rgb := _RGB.fullmatch(name):
            return PixelFormat(name, int(rgb[1] or 8), (1, 1), "rgb", True, tags=kept)
        raise ValueError(f"{name} is not three planes of 8 to 16 bits")

    @property
    def sample(self) -> str:
        """NumPy's name of a sample's type."""
        return "uint8" if self.depth == 8 else "uint16"

    def plane_sizes(self, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The size (y, x) of each of the three planes of a frame of size (Y, X)."""
        y, x = size
        chroma = (-(-y // self.chroma[0]), -(-x // self.chroma[1]))
        return (y, x), chroma, chroma

    def frame_bytes(self, size: tuple[int, int]) -> int:
        """Bytes of one frame of size (Y, X)."""
        return sum(y * x for y, x in self.plane_sizes(size)) * (1 if self.depth == 8 else 2)

    def like(self, name: str) -> "PixelFormat":
        """Another name of the same family (yuv or rgb) with this matrix, range, siting and tags."""
        other = PixelFormat.named(name, self.matrix, self.full, self.tags)
        return replace(other, siting=self.siting)


def is_planar(name: str) -> bool:
    """Whether an FFmpeg name is one of the formats that a clip can keep as it is."""
    return bool(_YUV.fullmatch(name) or _RGB.fullmatch(name))


def shown_matrix(code: int, height: int) -> Matrix | None:
    """The matrix a player uses for H.273 `code`: by the height when unspecified. None: not one we know."""
    if code == UNSPECIFIED:
        return "bt709" if height >= 720 else "bt601"
    return MATRICES.get(code)
