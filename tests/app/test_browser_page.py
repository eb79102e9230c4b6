"""The whole page as a person uses it, with a tiny model: bring, ask, compare, go back, mark, cancel, come back."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.browser import faults, watch
from app.clips import numbered
from app.serving import served, tiny
from refrain.app.jobs import Job
from refrain.app.rooms import COOKIE
from refrain.app.server import Server
from refrain.editing.request import OnProgress, Progress

pytestmark = pytest.mark.slow

PATIENCE = 240_000  # milliseconds that a busy machine may take; nothing waits so long when it is not
FRAMES = 9
People = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("rooms"), tiny(tmp_path_factory.mktemp("model") / "tiny")) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "holiday.mp4"
    numbered(FRAMES, (96, 160), (0.1, 0, 0), 12).write(path)
    return path


@pytest.fixture
def person(browser: Any, server: Server) -> Iterator[People]:
    """Opens the page in a browser of its own; at the end, no page may have asked any other machine for anything."""
    contexts, watched = [], []

    def opened(**options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watched.append(watch(page))
        page.goto(server.address)
        page.wait_for_selector(".drop")
        return page

    yield opened
    for context in contexts:
        context.close()
    for seen in watched:
        assert not [url for url in seen.requests if not url.startswith((server.address, "data:", "blob:"))]
        assert not [said for said in seen.complaints if "status of 400" not in said]


def bring(page: Any, clip: Path) -> None:
    page.set_input_files(".bring input[type=file]", clip)
    at_turn(page, 0)


def ask(page: Any, words: str, turn: int) -> None:
    page.get_by_label("What to change").fill(words)
    page.get_by_role("button", name="Change it").click()
    at_turn(page, turn)


def at_turn(page: Any, turn: int) -> None:
    """Wait until the page stands on a turn and its player shows it."""
    page.wait_for_selector(f'[data-here][data-turn="{turn}"] refrain-player .stage')
    page.eval_on_selector("refrain-player", "player => player.settled()")


def turns(page: Any) -> list[int]:
    return [int(one.get_attribute("data-turn")) for one in page.locator("#history button[data-turn]").all()]


def test_a_person_brings_asks_compares_steps_goes_back_and_another_way(person: People, clip: Path) -> None:
    page = person()
    bring(page, clip)
    assert page.locator(".divider").count() == 0, "there is nothing to compare yet"
    ask(page, "make it snow", 1)
    assert page.locator(".name.before").inner_text() == "Source"

    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    page.wait_for_function("Math.abs(document.querySelector('refrain-player').dividerAt - 25) < 2")

    stage.focus()
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowLeft"):
        page.keyboard.press(key)
    page.eval_on_selector("refrain-player", "player => player.settled()")
    assert page.eval_on_selector("refrain-player", "player => player.frame") == FRAMES - 2
    assert f"{FRAMES - 1} / {FRAMES}" in page.locator(".counter").inner_text()

    page.get_by_role("button", name="Undo", exact=True).click()
    at_turn(page, 0)
    ask(page, "heavy fog", 2)
    assert sorted(turns(page)) == [0, 1, 2]
    page.locator('#history button[data-turn="1"]').click()
    at_turn(page, 1)
    page.reload()
    at_turn(page, 1)
    assert sorted(turns(page)) == [0, 1, 2], "a reload finds the session, and the turn where it stood"


def test_a_box_and_a_brush_say_where_the_next_change_may_happen(person: People, clip: Path) -> None:
    page = person()
    bring(page, clip)
    page.get_by_role("button", name="Only in a part of the picture").click()
    canvas = page.locator(".region canvas")
    said = page.locator(".region .said")

    def pull(*points: tuple[float, float]) -> None:
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=3)
        page.mouse.up()

    page.locator(".region input[value=brush]").check()
    pull((0.2, 0.2), (0.6, 0.6), (0.8, 0.3))
    assert said.inner_text() == "Only what is painted may change."
    page.locator(".region [data-clear]").click()
    assert said.inner_text() == "Everything may change."
    page.locator(".region input[value=box]").check()
    pull((0.25, 0.25), (0.75, 0.75))
    assert said.inner_text().startswith("Only the box")
    sides = [int(one.input_value()) for one in page.locator(".region input[name=side]").all()]
    assert [abs(a - b) <= 2 for a, b in zip(sides, (40, 24, 120, 72))] == [True] * 4
    page.wait_for_timeout(500)
    ask(page, "make it snow", 1)
    assert page.locator("#take").get_by_role("link", name="Mask", exact=True).is_visible()


def test_cancel_ends_an_edit_and_nothing_is_lost(
    person: People, clip: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = person()
    bring(page, clip)

    def endless(on_progress: OnProgress) -> Any:
        for _ in range(int(PATIENCE / 50)):
            on_progress(Progress("load", 0, 1))
            time.sleep(0.05)
        raise AssertionError("nobody cancelled")

    with monkeypatch.context() as patched:
        patched.setattr(server.desk, "editor", endless)
        page.get_by_label("What to change").fill("make it snow")
        page.get_by_role("button", name="Change it").click()
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_selector(".jobs li", state="detached")
    assert turns(page) == [0]
    ask(page, "make it snow", 1)


def test_what_is_drawn_so_far_is_seen_and_nothing_on_the_page_moves(person: People, clip: Path, server: Server) -> None:
    page = person()
    bring(page, clip)
    secret = next(one["value"] for one in page.context.cookies() if one["name"] == COOKIE)
    room = server.desk.rooms.of(secret)
    (place,) = room.places()
    seen = numbered(1, (96, 160), (0.1, 0, 0), 12).frames

    def work(on_progress: OnProgress) -> None:
        for _ in range(int(PATIENCE / 50)):
            on_progress(Progress("denoise", 1, 2, lambda: seen))
            time.sleep(0.05)

    parts = ("#ask", "#stage", "#history")
    places = [page.locator(part).bounding_box() for part in parts]
    thumb = f"/own/view/{place.name}/000.jpg"
    server.desk.jobs.submit(*[Job(room.key, place.name, f"draw {n}", work, begins=thumb) for n in range(4)])
    page.wait_for_selector('.jobs .look[src*="/own/look/"]')
    assert page.locator(".jobs .look:visible").count() == 1, "one picture, however many wait"
    assert page.locator(".jobs .look:visible").get_attribute("alt") == "So far, after step 1 of 2: draw 0"
    assert page.locator(".jobs summary").inner_text() == "3 more wait"
    assert [page.locator(part).bounding_box() for part in parts] == places
    assert not faults(page, ".jobs")
    page.locator(".jobs summary").click()
    for _ in range(4):
        page.get_by_role("button", name="Cancel").first.click()
        page.wait_for_timeout(100)
    page.wait_for_selector(".jobs li", state="detached")


def test_two_people_do_not_see_each_other(person: People, clip: Path) -> None:
    anna, ben = person(), person()
    bring(anna, clip)
    ask(anna, "make it snow", 1)
    ben.reload()
    ben.wait_for_selector(".drop")
    assert ben.locator("refrain-player").count() == 0
    address = anna.locator("#history img").first.get_attribute("src")
    assert ben.evaluate("address => fetch(address).then(answer => answer.status)", address) == 400
    assert anna.evaluate("address => fetch(address).then(answer => answer.status)", address) == 200


def test_a_file_that_is_no_clip_is_refused_in_a_sentence(person: People, tmp_path: Path) -> None:
    page = person()
    (tmp_path / "notes.mp4").write_text("<html>no clip</html>" * 400)
    page.set_input_files(".bring input[type=file]", tmp_path / "notes.mp4")
    page.wait_for_selector(".bring .said.bad")
    assert page.locator(".bring .said").inner_text().endswith(".")
    assert page.locator("refrain-player").count() == 0


def test_words_that_the_model_does_not_know_are_answered_with_what_it_knows(person: People, clip: Path) -> None:
    page = person()
    bring(page, clip)
    page.get_by_label("What to change").fill("a poem about bread")
    page.get_by_role("button", name="Change it").click()
    page.wait_for_selector("#note [role=alert]")
    assert "make it snow" in page.locator("#note").inner_text()


def test_axe_finds_no_serious_fault_on_a_desk_on_a_phone_and_in_the_dark(person: People, clip: Path) -> None:
    page = person()
    assert not faults(page), "empty"
    bring(page, clip)
    ask(page, "make it snow", 1)
    assert not faults(page), "with an answer"
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "nothing is wider than a phone"
    assert not faults(page), "phone"
    page.emulate_media(color_scheme="dark")
    page.reload()
    at_turn(page, 1)
    assert not faults(page), "dark"


def test_a_real_clip_is_brought_and_edited(person: People, material: Path) -> None:
    page = person()
    bring(page, material / "pairs_video" / "fatezero_12_fox_snow_wolf_01" / "source.mp4")
    ask(page, "make it snow", 1)
    assert page.locator(".counter").inner_text().split()[-1] == "8"
