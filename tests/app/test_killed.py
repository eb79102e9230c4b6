"""The server killed at its work by the system, as when the power fails: a process of its own, and another after it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.clips import numbered
from app.serving import Browser, film, tiny
from refrain import Session

pytestmark = pytest.mark.slow

SERVING = """
import sys
sys.path[:] = {path!r}
from pathlib import Path
from app.serving import served
from refrain.app.orders import Wish

with served(Path({root!r}), Path({model!r})) as server:
    print(server.port, flush=True)
    for line in sys.stdin:
        secret, session, words, steps = line.rstrip().split("|")
        server.desk.ask(server.desk.rooms.of(secret), session, 0, words, Wish(steps=int(steps)))
        print("asked", flush=True)
"""


@contextmanager
def serving(root: Path, model: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, and its port."""
    code = SERVING.format(path=sys.path, root=str(root), model=str(model))
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout is not None
        try:
            yield child, int(child.stdout.readline())
        finally:
            child.kill()


def ask(child: subprocess.Popen[str], browser: Browser, session: str, words: str, steps: int) -> None:
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(f"{browser.cookie.partition('=')[2]}|{session}|{words}|{steps}\n")
    child.stdin.flush()
    assert child.stdout.readline() == "asked\n"


def turns(root: Path) -> list[tuple[int, str]]:
    """Steps and words of what was asked in the one session of a root."""
    session = Session.open(next(root.glob("*/*/session")))
    return [(turn.record["asked"]["steps"], turn.words) for turn in session.turns[1:]]


def test_a_server_killed_at_its_work_loses_no_turn_and_no_wish(tmp_path: Path) -> None:
    root, model = tmp_path / "rooms", tiny(tmp_path / "model")
    content = film(numbered(5, (64, 96), (0.1, 0, 0), 12), tmp_path)
    with serving(root, model) as (child, port):
        browser = Browser(SimpleNamespace(port=port))  # pyright: ignore[reportArgumentType]
        session = browser.begun(content)
        ask(child, browser, session, "heavy fog", 1)
        browser.settled(session)
        ask(child, browser, session, "heavy fog", 60)  # the same words and seed as the turn that is there
        ask(child, browser, session, "black and white", 2)
        while (job := browser.state(session)["jobs"][0])["stage"] != "denoise":
            time.sleep(0.02)
        assert job["title"] == "heavy fog" and turns(root) == [(1, "heavy fog")]
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert len(list(root.glob("*/*/waits/*.json"))) == 2 and len(list(root.glob("*/*/waits/*.running.json"))) == 1
    with serving(root, model) as (child, port):
        browser.port = port
        assert [one["state"] for one in browser.settled(session)["over"]] == ["done", "done"]
    assert turns(root) == [(1, "heavy fog"), (60, "heavy fog"), (2, "black and white")]
    assert not list(root.glob("*/*/waits/*"))
