"""One queue for the whole page: jobs are done in the order in which they came, one at a time, and none is lost.

A job that runs is stopped by its own progress: the next time it says how far it is, it learns that nobody wants it. On
the same occasion what it draws is looked at, as long as a browser asks.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

from refrain.editing.request import OnProgress, Progress
from refrain.errors import BadInput, RefrainError

from .orders import Ticket
from .views import small

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
OVER = {DONE, FAILED, CANCELLED}
REMEMBERED = 200  # jobs that are over and still told of
WATCHED = 5.0  # seconds after which nobody watches any more who has not asked again
LOOKING = 0.05  # share of an edit's time that may be spent on looks
FULL = "The memory is full; ask for a smaller size, a shorter clip, or with attention isa."


class CancelledError(Exception):
    """Raised within a job that nobody wants any more."""


@dataclass
class Job:
    """One piece of work and how far it is.

    owner:  the room that asked. session: in which of its sessions. title: what it does, in words.
    work:   does it, tells its progress, and returns the number of the turn that it made, if it made one.
    told:   what went wrong, as a sentence. seconds: that it takes or took, as far as is known.
    same:   two jobs with the same mark would give the same; "" where that cannot be.
    begins: the address of what is shown of it until something is drawn.
    gives:  the address of a picture that it makes, where that is all it makes.
    ticket: its file on the disk, where it has one; it outlives a server that stops.
    """

    owner: str
    session: str
    title: str
    work: Callable[[OnProgress], int | None]
    seconds: float | None = None
    same: str = ""
    begins: str = ""
    gives: str = ""
    ticket: Ticket | None = None
    id: str = field(default_factory=lambda: token_hex(6))
    state: str = WAITING
    stage: str = ""
    done: int = 0
    total: int = 0
    told: str = ""
    turn: int | None = None
    began: float = 0.0
    drawing: float = 0.0  # when the first step began
    unwanted: bool = False
    watched: float = -math.inf  # when a browser last asked how far it is
    seen: bytes = b""  # what is drawn so far, as a small JPEG
    looks: int = 0
    rest: float = -math.inf  # no look before this time

    def look(self, progress: Progress) -> None:
        """Keep a picture of what is drawn so far, where somebody watches and little time goes into it."""
        began = time.monotonic()
        if progress.look is None or began - self.watched > WATCHED or began < self.rest:
            return
        self.seen, self.looks = small(progress.look()), self.looks + 1
        now = time.monotonic()
        self.rest = now + (now - began) / LOOKING

    def left(self, now: float) -> float | None:
        """Seconds until it is done, from the steps behind it, or from what was foreseen."""
        if self.state != RUNNING:
            return None
        if self.stage == "denoise" and self.done:
            return max(0.0, (now - self.drawing) / self.done * (self.total - self.done))
        return None if self.seconds is None else max(0.0, self.seconds - (now - self.began))


class Jobs:
    """The queue and the one thread that works it off.

    most: jobs that one room may have waiting; full: jobs that may wait in all.
    """

    def __init__(self, most: int = 8, full: int = 64) -> None:
        self.most, self.full = most, full
        self.changed = 0  # counts every change, so that a page can ask whether there is news
        self._waiting: deque[Job] = deque()
        self._all: dict[str, Job] = {}
        self._news = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="refrain-jobs", daemon=True)
        self._thread.start()

    def submit(self, *jobs: Job) -> None:
        """Put jobs at the end of the queue, all or none. BadInput where too many wait already."""
        with self._news:
            if self._ended:
                raise BadInput("The server is closing; ask again when it is back.")
            alike = {job.same for job in self._all.values() if job.owner == jobs[0].owner and job.state not in OVER}
            if any(job.same and job.same in alike for job in jobs):
                raise BadInput("This is being made already; for another answer take another seed.")
            mine = sum(job.owner == jobs[0].owner for job in self._waiting)
            if mine + len(jobs) > self.most:
                raise BadInput(
                    f"{mine} of your edits wait already, and {self.most} may; let some finish, or cancel some."
                )
            if len(self._waiting) + len(jobs) > self.full:
                raise BadInput("Too many people wait just now; try again in a few minutes.")
            self._take(jobs)

    def resume(self, *jobs: Job) -> None:
        """Put in the queue what waited when the server stopped; nothing is too much."""
        with self._news:
            self._take(jobs)

    def cancel(self, owner: str, number: str) -> bool:
        """Take a job back; one that runs stops within a step. False where there is nothing to stop (any more)."""
        with self._news:
            job = self._all.get(number)
            if job is None or job.owner != owner or job.state in OVER:
                return False
            job.unwanted = True
            if job.ticket is not None:
                job.ticket.over()
            if job in self._waiting:
                self._waiting.remove(job)
                job.state = CANCELLED
            self._tell()
            return True

    def of(self, owner: str) -> list[tuple[Job, int]]:
        """The jobs of a room, oldest first, each with how many will be done before it."""
        with self._news:
            order = {job.id: n for n, job in enumerate(self._waiting, 1)}
            return [(job, order.get(job.id, 0)) for job in self._all.values() if job.owner == owner]

    def watch(self, owner: str) -> None:
        """A browser of this room looks: its jobs show what they draw for a while."""
        with self._news:
            for job in self._all.values():
                if job.owner == owner:
                    job.watched = time.monotonic()

    def seen(self, owner: str, number: str) -> bytes:
        """What a job of this room has drawn so far, as a JPEG. BadInput where there is nothing to see."""
        with self._news:
            job = self._all.get(number)
        if job is None or job.owner != owner or not job.seen:
            raise BadInput("There is no such picture.")
        return job.seen

    def busy(self, owner: str, session: str) -> bool:
        """Whether something is still to be done in a session."""
        return any(job.session == session and job.state not in OVER for job, _ in self.of(owner))

    def wait(self, job: Job, seconds: float = 60.0) -> Job:
        """Until a job is over; for tests and for those who have the time."""
        with self._news:
            self._news.wait_for(lambda: job.state in OVER, seconds)
        return job

    def end(self) -> None:
        """Stop what runs and what waits, and let the thread go; tickets stay, for the next server."""
        with self._news:
            self._ended = True
            for job in self._waiting:
                job.state = CANCELLED
            self._waiting.clear()
            self._tell()
        self._thread.join(timeout=30)
        for job in list(self._all.values()):
            if job.state == RUNNING and job.ticket is not None:  # within a step that takes long
                job.ticket.waiting()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    return
                job = self._waiting.popleft()
                job.state, job.began = RUNNING, time.monotonic()
                if job.ticket is not None:
                    job.ticket.running()
                self._tell()
            state, told, turn = self._done(job)
            if job.ticket is not None:
                (job.ticket.over if state != CANCELLED or job.unwanted else job.ticket.waiting)()
            with self._news:
                job.told, job.turn = told, turn
                job.seconds = time.monotonic() - job.began
                job.state = state
                job.work, job.seen = _nothing, b""  # what it held on to may go
                self._tell()

    def _done(self, job: Job) -> tuple[str, str, int | None]:
        """Do a job: how it ended, what to tell of it, the turn that it made."""

        def on_progress(progress: Progress) -> None:
            if job.unwanted or self._ended:
                raise CancelledError
            if progress.stage == "denoise" and job.stage != "denoise":
                job.drawing = time.monotonic()
            job.stage, job.done, job.total = progress.stage, progress.done, progress.total
            job.look(progress)

        try:
            on_progress(Progress("begin", 0, 1))
            return DONE, "", job.work(on_progress)
        except CancelledError:
            return CANCELLED, "", None
        except RefrainError as error:
            return FAILED, str(error), None
        except OSError as error:
            return FAILED, f"The system says: {error.strerror or error}; see to that and ask again.", None
        except Exception as error:  # the thread must live: whatever else happens is our own fault, and says so
            if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
                return FAILED, FULL, None
            logging.getLogger("refrain").exception("a job failed")
            return FAILED, f"Something went wrong inside Refrain ({type(error).__name__}); nothing was changed.", None

    def _take(self, jobs: tuple[Job, ...]) -> None:
        self._waiting.extend(jobs)
        self._all.update({job.id: job for job in jobs})
        self._forget()
        self._tell()

    def _forget(self) -> None:
        over = [number for number, job in self._all.items() if job.state in OVER]
        for number in over[: max(0, len(over) - REMEMBERED)]:
            del self._all[number]

    def _tell(self) -> None:
        self.changed += 1
        self._news.notify_all()


def _nothing(on_progress: OnProgress) -> None:
    """What a job does that is over."""
