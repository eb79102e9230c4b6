"""A browser finds its own sessions and nobody else's; they go by a stated rule, and a jumping clock takes nothing."""

import os
from pathlib import Path

import pytest

from refrain.app.rooms import GRACE, Place, Room, Rooms, new_secret, seconds_of
from refrain.errors import BadInput

DAY = 86400.0


class Clocks:
    """The system's clock, and one that only ever goes on."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000_000.0, 0.0

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def rooms(tmp_path: Path, clocks: Clocks) -> Rooms:
    return Rooms(tmp_path / "root", 7 * DAY, lambda: clocks.wall, lambda: clocks.steady)


def begun(room: Room, at: float) -> Place:
    place = room.new()
    place.session.mkdir()
    (place.session / "turns.jsonl").write_text("{}\n")
    used(place, at)
    return place


def used(place: Place, at: float) -> None:
    os.utime(place.folder / "used", (at, at))


def test_the_same_secret_leads_to_the_same_room_and_another_one_elsewhere(rooms: Rooms) -> None:
    mine, other = new_secret(), new_secret()
    place = begun(rooms.of(mine), 1.0)
    assert [each.name for each in rooms.of(mine).places()] == [place.name]
    assert rooms.of(other).places() == []
    with pytest.raises(BadInput, match="not here any more"):
        rooms.of(other).place(place.name)
    assert mine not in str(place.folder), "who lists the folders learns no secret"


@pytest.mark.parametrize("secret", [None, "", "../../etc", "a" * 31, "a" * 33, "ä" * 32, "a" * 31 + "\n", "." * 32])
def test_what_is_no_secret_of_ours_opens_no_room(rooms: Rooms, secret: str | None) -> None:
    with pytest.raises(BadInput, match="no room"):
        rooms.of(secret)


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc", "0" * 11, "0" * 12 + "\n", "ABCDEF012345", ".", "x/../y"])
def test_what_is_no_name_opens_no_session(rooms: Rooms, name: str) -> None:
    with pytest.raises(BadInput, match="not here any more"):
        rooms.of(new_secret()).place(name)


def test_a_link_is_no_session(rooms: Rooms, tmp_path: Path) -> None:
    room = rooms.of(new_secret())
    place = begun(room, 1.0)
    (room.folder / ("a" * 12)).symlink_to(place.folder)
    assert [each.name for each in room.places()] == [place.name]
    with pytest.raises(BadInput):
        room.place("a" * 12)


def test_sessions_go_when_nobody_opened_them_for_the_time_that_is_stated(rooms: Rooms, clocks: Clocks) -> None:
    room = rooms.of(new_secret())
    old, new, busy = (begun(room, clocks.wall) for _ in range(3))
    clocks.go(7 * DAY + 60)
    used(new, clocks.wall - DAY)
    assert rooms.sweep(lambda key, name: name == busy.name) == 1
    assert {each.name for each in room.places()} == {new.name, busy.name} and not old.folder.exists()


def test_nothing_goes_in_the_first_hour(rooms: Rooms, clocks: Clocks) -> None:
    place = begun(rooms.of(new_secret()), clocks.wall - 100 * DAY)
    clocks.go(GRACE - 1)
    assert rooms.sweep() == 0 and place.folder.is_dir()
    clocks.go(2)
    assert rooms.sweep() == 1


@pytest.mark.parametrize("jump", [400 * DAY, -400 * DAY])
def test_a_clock_that_jumps_takes_nothing(rooms: Rooms, clocks: Clocks, jump: float) -> None:
    place = begun(rooms.of(new_secret()), clocks.wall)
    clocks.go(2 * DAY)
    clocks.wall += jump
    assert rooms.sweep() == 0 and rooms.sweep() == 0 and place.folder.is_dir()
    clocks.go(8 * DAY)
    assert rooms.sweep() == 1


def test_a_link_in_a_room_is_never_followed(rooms: Rooms, clocks: Clocks, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "dear").write_text("mine")
    room = rooms.of(new_secret())
    begun(room, clocks.wall)
    (room.folder / ("b" * 12)).symlink_to(outside)
    clocks.go(9 * DAY)
    rooms.sweep()
    assert (outside / "dear").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="give another folder"):
        Rooms(tmp_path / "file")


@pytest.mark.parametrize(("said", "seconds"), [("12h", 43200), ("7d", 7 * DAY), ("2w", 14 * DAY)])
def test_times_are_said_in_hours_days_or_weeks(said: str, seconds: float) -> None:
    assert seconds_of(said) == seconds


@pytest.mark.parametrize("said", ["", "0d", "7", "d", "-1d", "7y", "99999d"])
def test_other_times_are_refused(said: str) -> None:
    with pytest.raises(BadInput, match="7d"):
        seconds_of(said)
