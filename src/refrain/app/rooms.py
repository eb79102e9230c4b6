"""Whose sessions lie where: one room a browser, one folder a session, and when they go.

    ROOT/<room>/<session>/session    the session, as `refrain session` knows it
    ROOT/<room>/<session>/views      what the browser is shown of it
    ROOT/<room>/<session>/waits      what is still to be done in it; see `orders`
    ROOT/<room>/<session>/used       empty; its date says when somebody last opened the session

The browser holds a secret, and a room is named by a hash of it: who can list the folders cannot enter them.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex, token_urlsafe

from refrain.errors import BadInput

COOKIE = "refrain-room"
_SECRET = re.compile(r"[A-Za-z0-9_-]{32}")
_ROOM = re.compile(r"[0-9a-f]{24}")
_SESSION = re.compile(r"[0-9a-f]{12}")
GRACE = 3600.0  # seconds after the start in which nothing goes
_UNITS = {"h": 3600.0, "d": 86400.0, "w": 604800.0}


def new_secret() -> str:
    """What a browser is given to find its room again."""
    return token_urlsafe(24)


def seconds_of(keep: str) -> float:
    """`7d`, `12h`, `2w` -> seconds. BadInput for anything else."""
    found = re.fullmatch(r"(\d{1,4})([hdw])", keep)
    if not found or int(found[1]) == 0:
        raise BadInput(f"--keep is a number of hours, days or weeks such as 12h, 7d or 2w, not {keep!r}.")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True)
class Place:
    """The folder of one session in a room."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def session(self) -> Path:
        """Where the session itself lies."""
        return self.folder / "session"

    @property
    def views(self) -> Path:
        """What the browser is shown."""
        return self.folder / "views"

    @property
    def waits(self) -> Path:
        """What is still to be done in it."""
        return self.folder / "waits"

    def use(self) -> None:
        """Somebody opened it."""
        (self.folder / "used").touch()

    def used(self) -> float:
        """When somebody last did, on the system's clock."""
        try:
            return (self.folder / "used").stat().st_mtime
        except OSError:
            return 0.0


@dataclass(frozen=True)
class Room:
    """What one browser owns."""

    folder: Path

    @property
    def key(self) -> str:
        """Its name, which is no secret."""
        return self.folder.name

    def places(self) -> list[Place]:
        """Its sessions, the last used first."""
        if not self.folder.is_dir():
            return []
        found = [Place(path) for path in self.folder.iterdir() if _SESSION.fullmatch(path.name)]
        begun = [place for place in found if (place.session / "turns.jsonl").is_file() and _is_real(place.folder)]
        return sorted(begun, key=lambda place: (-place.used(), place.name))

    def place(self, name: str) -> Place:
        """One of them by its name. BadInput where it is not there, or is no name."""
        place = Place(self.folder / name)
        if not _SESSION.fullmatch(name) or not _is_real(place.folder):
            raise BadInput("This clip is not here any more; choose another, or bring it again.")
        return place

    def new(self) -> Place:
        """An empty folder for one more."""
        place = Place(self.folder / token_hex(6))
        place.views.mkdir(parents=True)
        place.use()
        return place

    def remove(self, name: str) -> None:
        """A session and all that was made in it."""
        _gone(self.place(name).folder)


@dataclass
class Rooms:
    """All rooms below one folder. keep: seconds for which a session stays that nobody opens."""

    root: Path
    keep: float = 7 * 86400.0
    clock: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    _began: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            aside = self.root / f".{token_hex(4)}.part"
            aside.touch()
            aside.unlink()
        except OSError as error:
            raise BadInput(f"{self.root} cannot be written ({error.strerror}); give another folder.") from error
        self.root = self.root.resolve()
        self._began = (self.clock(), self.steady())

    def of(self, secret: str | None) -> Room:
        """The room of a browser. BadInput where the browser holds no secret of ours."""
        if secret is None or not _SECRET.fullmatch(secret):
            raise BadInput("This browser has no room here; allow cookies for this page, and reload it.")
        return Room(self.root / hashlib.sha256(secret.encode()).hexdigest()[:24])

    def named(self, key: str) -> Room:
        """A room by its name, for those who keep the house."""
        return Room(self.root / key)

    def all(self) -> list[Place]:
        """The folders of all sessions in all rooms, begun or not."""
        found = [Place(path) for room in self._rooms() for path in room.folder.iterdir()]
        return [place for place in found if _SESSION.fullmatch(place.name) and _is_real(place.folder)]

    def sweep(self, busy: Callable[[str, str], bool] = lambda room, session: False) -> int:
        """Remove the sessions that nobody has opened for `keep` seconds; returns how many.

        Nothing goes in the first hour, nor what is being worked on; and where the system's clock has jumped, everything
        counts as used just now.
        """
        wall, steady = self.clock() - self._began[0], self.steady() - self._began[1]
        jumped = abs(wall - steady) > GRACE
        if jumped:
            self._began = (self.clock(), self.steady())
        gone = 0
        for room in self._rooms():
            for place in room.places():
                age = self.clock() - place.used()
                if jumped or age < 0:
                    os.utime(place.folder / "used", (self.clock(), self.clock()))
                elif steady > GRACE and age > self.keep and not busy(room.key, place.name):
                    _gone(place.folder)
                    gone += 1
            self._tidy(room, steady, busy)
        return gone

    def _rooms(self) -> list[Room]:
        return [Room(path) for path in self.root.iterdir() if _ROOM.fullmatch(path.name) and _is_real(path)]

    def _tidy(self, room: Room, steady: float, busy: Callable[[str, str], bool]) -> None:
        """Take away what a stopped server left half-made, and rooms with nothing in them."""
        begun = {place.name for place in room.places()}
        for path in room.folder.iterdir():
            left = path.name not in begun and self.clock() - path.lstat().st_mtime > 86400
            if steady > GRACE and left and not busy(room.key, path.name):
                _gone(path)
        if not any(room.folder.iterdir()):
            room.folder.rmdir()


def _is_real(folder: Path) -> bool:
    """A folder, and no link to one."""
    return folder.is_dir() and not folder.is_symlink()


def _gone(path: Path) -> None:
    """Remove a folder: out of sight at once, then piece by piece. A link goes, and not what it leads to."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    aside = path.with_name(f".{path.name.lstrip('.')[:12]}.{token_hex(4)}.gone")
    os.replace(path, aside)
    shutil.rmtree(aside, ignore_errors=True)
