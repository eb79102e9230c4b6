"""How large, long and slow a file may be before reading it is refused."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """All are checked against the header first and counted again while decoding.

    file: bytes of the file. pixels: of one frame. frames: in all. seconds: of the stretch read.
    decoded: bytes of all planes together, on disk. wait: seconds that decoding may take.
    memory: bytes that the decoding process may map, where the system can hold it to that.
    """

    file: int = 16 << 30
    pixels: int = 8192 * 4352
    frames: int = 40_000
    seconds: float = 1200.0
    decoded: int = 24 << 30
    wait: float = 1800.0
    memory: int = 12 << 30
