"""The player as a person uses it: pulled, stepped, played and looped; every frame is told by its own pixels."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from app.browser import HOME, Seen, faults, serve, watch
from app.clips import CELL, marks, number, numbered
from refrain import Clip
from refrain.app.player import player_html, player_page

pytestmark = pytest.mark.slow

SIZE = (160, 240)  # (Y, X)
FRAMES = 40
PIXELS = """(player, [which, rows]) => {
    const piece = player.shadowRoot.querySelector(which);
    const canvas = document.createElement("canvas");
    canvas.width = piece.videoWidth ?? piece.naturalWidth ?? piece.width;
    canvas.height = rows ?? piece.videoHeight ?? piece.naturalHeight ?? piece.height;
    canvas.getContext("2d").drawImage(piece, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""
SETTLED = """player => Promise.race([player.settled(), new Promise((_, refuse) =>
    setTimeout(() => refuse(new Error("the videos did not settle within 20 s")), 20000))])"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages and clips: an even rate, uneven frames, pictures, and a clip that is none."""
    folder = tmp_path_factory.mktemp("site")
    before, after = numbered(FRAMES, SIZE, (0, 0, 0.2), 25), numbered(FRAMES, SIZE, (0.5, -0.2, -0.2), 25)
    matte = Clip.of(torch.linspace(-1, 1, SIZE[1]).expand(FRAMES, 3, *SIZE), 25)
    for name, clip in (("before", before), ("after", after), ("matte", matte)):
        clip.write(folder / f"{name}.mp4")
        clip.between(0, 1).write(folder / f"{name}.png")
    (folder / "broken.mp4").write_bytes(b"no clip at all")
    wide, high = SIZE[1], SIZE[0]
    times = marks(after)
    pages = {
        "video": player_html("before.mp4", "after.mp4", (wide, high), times, matte="matte.mp4"),
        "single": player_html("before.mp4", None, (wide, high), times),
        "picture": player_html("before.png", "after.png", (wide, high), matte="matte.png"),
        "broken": player_html("before.mp4", "broken.mp4", (wide, high), times),
    }
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(player_page(html, f"A {name}"))
    return folder


Open = Callable[..., Any]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def opened(browser: Any, site: Path) -> Iterator[Open]:
    """Opens one of the pages and waits until its player stands on its first frame."""
    contexts = []

    def open_page(name: str, wait: bool = True, **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 900, "height": 800}} | options))
        contexts.append(context)
        page = context.new_page()
        page.seen = watch(page)
        serve(page, site)
        page.goto(f"{HOME}{name}.html")
        if wait:
            settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


def settle(page: Any) -> None:
    page.eval_on_selector("refrain-player", SETTLED)


def pixels(page: Any, which: str, rows: int | None = None) -> np.ndarray:
    """What one picture or video of the player shows, uint8 [Y, X, 3], or its first rows."""
    png = b64decode(page.eval_on_selector("refrain-player", PIXELS, [which, rows]))
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def shown(page: Any) -> tuple[int, int]:
    """The numbers that the frames of before and after tell."""
    return number(pixels(page, ".before .media", CELL)), number(pixels(page, ".after .media", CELL))


def counter(page: Any) -> str:
    return " ".join(page.locator(".counter").inner_text().replace("\u2007", "").split())


def of_player(page: Any, what: str) -> Any:
    return page.eval_on_selector("refrain-player", f"player => player.{what}")


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    settle(page)


def test_every_step_shows_the_very_frame_on_both_sides(opened: Open) -> None:
    page = opened("video")
    page.focus(".stage")
    at = 0
    assert shown(page) == (0, 0)
    for key, wanted in (
        *(("ArrowRight", n) for n in range(1, 6)),
        ("PageDown", 15),
        ("ArrowLeft", 14),
        ("End", FRAMES - 1),
        ("ArrowRight", FRAMES - 1),
        ("PageUp", FRAMES - 11),
        ("Home", 0),
        ("ArrowLeft", 0),
    ):
        press(page, key)
        at = wanted
        assert shown(page) == (at, at), key
        assert counter(page) == f"{at + 1} / {FRAMES}"


def test_any_frame_can_be_shown_in_any_order(opened: Open) -> None:
    page = opened("video")
    order = [int(n) for n in np.random.default_rng(1).permutation(FRAMES)[:12]]
    for n in order:
        page.eval_on_selector("refrain-player", "(player, n) => player.show(n)", n)
        assert shown(page) == (n, n)


def test_only_the_last_of_many_hasty_steps_counts(opened: Open) -> None:
    page = opened("video")
    page.focus(".stage")
    press(page, *["ArrowRight"] * 23)
    assert shown(page) == (23, 23)


def test_playing_stops_on_one_frame_and_on_both_sides(opened: Open) -> None:
    page = opened("video")
    page.focus(".stage")
    for _ in range(3):
        press(page, " ")
        assert of_player(page, "playing")
        page.wait_for_timeout(300)
        press(page, " ")
        assert not of_player(page, "playing")
        before, after = shown(page)
        assert before == after == of_player(page, "frame")


def test_a_loop_begins_again_and_without_it_the_last_frame_stays(opened: Open) -> None:
    page = opened("video")
    page.focus(".stage")
    press(page, "End", "ArrowLeft", "ArrowLeft", "ArrowLeft", " ")
    page.wait_for_function(f"document.querySelector('refrain-player').frame < {FRAMES - 5}")
    assert of_player(page, "playing")
    press(page, " ", "End", "ArrowLeft", "ArrowLeft", "l", " ")
    page.wait_for_function("!document.querySelector('refrain-player').playing")
    settle(page)
    assert shown(page) == (FRAMES - 1, FRAMES - 1)


