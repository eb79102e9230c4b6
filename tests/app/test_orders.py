"""What waits survives the server: in order, once, whoever it is for, and whatever else lies on the disk."""

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app.test_desk import QUICK, SECRET, begun, brought, finished, model, name_of, opened
from refrain.app.desk import Desk, Model
from refrain.app.jobs import CANCELLED, DONE, FAILED, RUNNING, Job
from refrain.app.orders import Order, Orders
from refrain.app.rooms import Room, Rooms, new_secret
from refrain.editing.request import OnProgress, Progress
from refrain.errors import BadInput

__all__ = ["begun", "model"]  # fixtures


@pytest.fixture
def root(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "root"))


def busy(desk: Desk) -> None:
    """Somebody else's job that takes until the server stops."""

    def work(tell: OnProgress) -> None:
        while not threading.Event().wait(0.01):
            tell(Progress("load", 0, 1))

    desk.jobs.submit(Job("other", "x", "wait", work))


def resumed(root: Path, model: Model) -> tuple[Desk, Room, list[Job]]:
    """A server that was started again, and what it goes on with in our room."""
    desk = opened(root, model)
    desk.resume()
    room = desk.rooms.of(SECRET)
    return desk, room, [job for job, _ in desk.jobs.of(room.key)]


def files(root: Path) -> list[str]:
    return sorted(path.name for place in Rooms(root).all() for path in place.waits.glob("*"))


@pytest.mark.slow
def test_what_waited_is_done_in_its_order_after_a_restart(root: Path, model: Model) -> None:
    desk = opened(root, model)
    room, other = desk.rooms.of(SECRET), desk.rooms.of(new_secret())
    shutil.copytree(room.folder, other.folder)
    busy(desk)
    asked = [
        desk.ask(room, name_of(room), 0, "heavy fog", replace(QUICK, seed=5)),
        desk.ask(other, name_of(other), 1, "black and white", QUICK),
        *desk.again(room, name_of(room), 1, QUICK)[:1],
        brought(desk, room),
        desk.ask(room, name_of(room), 0, "heavy fog", replace(QUICK, region='{"box": [8, 8, 60, 60]}')),
    ]
    desk.jobs.end()
    assert {job.state for job in asked} == {CANCELLED} and len(files(root)) == len(asked) + 3  # four other seeds

    desk, room, mine = resumed(root, model)
    others = [job for job, _ in desk.jobs.of(other.key)]
    assert [job.id for job in others] == [asked[1].id]
    assert [job.id for job in mine if job.id in {one.id for one in asked}] == [asked[n].id for n in (0, 2, 3, 4)]
    order: list[str] = []
    for job in (mine[0], *others, *mine[1:]):
        finished(desk, job)
        order.append(job.id)
    assert not files(root), "what is over leaves nothing"
    assert len(room.places()) == 2, "a picture that was brought is opened"
    first = next(place for place in room.places() if place.name == asked[0].session)
    turns = desk.session(room, first.name)[1].turns
    told = [turn.record["asked"] for turn in turns[2:]]
    assert [(one["words"], turn.parent) for one, turn in zip(told, turns[2:])] == [
        ("heavy fog", 0), *[("make it snow", 0)] * 4, ("heavy fog", 0)
    ]  # fmt: skip
    assert told[0]["seed"] == 5 and len({one["seed"] for one in told[1:5]}) == 4 and told[-1]["bound"] is not None
    desk.jobs.end()


def test_a_half_written_file_and_all_that_is_none_of_ours_is_left_out(root: Path, model: Model) -> None:
    desk = opened(root, model)
    room = desk.rooms.of(SECRET)
    busy(desk)
    job = desk.ask(room, name_of(room), 0, "heavy fog", QUICK)
    desk.jobs.end()
    waits = room.place(name_of(room)).waits
    whole = (waits / files(root)[0]).read_bytes()
    for number, content in enumerate((whole[: len(whole) // 2], b"", b"[]", b"null", whole.replace(b'"ask"', b'"rm"'),
                                      whole.replace(room.key.encode(), b"0" * 24)), 7):  # fmt: skip
        (waits / f"{number:09d}.json").write_bytes(content)
    (waits / ".000000099.0123abcd.part.json").write_bytes(whole)
    (waits / "000000050.json").symlink_to(waits / files(root)[0])
    desk, room, mine = resumed(root, model)
    assert [one.id for one in mine] == [job.id] and finished(desk, mine[0]).turn == 2
    later = desk.ask(room, name_of(room), 0, "black and white", QUICK)
    assert finished(desk, later).turn == 3
    desk.jobs.end()


def test_what_a_dying_server_had_finished_is_not_done_twice(root: Path, model: Model) -> None:
    rooms = Rooms(root)
    room = rooms.of(SECRET)
    done = Order("ask", room.key, name_of(room), "make it snow", 0, QUICK)  # which turn 1 answers
    Orders(rooms).keep(done).running()
    (noted,) = (path for path in rooms.all()[0].waits.iterdir() if path.name.endswith(".2.running.json"))
    noted.rename(noted.with_name(noted.name.replace(".2.", ".1.")))  # as if it had begun before there was turn 1
    desk, room, mine = resumed(root, model)
    assert not mine and not files(root) and len(desk.session(room, name_of(room))[1].turns) == 2
    desk.jobs.end()


def test_what_a_server_died_of_twice_is_told_and_not_tried_again(root: Path, model: Model) -> None:
    rooms = Rooms(root)
    room = rooms.of(SECRET)
    Orders(rooms).keep(Order("ask", room.key, name_of(room), "heavy fog", 0, QUICK)).running()
    ((order, ticket, new),) = Orders(rooms).left()
    assert not new and order.tries == 1
    ticket.running()
    desk, room, mine = resumed(root, model)
    assert desk.jobs.wait(mine[0]).state == FAILED and "smaller size" in mine[0].told and not files(root)
    desk.jobs.end()


def test_an_edit_that_was_being_drawn_when_the_server_was_closed_is_drawn_again(root: Path, model: Model) -> None:
    desk = opened(root, model)
    room = desk.rooms.of(SECRET)
    job = desk.ask(room, name_of(room), 0, "heavy fog", replace(QUICK, steps=60))
    while job.state != RUNNING:
        assert job.state != DONE
    desk.jobs.end()
    assert job.state == CANCELLED and [name.count("running") for name in files(root)] == [0]
    desk, room, mine = resumed(root, model)
    assert [one.id for one in mine] == [job.id] and desk.jobs.cancel(room.key, job.id) and not files(root)
    desk.jobs.wait(mine[0])
    desk.jobs.end()
    assert not resumed(root, model)[2], "what was taken back does not come again"


def test_a_job_that_no_longer_fits_is_told_and_a_disk_that_fails_refuses_it(root: Path, model: Model) -> None:
    rooms = Rooms(root)
    room = rooms.of(SECRET)
    Orders(rooms).keep(Order("ask", room.key, name_of(room), "heavy fog", 9, QUICK))
    desk, room, mine = resumed(root, model)
    assert desk.jobs.wait(mine[0]).state == FAILED and "no turn 9" in mine[0].told
    name = name_of(room)
    for left in room.place(name).waits.iterdir():
        os.unlink(left)
    room.place(name).waits.rmdir()
    room.place(name).waits.write_text("a file where a folder should be")
    with pytest.raises((OSError, BadInput)):
        desk.ask(room, name, 0, "heavy fog", QUICK)
    assert [job.state for job, _ in desk.jobs.of(room.key)] == [FAILED], "nothing is promised that may be lost"
    desk.jobs.end()
