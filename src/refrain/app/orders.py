"""What waits, as data on the disk, so that a restart loses none of it.

    ROOT/<room>/<session>/waits/<number>.json              a job that waits; numbers are the order of the one queue
    ROOT/<room>/<session>/waits/<number>.<n>.running.json  the one that is being done, begun when there were n turns

A job is written down before it is in the queue, and its file goes when it is over. One that was being done when the
server died is tried once more, and not for ever: perhaps the server died of it.
"""

import json
import logging
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, get_args

from refrain.editing.session.session import Session
from refrain.editing.session.shelf import to_disk
from refrain.errors import RefrainError
from refrain.media.write import appearing

from .rooms import Place, Rooms

Part = tuple[float | None, float | None, int | None]  # from and to in seconds, the size for the model
Does = Literal["open", "sample", "ask", "again", "where"]
_NAME = re.compile(r"\d{9}(\.\d+\.running)?\.json")


@dataclass(frozen=True)
class Wish:
    """What is said beside the words. region: JSON of the region tool, "" for everywhere. effect: the one picked.

    pictures: that the words speak of, as session/turn of the same room.
    """

    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    region: str = ""
    attention: str = "dense"
    offload: bool = False
    effect: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """One job as data: enough to make it again.

    does:  `open` a file that was brought, or a `sample`; `ask`, or ask `again`, with another seed, what a turn asked;
           predict `where` words would change a turn.
    room, session: whose, and in which of its sessions. title: the words; of a clip its label.
    at:    the turn that is edited; of `again` the one that is asked again. tries: how often a server died of it.
    """

    does: Does
    room: str
    session: str
    title: str
    at: int = 0
    wish: Wish = Wish()
    part: Part = (None, None, None)
    tries: int = 0
    id: str = field(default_factory=lambda: token_hex(6))


class Ticket:
    """The file of an order that is not over. A disk that fails costs the file, and not the job."""

    def __init__(self, folder: Path, number: int) -> None:
        self._waits = self._runs = folder / f"{number:09d}.json"

    def running(self) -> None:
        """It is being done."""
        self._runs = self._waits.with_suffix(f".{_turns(self._waits.parent.parent)}.running.json")
        with _noted():
            os.replace(self._waits, self._runs)

    def waiting(self) -> None:
        """It is not done, and waits again."""
        with _noted():
            os.replace(self._runs, self._waits)

    def over(self) -> None:
        """It is done, or nobody wants it any more."""
        with _noted():
            self._waits.unlink(missing_ok=True)
            self._runs.unlink(missing_ok=True)


class Orders:
    """Those that wait below a root."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._numbers = count(1 + max((_number(path) for place in rooms.all() for path in _files(place)), default=0))

    def keep(self, order: Order) -> Ticket:
        """Write an order to the disk, behind all others."""
        folder, number = self._rooms.named(order.room).place(order.session).waits, next(self._numbers)
        folder.mkdir(exist_ok=True)
        _write(folder / f"{number:09d}.json", order)
        return Ticket(folder, number)

    def left(self) -> list[tuple[Order, Ticket, bool]]:
        """What a server left behind, in order, each with its ticket and whether it may be done: there is a new turn."""
        found: list[tuple[int, Order, Ticket, bool]] = []
        for place in self._rooms.all():
            for path in _files(place):
                order, number = _read(path, place), _number(path)
                begun = path.name.split(".")[1]  # "json" where it only waited
                if order is None:
                    logging.getLogger("refrain").warning("%s is no whole job, and is left out", path)
                    path.unlink(missing_ok=True)
                    continue
                ran = begun.isdigit()
                new = ran and _turns(place.folder) > int(begun)
                if ran:
                    order = replace(order, tries=order.tries + 1)
                    _write(path.with_name(f"{number:09d}.json"), order)
                    path.unlink()
                found.append((number, order, Ticket(path.parent, number), new))
        return [(order, ticket, new) for _, order, ticket, new in sorted(found, key=lambda one: one[0])]


def _files(place: Place) -> list[Path]:
    """The files of what waits in a session, in order."""
    if not place.waits.is_dir() or place.waits.is_symlink():
        return []
    return sorted(path for path in place.waits.iterdir() if _NAME.fullmatch(path.name) and not path.is_symlink())


def _turns(folder: Path) -> int:
    """How many turns the session in a place has; none where there is no session yet."""
    try:
        return len(Session.open(folder / "session").turns)
    except (RefrainError, OSError):
        return 0


def _number(path: Path) -> int:
    return int(path.name[:9])


def _write(path: Path, order: Order) -> None:
    with appearing(path) as aside:
        aside.write_text(json.dumps(asdict(order), ensure_ascii=False), encoding="utf-8")
        to_disk(aside)
    to_disk(path.parent)


def _read(path: Path, place: Place) -> Order | None:
    """The order in a file of this place; None where it is not whole, or was written for another place."""
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        wish = Wish(**{**told["wish"], "pictures": tuple(told["wish"]["pictures"])})
        order = Order(**{**told, "wish": wish, "part": tuple(told["part"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    own = (order.room, order.session) == (place.folder.parent.name, place.name)
    sound = isinstance(order.at, int) and isinstance(order.title, str) and isinstance(order.tries, int)
    return order if own and sound and order.does in get_args(Does) and re.fullmatch(r"\w{12}", order.id) else None


@contextmanager
def _noted() -> Generator[None]:
    try:
        yield
    except OSError as error:
        logging.getLogger("refrain").warning("what waits could not be noted: %s", error)