def test_the_divider_follows_a_pointer_and_keys(opened: Open) -> None:
    page = opened("video")
    divider = page.get_by_role("slider", name="Divider")
    stage = page.locator(".stage").bounding_box()

    def at() -> int:
        page.evaluate("new Promise(requestAnimationFrame)")
        return int(divider.get_attribute("aria-valuenow"))

    assert at() == 50
    page.mouse.move(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.2, stage["y"] + 9, steps=5)
    assert at() == 20
    page.mouse.move(stage["x"] - 200, stage["y"] + 9)
    assert at() == 0
    page.mouse.up()
    page.mouse.move(stage["x"] + stage["width"] * 0.8, stage["y"] + 9)
    assert at() == 0
    divider.focus()
    press(page, "ArrowRight", "ArrowRight", "PageUp")
    assert at() == 12
    assert of_player(page, "frame") == 0


def test_views_are_chosen_by_keys_and_by_buttons(opened: Open) -> None:
    page = opened("video")
    page.focus(".stage")
    for key, name in (("2", "Side by side"), ("3", "Matte"), ("4", "Difference"), ("1", "Divider")):
        press(page, key)
        assert page.get_by_role("radio", name=name).is_checked()
    page.get_by_role("radio", name="Difference").check()
    assert page.locator("canvas").is_visible()
    assert not page.locator(".divider").is_visible()


def test_a_difference_is_the_difference_times_the_gain(opened: Open) -> None:
    page = opened("picture")
    before, after = pixels(page, ".before .media").astype(int), pixels(page, ".after .media").astype(int)
    page.focus(".stage")
    press(page, "4")
    for doublings in (0, 2, 4):
        page.locator(".amount").fill(str(doublings))
        assert np.array_equal(pixels(page, "canvas"), np.minimum(255, abs(before - after) << doublings))


def test_a_matte_tints_the_answer_where_it_is_white(opened: Open) -> None:
    page = opened("picture")
    after, matte = pixels(page, ".after .media") / 255, pixels(page, ".matte .media") / 255
    page.focus(".stage")
    press(page, "3")
    for tenths in (0, 6, 10):
        page.locator(".amount").fill(str(tenths))
        weight = matte * tenths / 10
        wanted = after * (1 - weight) + weight * np.array([255, 32, 96]) / 255
        assert np.abs(pixels(page, "canvas") / 255 - wanted).max() < 4 / 255


def test_zoom_keeps_what_is_under_the_pointer_and_leaves_the_wheel_to_the_page(opened: Open) -> None:
    page = opened("picture")
    stage = page.locator(".stage").bounding_box()
    point = (stage["x"] + stage["width"] * 0.75, stage["y"] + stage["height"] * 0.25)
    page.mouse.move(*point)
    page.mouse.wheel(0, -200)
    assert page.locator(".scale").inner_text() == "100 %"
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function("document.querySelector('refrain-player').zoom.scale > 1")
    box = page.locator(".before .media").bounding_box()
    assert abs((point[0] - box["x"]) / box["width"] - 0.75) < 0.01
    assert abs((point[1] - box["y"]) / box["height"] - 0.25) < 0.01
    page.focus(".stage")
    press(page, "Shift+ArrowLeft", "0")
    assert page.locator(".scale").inner_text() == "100 %"


@pytest.mark.parametrize("name", ["video", "single", "picture"])
def test_axe_finds_no_serious_fault_by_day_and_by_night(opened: Open, name: str) -> None:
    page = opened(name)
    page.locator("summary").click()
    if name == "video":
        page.get_by_role("radio", name="Difference").check()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not faults(page), scheme


def test_all_of_it_fits_a_phone_and_can_be_touched(opened: Open) -> None:
    page = opened("video", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for control in page.locator("button, select, label.choice").all():
        box = control.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert min(box["width"], box["height"]) >= 43
    stage = page.locator(".stage").bounding_box()
    page.touchscreen.tap(stage["x"] + stage["width"] * 0.3, stage["y"] + 20)
    page.evaluate("new Promise(requestAnimationFrame)")
    assert page.get_by_role("slider", name="Divider").get_attribute("aria-valuenow") == "30"


def test_nothing_jumps_while_clips_load(opened: Open) -> None:
    page = opened("video", wait=False)
    early = page.locator(".bar").bounding_box()
    settle(page)
    assert page.locator(".bar").bounding_box() == early


def test_a_clip_that_cannot_be_shown_is_told(opened: Open) -> None:
    page = opened("broken")
    page.wait_for_selector(".fault:not([hidden])")
    assert "cannot be shown" in page.get_by_role("alert").inner_text()


def test_it_asks_for_its_clips_and_for_nothing_else(opened: Open) -> None:
    page = opened("video")
    page.focus(".stage")
    press(page, " ", "2", "3", "4", " ", "1")
    assert set(page.seen.requests) <= {HOME + name for name in ("video.html", "before.mp4", "after.mp4", "matte.mp4")}
    assert not page.seen.complaints


def test_uneven_frames_are_stepped_by_their_own_times(opened: Open, site: Path) -> None:
    times = [Fraction(n + n // 3, 25) for n in range(FRAMES)]
    uneven = numbered(FRAMES, SIZE, (0.2, 0.2, 0), 25)
    uneven = Clip(uneven.planes, uneven.format, tuple(times), times[-1] + Fraction(1, 25))
    uneven.write(site / "uneven.mp4")
    html = player_html("uneven.mp4", "uneven.mp4", SIZE[::-1], marks(uneven))
    (site / "uneven.html").write_text(player_page(html))
    page = opened("uneven")
    page.focus(".stage")
    for n in range(1, 9):
        press(page, "ArrowRight")
        assert shown(page) == (n, n)
