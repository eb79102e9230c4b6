"""What tests of the page share: a server with a tiny model on a free port, and browsers that speak plain HTTP."""

import gc
import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from refrain.app.server import House, Server
from refrain.cli.serve import _model
from refrain.media import Clip, Limits
from tiny_embedded import save_tiny_embedded

LIMITS = Limits(file=3 << 20, pixels=640 * 480, seconds=4.0, frames=200, decoded=1 << 30, wait=60.0)


class Browser:
    """One browser: it keeps its cookie, and says what a browser says."""

    def __init__(self, server: Server) -> None:
        self.port, self.cookie = server.port, ""
        answer, _ = self.get("/", wait=60)
        self.cookie = (answer.getheader("set-cookie") or "").partition(";")[0]

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, wait: float = 30
    ) -> tuple[HTTPResponse, bytes]:  # fmt: skip
        """What the server answers; a path goes out as it is."""
        line = HTTPConnection("127.0.0.1", self.port, timeout=wait)
        said = {"Cookie": self.cookie} if self.cookie else {}
        line.request(method, path, body, {**said, **(headers or {})})
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return answer, content

    def get(self, path: str, **more: Any) -> tuple[HTTPResponse, bytes]:
        return self.ask("GET", path, **more)

    def upload(self, content: bytes, name: str = "clip.mp4", **part: Any) -> tuple[int, str]:
        """Bring a file; the status and what was said."""
        answer, told = self.ask("POST", f"/own/upload?{urlencode({'name': name, **part})}", content)
        return answer.status, told.decode()

    def state(self, session: str = "") -> dict[str, Any]:
        return json.loads(self.get(f"/own/state?session={session}")[1])

    def settled(self, session: str = "") -> dict[str, Any]:
        """The state when nothing is left to do."""
        for _ in range(600):
            state = self.state(session)
            if not state["jobs"]:
                return state
            time.sleep(0.1)
        raise AssertionError("the jobs do not end")

    def begun(self, content: bytes, name: str = "clip.mp4") -> str:
        """Bring a file and wait until it is open: the session's name."""
        status, told = self.upload(content, name)
        assert status == 200, told
        session = json.loads(told)["session"]
        state = self.settled(session)
        assert state["over"][-1]["state"] == "done", state
        return session


@contextmanager
def served(folder: Path, model: Path, **facts: Any) -> Iterator[Server]:
    """A server on a free port."""
    house = House(folder, _model(str(model), "cpu", None), **{"limits": LIMITS, **facts})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio leaves event loops behind when a page is laid out
        server = Server(house, port=0)
        gc.collect()
    with server:
        yield server


def tiny(folder: Path) -> Path:
    """A model that changes everything at random."""
    return save_tiny_embedded(folder)


def film(clip: Clip, folder: Path) -> bytes:
    """A clip as the bytes of an MP4."""
    path = folder / "film.mp4"
    clip.write(path)
    return path.read_bytes()
