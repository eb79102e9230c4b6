"""A page in a browser: nothing is fetched, nothing of a file runs, keys do what they say, tiles stay together."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from app.browser import Seen, chromium, faults, watch
from evaluation.test_page import EVIL, system
from refrain.evaluation.page.html import page
from refrain.media import Clip

pytestmark = pytest.mark.slow

FRAMES = 6
LEVELS = (
    "root => [...root.querySelectorAll('.tile canvas')].map(c => c.getContext('2d').getImageData(9, 9, 1, 1).data[0])"
)
AT = "root => root.querySelector('.at').textContent"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Seen]]:
    """One player, whose frames tell their number by how light they are; the answer is 20 lighter than the source."""
    folder = tmp_path_factory.mktemp("page")
    one = system(folder, said=EVIL)
    steps = torch.arange(FRAMES)[:, None, None, None].expand(FRAMES, 3, 32, 48) * 30.0 + 40  # [T, 3, Y, X] in 0..255
    for path, more in ((folder / "in.mp4", 0), (folder / "ours" / "c0.mp4", 20), (folder / "ours" / "c1.mp4", 20)):
        Clip.of((steps + more) / 127.5 - 1, 6).write(path, quality=1)
    evil = replace(one, title=EVIL, record={"a": EVIL})
    (folder / "page.html").write_text(page((evil,), folder, 2_000_000, each=1), encoding="utf-8")
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": 1200, "height": 900})
        seen = watch(sheet)
        sheet.goto((folder / "page.html").as_uri())
        sheet.wait_for_function("document.querySelector('video.film').readyState >= 2")
        yield sheet, seen


def frame(sheet: Any, number: int) -> list[int]:
    """The levels of the tiles once the first player stands at a frame, counted from 1."""
    root = sheet.locator(".player").first
    sheet.wait_for_function(
        "n => { const p = document.querySelector('.player'), f = p.querySelector('.film');"
        " return !f.seeking && f.paused && p.querySelector('.at').textContent.startsWith(n + ' /'); }",
        arg=str(number),
    )
    return root.evaluate(LEVELS)


def test_a_page_asks_for_nothing_and_runs_nothing_of_a_file(opened: tuple[Any, Seen]) -> None:
    _, seen = opened
    asked = [url for url in seen.requests if not url.startswith("data:")]
    assert len(asked) == 1 and asked[0].startswith("file:") and not seen.complaints


def test_arrows_step_frames_of_all_tiles_together(opened: tuple[Any, Seen]) -> None:
    sheet, _ = opened
    sheet.locator(".player").first.focus()
    sheet.keyboard.press("Home")
    for number, key in (
        (1, None),
        (2, "ArrowRight"),
        (3, "ArrowRight"),
        (2, "ArrowLeft"),
        (6, "End"),
        (1, "ArrowRight"),
    ):
        if key:
            sheet.keyboard.press(key)
        before, after = frame(sheet, number)
        assert abs(before - (40 + 30 * (number - 1))) <= 6 and abs(after - before - 20) <= 6, (number, key)


def test_space_plays_and_stops(opened: tuple[Any, Seen]) -> None:
    from playwright.sync_api import expect  # it waits by selectors: the page's policy lets no text be run as a script

    sheet, _ = opened
    player = sheet.locator(".player").first
    player.focus()
    top = sheet.evaluate("scrollY")
    sheet.keyboard.press("Space")
    expect(player.locator(".play")).to_have_text("pause")
    expect(player.locator(".at")).not_to_have_text(re.compile("^1 /"))
    sheet.keyboard.press("Space")
    expect(player.locator(".play")).to_have_text("play")
    assert sheet.evaluate("document.querySelector('video.film').paused") and sheet.evaluate("scrollY") == top
    sheet.keyboard.press("l")
    assert not player.locator(".loop").is_checked() and not player.evaluate("p => p.querySelector('.film').loop")


def test_the_divider_shows_both_sides_in_one_picture(opened: tuple[Any, Seen]) -> None:
    sheet, _ = opened
    player = sheet.locator(".player").first
    player.focus()
    sheet.keyboard.press("Home")
    frame(sheet, 1)
    sheet.keyboard.press("d")
    both = "p => [9, 40].map(x => p.querySelector('.divided canvas').getContext('2d').getImageData(x, 9, 1, 1).data[0])"
    left, right = player.evaluate(both)
    assert abs(right - left - 20) <= 6
    player.locator(".line").fill("0")
    assert min(player.evaluate(both)) >= right - 3
    sheet.keyboard.press("d")
    assert player.locator(".tiles").is_visible() and not player.locator(".divided").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (360, "light")])
def test_nobody_is_shut_out(opened: tuple[Any, Seen], width: int, scheme: str) -> None:
    pytest.importorskip("axe_playwright_python", reason="no axe here (pip install axe-playwright-python)")
    sheet, _ = opened
    sheet.set_viewport_size({"width": width, "height": 800})
    sheet.emulate_media(color_scheme=scheme)
    sheet.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert not faults(sheet)
    assert sheet.evaluate("document.documentElement.scrollWidth") <= width
