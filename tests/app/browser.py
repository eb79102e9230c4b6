"""A browser for the tests as a person would: Debian's Chromium, driven by Playwright, kept to one address."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

PLACES = ("chromium", "chromium-browser", "google-chrome")
TYPES = {".html": "text/html", ".mp4": "video/mp4", ".webm": "video/webm", ".png": "image/png", ".jpg": "image/jpeg"}
HOME = "http://refrain.test/"


@contextmanager
def chromium() -> Iterator[Any]:
    """A Playwright browser; the test is skipped aloud where there is no Chromium or no Playwright."""
    program = next(filter(None, map(shutil.which, PLACES)), None)
    if program is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright here (pip install playwright)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--mute-audio"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seen:
    """What a page did: every request it made, and every complaint in its console."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def watch(page: Any) -> Seen:
    """Begin to note what `page` does."""
    seen = Seen()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda said: seen.complaints.append(said.text) if said.type == "error" else None)
    return seen


def serve(page: Any, folder: Path) -> None:
    """Answer the page's requests below HOME with the files of `folder`, in ranges where asked; refuse all others."""

    def answer(route: Any) -> None:
        name = route.request.url.removeprefix(HOME)
        path = folder / name
        if not route.request.url.startswith(HOME) or not path.is_file():
            route.abort()
            return
        data = path.read_bytes()
        start, end = 0, len(data) - 1
        asked = route.request.headers.get("range", "")
        if asked.startswith("bytes="):
            first, _, last = asked[6:].partition("-")
            start, end = int(first), min(int(last or end), end)
        headers = {
            "content-type": TYPES[path.suffix],
            "accept-ranges": "bytes",
            "content-range": f"bytes {start}-{end}/{len(data)}",
        }
        with suppress(Exception):  # the page may have gone meanwhile
            route.fulfill(status=206 if asked else 200, headers=headers, body=data[start : end + 1])

    page.route("**/*", answer)


def faults(page: Any, within: str | None = None) -> list[str]:
    """What axe-core finds serious or critical on the page, or within one selector, in sentences."""
    script = files("axe_playwright_python") / "axe.min.js"
    page.evaluate(script.read_text("utf-8"))
    found = page.evaluate("within => axe.run(within ?? document)", within)
    return [
        f"{fault['id']} ({fault['impact']}): {fault['help']}: {[node['html'][:120] for node in fault['nodes'][:3]]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]
