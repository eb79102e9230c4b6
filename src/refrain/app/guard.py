"""The door: what may be asked of the server, by whom, how much of it, and what every answer tells the browser.

It stands before everything else, Gradio too, whose routes for files, addresses and components are not passed on at all.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refrain.errors import BadInput

from .rooms import COOKIE, new_secret

OWN = "/own/"
UPLOAD = "/own/upload"
ASKED = 1 << 20  # bytes of any other request
DRAINED = 8 << 20  # bytes that are read, and dropped, of a request that is refused
PASSED = re.compile(
    r"/|/config|/theme\.css|/favicon\.ico|/manifest\.json|/(assets|static)/[\w./@+-]+"
    r"|/gradio_api/(startup-events|theme\.css|run/predict|heartbeat/\w+|reset|cancel|info)"
    r"|/own/(state|upload|(cancel|look|take|view)/[\w./-]+)"
)
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Door:
    """hosts: names under which the server may be called; None: any. accounts: names with passwords; none: everyone.

    upload: bytes that a file may have. secure: the page is reached by https, as through --share.
    """

    hosts: frozenset[str] | None = LOCAL
    accounts: tuple[tuple[str, str], ...] = ()
    upload: int = 512 << 20
    secure: bool = False


class RefusedError(Exception):
    """An answer in place of what was asked: its status and its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Guard:
    """The door before an application."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass, with our headers on the answer; refuse the rest in a sentence."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks by websocket
            await send({"type": "websocket.close", "code": 1008})
            return
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        answer = _Answer(send, self._cookie(scope, asked))
        try:
            most = self._checked(scope, asked)
            await self.app(scope, _counted(receive, most), answer.send)
        except RefusedError as refused:
            await _drained(receive, asked.get("content-length", ""))
            await answer.refuse(refused)

    def _checked(self, scope: Scope, asked: dict[str, str]) -> int:
        """How many bytes the request may bring. Raises RefusedError."""
        path, method = scope["path"], scope["method"]
        host = urlsplit(f"//{asked.get('host', '')}").hostname or ""
        if self.door.hosts is not None and host not in self.door.hosts:
            raise RefusedError(421, "This page is not called by that name; use the address that refrain serve printed.")
        if method not in {"GET", "HEAD", "POST"}:
            raise RefusedError(405, "This page knows no such request.")
        raw = scope.get("raw_path", path.encode()).decode("latin-1").lower()
        if ".." in path or "%2f" in raw or "%5c" in raw or not PASSED.fullmatch(path):
            raise RefusedError(404, "There is nothing here; go back to the page.")
        if self.door.accounts and not self._known(asked.get("authorization", "")):
            raise RefusedError(
                401, "Say who you are: reload the page, and give the name and password that you were given."
            )
        if method == "POST" and not _is_own(asked):
            raise RefusedError(403, "This request came from another page, and is refused.")
        most = self.door.upload if path == UPLOAD else ASKED
        length = asked.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise RefusedError(413, _too_large(most))
        if path == UPLOAD and not length.isdecimal():
            raise RefusedError(411, "The browser does not say how large the file is; use another one.")
        return most

    def _known(self, said: str) -> bool:
        """Whether name and password are those of an account; every account is compared, in equal time."""
        kind, _, rest = said.partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            given = base64.b64decode(rest, validate=True)
        except (binascii.Error, ValueError):
            return False
        found = [compare_digest(given, f"{name}:{word}".encode()) for name, word in self.door.accounts]
        return any(found)

    def _cookie(self, scope: Scope, asked: dict[str, str]) -> str | None:
        """A secret for a browser that opens the page and has none."""
        if scope["path"] != "/" or secret_in(asked.get("cookie", "")) is not None:
            return None
        safe = "; Secure" if self.door.secure else ""
        return f"{COOKIE}={new_secret()}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict{safe}"


class _Answer:
    """The way back to the browser, on which headers are added."""

    def __init__(self, send: Send, cookie: str | None) -> None:
        self._send, self._cookie, self._begun = send, cookie, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            ours = {name.encode() for name in HEADERS} | {b"server"}
            told = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
            told += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            if self._cookie is not None:
                told.append((b"set-cookie", self._cookie.encode()))
            message = {**message, "headers": told}
        await self._send(message)

    async def refuse(self, refused: RefusedError) -> None:
        """Say why not, unless the answer has begun already."""
        if self._begun:
            return
        said = refused.sentence.encode()
        told = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(said))]
        told += [(b"connection", b"close")]
        if refused.status == 401:
            told.append((b"www-authenticate", b'Basic realm="Refrain", charset="UTF-8"'))
            self._cookie = None
        await self.send({"type": "http.response.start", "status": refused.status, "headers": told})
        await self.send({"type": "http.response.body", "body": said})


def secret_in(cookies: str) -> str | None:
    """The secret that a browser brought."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def accounts_of(said: str | None) -> tuple[tuple[str, str], ...]:
    """What `--auth` says: NAME:PASSWORD, or a file with such lines. BadInput for anything else."""
    if said is None:
        return ()
    path = Path(said)
    if ":" in said and not path.is_file():
        lines = [said]
    else:
        try:
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError):
            raise BadInput(
                "--auth is NAME:PASSWORD, or a file with one such line for everybody who may come in."
            ) from None
    found = tuple((name, word) for name, colon, word in (line.strip().partition(":") for line in lines) if colon)
    if len(found) != len(lines) or not found or not all(name and word for name, word in found):
        raise BadInput("--auth needs a name, a colon and a password, such as anna:a-long-password.")
    return found


def _is_own(asked: dict[str, str]) -> bool:
    """Whether a request that changes something came from our own page."""
    site = asked.get("sec-fetch-site", "same-origin")
    origin = asked.get("origin")
    same = origin is None or urlsplit(origin).netloc == asked.get("host")
    return same and site in {"same-origin", "none"}


def _counted(receive: Receive, most: int) -> Receive:
    """What comes in, and not more of it than may."""
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise RefusedError(413, _too_large(most))
        return message

    return counted


async def _drained(receive: Receive, length: str) -> None:
    """Let a small body come to its end, so that the sentence is heard; from a large one nothing is taken."""
    left = int(length) if length.isdecimal() else 0
    while 0 < left <= DRAINED:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        left -= len(message.get("body", b""))


def _too_large(most: int) -> str:
    return f"That is too large; a file may have {most >> 20} MB here. Cut it, or make it smaller first."
