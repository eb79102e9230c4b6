"""The server: rooms, queue, desk, page and door put together, on one port."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from refrain.errors import BadInput
from refrain.media import Limits

from .demo import Demo
from .desk import Desk, Model
from .guard import LOCAL, Door, Guard
from .jobs import Jobs
from .page import mounted
from .rooms import Rooms
from .routes import routes

LIMITS = Limits(file=512 << 20, pixels=3840 * 2160, seconds=20.0, frames=2400, decoded=8 << 30, wait=120.0)
SWEEP = 3600.0  # seconds between two looks for sessions that nobody opens


@dataclass(frozen=True)
class House:
    """How the page is served. folder: of all sessions. keep: seconds for which one stays that nobody opens.

    accounts: names with passwords. hosts: names under which the page may be called; None: any.
    limits: of a file that is brought. waiting: edits that one person may have in the queue. demo: show sample sessions.
    """

    folder: Path
    model: Model
    keep: float = 7 * 86400.0
    accounts: tuple[tuple[str, str], ...] = ()
    hosts: frozenset[str] | None = LOCAL
    limits: Limits = LIMITS
    waiting: int = 8
    demo: bool = False
    secure: bool = False


class Server:
    """A server that can be started and stopped: `with Server(house, port) as server: server.address`."""

    def __init__(self, house: House, host: str = "127.0.0.1", port: int = 7860) -> None:
        self.house, self.host = house, host
        self._socket = bound(host, port)
        self.port = self._socket.getsockname()[1]
        self.desk = Desk(Rooms(house.folder, house.keep), Jobs(house.waiting), house.model, house.limits)
        told = uvicorn.Config(
            application(self.desk, house), log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=3, ws="none",
        )  # fmt: skip
        self._server = uvicorn.Server(told)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}"

    def run(self) -> None:
        """Serve until Ctrl-C."""
        threading.Thread(target=self._sweeping, name="refrain-sweep", daemon=True).start()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._over.set()
            self.desk.jobs.end()

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise BadInput("The server could not be started; see what it said above.")
            self._over.wait(0.02)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)
        self.desk.jobs.end()

    def _sweeping(self) -> None:
        while not self._over.wait(SWEEP):
            with suppress(OSError):  # a disk that is gone for a moment is no reason to stop looking
                self.desk.rooms.sweep(self.desk.jobs.busy)


def application(desk: Desk, house: House) -> ASGIApp:
    """All routes, behind the door."""
    desk.resume()
    demo = Demo(desk) if house.demo else None
    own = Starlette(routes=routes(desk, demo))
    door = Door(house.hosts, house.accounts, house.limits.file, house.secure)
    return Guard(mounted(own, desk, demo), door)


def bound(host: str, port: int) -> socket.socket:
    """A socket on a port that is free; 0 takes any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise BadInput(f"{host}:{port} cannot be used ({error.strerror}); give another --port or --host.") from error
    return made
