"""What must be known of a clip before it is used: its length, size and speed, and the hash of its bytes.

Knowing them costs decoding or reading the whole file, so they are written down beside the store, each with the size
and time of the file that they are true of.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from refrain.errors import BadInput
from refrain.media import Clip

KNOWN = ".facts.jsonl"


@dataclass(frozen=True)
class Facts:
    """Frames, rows and columns of a clip, and its frames per second."""

    frames: int
    height: int
    width: int
    fps: float

    def differs(self, other: "Facts") -> str | None:
        """In what another clip is not like this one, in words; None where it is. A still has no speed to differ in."""
        if self.frames != other.frames:
            return f"{self.frames} frames and {other.frames}"
        if (self.width, self.height) != (other.width, other.height):
            return f"{self.width}x{self.height} and {other.width}x{other.height}"
        if self.frames > 1 and abs(self.fps - other.fps) > 0.005 * self.fps:
            return f"{self.fps:g} and {other.fps:g} frames a second"
        return None


def facts_of(clip: Clip) -> Facts:
    """The facts of a clip that has been read."""
    return Facts(len(clip), *clip.size, float(clip.fps))


class Known:
    """The facts of files, each asked once; where the folder can be written they outlive the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / KNOWN
        self._held: dict[tuple[str, str], Any] = {}
        with suppress(OSError):
            for text in self._path.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, KeyError, TypeError):  # a line torn by a kill is asked again
                    said = json.loads(text)
                    self._held[said["what"], said["file"]] = said["is"]

    def facts(self, path: Path) -> Facts:
        """The facts of a clip. Raises BadInput or Unsupported, as reading it does."""
        return Facts(**self._asked("facts", path, lambda: asdict(facts_of(Clip.read(path)))))

    def hash(self, path: Path) -> str:
        """The SHA-256 of a file's bytes, in hexadecimal digits."""
        return self._asked("hash", path, lambda: _hash(path))

    def _asked(self, what: str, path: Path, ask: Any) -> Any:
        key = (what, _mark(path))
        if key not in self._held:
            self._held[key] = ask()
            line = json.dumps({"what": what, "file": key[1], "is": self._held[key]}) + "\n"
            with suppress(OSError), self._path.open("a", encoding="utf-8") as file:  # a read-only store is no error
                file.write(line)
        return self._held[key]


def _mark(path: Path) -> str:
    """A file as it is now: another size or time is another file."""
    try:
        state = path.stat()
    except OSError as error:
        raise BadInput(f"{path} is not there ({error.strerror}).") from None
    return f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
