"""The wire to a judge: a chat-completions request over HTTP, with patience for what passes and none for the rest.

Too many requests (429), time-outs, a server's own faults (5xx), broken lines and pages that are no JSON are tried again
after Retry-After, or after a random time that grows. Everything else is told at once.
"""

import json
import random
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from refrain.errors import BadInput

AGAIN = {408, 409, 425, 429}  # statuses that pass; so do those from 500 on
LONGEST = 8 << 20  # bytes of an answer
LONGEST_PAUSE = 60.0  # seconds between two tries, where the server does not say


class Unanswered(Exception):
    """The endpoint did not answer a request; the sentence says how."""


@dataclass(frozen=True)
class Endpoint:
    """Where a judge is asked.

    url: up to and with /v1, or whole. key: sent as a bearer token, never written down.
    seconds: that one answer may take. tries: of one request. patience: seconds of all pauses between them.
    wait: how to pause, for tests. Raises BadInput for a url that is none.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    seconds: float = 180.0
    tries: int = 6
    patience: float = 600.0
    wait: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
            raise BadInput(f"{self.url} is no address of a judge; give one such as https://host/v1.")


def key_in(path: Path) -> str:
    """The key that a file holds, one line. Raises BadInput."""
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"{path} cannot be read; give a text file that holds the judge's key alone.") from None
    if not key or not key.isascii() or len(key.split()) != 1:
        raise BadInput(f"{path} holds no key, or more than one; give a text file that holds the judge's key alone.")
    return key


@dataclass(frozen=True)
class Reply:
    """What came back: the status, the JSON object (empty where there was none), seconds, and how often it was tried."""

    status: int
    said: Mapping[str, Any]
    seconds: float
    tries: int

    @property
    def complaint(self) -> str:
        """What an answer of another status than 200 says is wrong, in its first 300 letters."""
        error = self.said.get("error", self.said)
        told = error.get("message", error) if isinstance(error, dict) else error
        return " ".join(str(told or "no reason given").split())[:300]


def post(endpoint: Endpoint, body: Mapping[str, Any]) -> Reply:
    """Ask once, in as many tries as it takes. Raises Unanswered where all of them fail."""
    content, waited = json.dumps(body).encode(), 0.0
    for n in range(1, endpoint.tries + 1):
        began, pause = time.monotonic(), None
        try:
            status, after, answer = _sent(endpoint, content)
        except (OSError, HTTPException) as error:
            late = time.monotonic() - began >= endpoint.seconds
            problem = f"no answer in {endpoint.seconds:g} s" if late else f"no answer ({_told(error)})"
        else:
            reply = Reply(status, _object(answer), time.monotonic() - began, n)
            passing = status in AGAIN or status >= 500
            if not passing and not (status == 200 and not reply.said):
                return reply
            problem = f"status {status}: {reply.complaint}" if passing else "an answer that is no JSON object"
            pause = seconds_of(after) if passing and after else None
        pause = random.uniform(0, min(LONGEST_PAUSE, 2.0**n)) if pause is None else pause
        waited += pause
        if n == endpoint.tries or waited > endpoint.patience:
            raise Unanswered(f"the judge gave {problem}, {n} time{'s' * (n > 1)}")
        endpoint.wait(pause)
    raise AssertionError("a request is tried once or more")


def seconds_of(after: str) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date; None where it is neither."""
    try:
        return max(0.0, float(after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _sent(endpoint: Endpoint, content: bytes) -> tuple[int, str | None, bytes]:
    """Status, Retry-After and body of one request. No redirects, so that the key goes nowhere else."""
    parts = urlsplit(endpoint.url)
    path = parts.path.rstrip("/")
    path = path if path.endswith("/chat/completions") else f"{path}/chat/completions"
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=endpoint.seconds)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"

    def cut() -> None:
        """End a connection that dribbles: its own time-out is of one read only."""
        if connection.sock:
            connection.sock.shutdown(socket.SHUT_RDWR)

    watch = Timer(endpoint.seconds, cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", path + (f"?{parts.query}" if parts.query else ""), content, headers)
        answer = connection.getresponse()
        body = answer.read(LONGEST + 1)
        if len(body) > LONGEST:
            raise HTTPException(f"more than {LONGEST >> 20} MiB")
        return answer.status, answer.headers.get("Retry-After"), body
    finally:
        watch.cancel()
        connection.close()


def _object(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
