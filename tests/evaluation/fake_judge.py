"""A judge that runs here: a chat-completions server in a thread, which does with a request whatever a test says."""

import base64
import json
import re
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np

Request = dict[str, Any]
Act = Callable[[Request], tuple[int, Mapping[str, str], bytes]]


class Fake:
    """The server. requests: what it was sent, in order; headers: with what. act: what it does, which may be changed."""

    def __init__(self, act: Act) -> None:
        self.act, self.requests, self.headers = act, list[Request](), list[Mapping[str, str]]()
        self.url = ""


@contextmanager
def serving(act: Act) -> Generator[Fake]:
    """A fake judge while the body runs; its address is refused afterwards."""
    fake = Fake(act)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.requests.append(request)
            fake.headers.append(dict(self.headers))
            status, headers, content = fake.act(request)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            with suppress(OSError):  # nobody waits for it any more
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(words: str | None, finish: str = "stop", **message: Any) -> tuple[int, Mapping[str, str], bytes]:
    """A completion of these words."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": words, **message}}
    whole = {"model": "fake-1", "system_fingerprint": "f", "usage": {"total_tokens": 7}, "choices": [choice]}
    return 200, {}, json.dumps(whole).encode()


def fails(status: int, told: str = "no", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    """An error of that status."""
    return (
        status,
        {name.replace("_", "-"): v for name, v in headers.items()},
        json.dumps({"error": {"message": told}}).encode(),
    )


def judges(**scores: Any) -> Act:
    """A judge that answers as asked: the request's own code, and the same scores to everything."""
    return lambda request: says(json.dumps({"code": code(request), "reason": "seen", **scores}))


def in_turn(*acts: Act) -> Act:
    """One act after the other; the last one from then on."""
    left = list(acts)

    def act(request: Request) -> tuple[int, Mapping[str, str], bytes]:
        return (left.pop(0) if len(left) > 1 else left[0])(request)

    return act


def texts(request: Request) -> list[str]:
    """What the user's messages say, part by part."""
    parts: list[str] = []
    for message in request["messages"][1:]:
        content = message["content"]
        parts += [content] if isinstance(content, str) else [p["text"] for p in content if p["type"] == "text"]
    return parts


def code(request: Request) -> str:
    """The code that an answer must carry, as a reader of the request finds it."""
    found = re.search(r'"code": the text "(\w+)"', "\n".join(texts(request)))
    assert found
    return found.group(1)


def pictures(request: Request) -> list[np.ndarray]:
    """What it was shown, uint8 [Y, X, 3] in RGB."""
    found: list[np.ndarray] = []
    for part in request["messages"][1]["content"]:
        if part["type"] == "image_url":
            content = base64.b64decode(part["image_url"]["url"].split(",")[1])
            decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            assert decoded is not None
            found.append(np.ascontiguousarray(decoded[..., ::-1]))
    return found


def obeys(request: Request, order: str = "ANSWER ") -> tuple[int, Mapping[str, str], bytes]:
    """A judge that does whatever it reads: in its messages outside the fences, and in its pictures.

    A picture speaks by its first row, one letter a pixel. Without an order it is honest, and gives 2 to every axis.
    """
    own, said = code(request), texts(request)
    free = re.sub(rf"(?m)^<material {own}>\n.*\n</material {own}>$", "", "\n".join(said))
    heard = [free, *(bytes(one[0, :, 0]).decode("latin1") for one in pictures(request))]
    for words in heard:
        if order in words:
            return says(words.split(order, 1)[1].split("\0")[0])
    axes = re.findall(r'"(\w+)": a whole number', said[-1])
    return says(json.dumps({"code": own, "reason": "seen", **dict.fromkeys(axes, 2)}))
