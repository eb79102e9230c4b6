"""One queue: in order, one at a time, none lost; a job that nobody wants stops at the next thing that it says."""

import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch

from refrain.app.jobs import CANCELLED, DONE, FAILED, RUNNING, WAITING, Job, Jobs
from refrain.editing.request import OnProgress, Progress
from refrain.errors import BadInput


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs(most=3, full=5)
    yield made
    made.end()


def job(work, owner: str = "a", session: str = "s") -> Job:
    return Job(owner, session, "make it snow", work)


class Gate:
    """Work that waits at every step until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.steps = 0

    def __call__(self, on_progress: OnProgress) -> int:
        for step in range(1, 1001):
            self.steps = step
            on_progress(Progress("denoise", step, 1000))
            self.begun.set()
            if self.go.wait(0.01):
                return 7
        return 0


def test_jobs_are_done_in_order_and_none_is_lost(jobs: Jobs) -> None:
    done: list[int] = []
    many = [job(lambda tell, n=n: done.append(n), owner=f"room{n % 3}") for n in range(5)]
    for one in many:
        jobs.submit(one)
    for one in many:
        assert jobs.wait(one).state == DONE
    assert done == [0, 1, 2, 3, 4]


def test_a_running_job_stops_within_a_step_and_the_next_one_goes_on(jobs: Jobs) -> None:
    gate = Gate()
    first, second = job(gate), job(lambda tell: 3)
    jobs.submit(first)
    jobs.submit(second)
    assert gate.begun.wait(10) and first.state == RUNNING and second.state == WAITING
    assert jobs.cancel("a", first.id)
    assert jobs.wait(first).state == CANCELLED and first.turn is None and gate.steps < 1000
    assert jobs.wait(second).state == DONE and second.turn == 3


def test_cancelling_twice_or_what_waits_or_what_is_over_or_anothers_is_harmless(jobs: Jobs) -> None:
    gate = Gate()
    first, second = job(gate), job(lambda tell: 3)
    jobs.submit(first)
    jobs.submit(second)
    assert not jobs.cancel("b", second.id) and not jobs.cancel("a", "nonsense")
    assert jobs.cancel("a", second.id) and not jobs.cancel("a", second.id)
    assert second.state == CANCELLED
    gate.go.set()
    assert jobs.wait(first).state == DONE and not jobs.cancel("a", first.id)


def test_a_room_sees_its_own_jobs_and_how_many_are_before_them(jobs: Jobs) -> None:
    gate = Gate()
    mine, other, last = job(gate), job(gate, owner="b"), job(gate)
    for one in (mine, other, last):
        jobs.submit(one)
    assert gate.begun.wait(10)
    assert [(one.id, before) for one, before in jobs.of("a")] == [(mine.id, 0), (last.id, 2)]
    assert jobs.busy("a", "s") and not jobs.busy("a", "t") and not jobs.busy("c", "s")
    gate.go.set()
    jobs.wait(last)
    assert not jobs.busy("a", "s")


def test_a_room_and_the_queue_hold_only_so_many(jobs: Jobs) -> None:
    gate = Gate()
    running = job(gate, owner="z")
    jobs.submit(running)
    assert gate.begun.wait(10)
    jobs.submit(*[job(gate) for _ in range(3)])
    with pytest.raises(BadInput, match="3 of your edits wait"):
        jobs.submit(job(gate))
    with pytest.raises(BadInput, match="Too many people"):
        jobs.submit(*[job(gate, owner="b") for _ in range(3)])
    assert len(jobs.of("a")) == 3 and not jobs.of("b")
    gate.go.set()


def test_pressing_twice_asks_once(jobs: Jobs) -> None:
    gate = Gate()
    first = Job("a", "s", "make it snow", gate, same="x")
    jobs.submit(first)
    with pytest.raises(BadInput, match="being made already"):
        jobs.submit(Job("a", "s", "make it snow", gate, same="x"))
    jobs.submit(other := Job("b", "s", "make it snow", gate, same="x"))
    gate.go.set()
    assert jobs.wait(first).state == jobs.wait(other).state == DONE
    jobs.submit(again := Job("a", "s", "make it snow", gate, same="x"))
    assert jobs.wait(again).state == DONE


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (BadInput("The clip is gone; bring it again."), "The clip is gone"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "memory is full"),
        (ZeroDivisionError("secret"), "inside Refrain"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_the_queue_lives_on(jobs: Jobs, fault: Exception, told: str) -> None:
    def work(tell: OnProgress) -> int:
        raise fault

    bad, good = job(work), job(lambda tell: 1)
    jobs.submit(bad)
    jobs.submit(good)
    assert jobs.wait(bad).state == FAILED and told in bad.told and "secret" not in bad.told
    assert jobs.wait(good).state == DONE


def test_time_left_follows_the_steps() -> None:
    one = job(lambda tell: 1)
    assert one.left(5.0) is None
    one.state, one.began, one.seconds = RUNNING, 10.0, 30.0
    assert one.left(20.0) == 20.0 and one.left(90.0) == 0.0
    one.stage, one.done, one.total, one.drawing = "denoise", 2, 12, 14.0
    assert one.left(18.0) == 20.0


def test_a_closing_server_takes_nothing_more_and_says_so() -> None:
    jobs, gate = Jobs(), Gate()
    running, waiting = job(gate), job(gate)
    jobs.submit(running)
    jobs.submit(waiting)
    assert gate.begun.wait(10)
    jobs.end()
    assert running.state == waiting.state == CANCELLED
    with pytest.raises(BadInput, match="closing"):
        jobs.submit(job(gate))


def drawing(looked: list[int]):
    """Work of fifty steps that notes at which of them it was looked at."""

    def work(tell: OnProgress) -> int:
        for step in range(1, 51):
            tell(Progress("denoise", step, 50, lambda step=step: (looked.append(step), torch.zeros(1, 3, 64, 400))[1]))
        return 1

    return work


def test_a_job_is_looked_at_while_a_browser_of_its_room_asks_and_never_otherwise(jobs: Jobs) -> None:
    looked: list[int] = []
    for watcher in ("", "b", "a"):
        gate, one = Gate(), job(drawing(looked))
        jobs.submit(job(gate, owner="c"))
        jobs.submit(one)
        jobs.watch(watcher)
        gate.go.set()
        assert jobs.wait(one).state == DONE
        assert bool(looked) == (watcher == "a") == (one.looks > 0)
    assert len(looked) == one.looks < 50, "most of the time is not spent on looking"


def test_what_is_drawn_is_seen_in_its_own_room_alone_and_only_while_it_is_drawn(jobs: Jobs) -> None:
    gate = Gate()

    def work(tell: OnProgress) -> int:
        tell(Progress("denoise", 1, 2, lambda: torch.linspace(-1, 1, 3 * 64 * 400).view(1, 3, 64, 400)))
        return gate(tell)

    one, before = job(work), Gate()
    jobs.submit(job(before, owner="c"))
    jobs.submit(one)
    with pytest.raises(BadInput):
        jobs.seen("a", one.id)
    jobs.watch("a")
    before.go.set()
    assert gate.begun.wait(10)
    picture = cv2.imdecode(np.frombuffer(jobs.seen("a", one.id), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape == (31, 192, 3)
    for owner, number in (("b", one.id), ("a", "nonsense")):
        with pytest.raises(BadInput):
            jobs.seen(owner, number)
    gate.go.set()
    jobs.wait(one)
    with pytest.raises(BadInput):
        jobs.seen("a", one.id)
