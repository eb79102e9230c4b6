"""What a person can do on the page, as plain calls: begin, ask, ask again, go back. Whatever takes long is a job."""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from secrets import randbelow
from typing import Any

import cv2
import numpy as np
import torch

from refrain.editing.editor import Editor
from refrain.editing.estimate import Estimate
from refrain.editing.mask import feathered, read_box
from refrain.editing.request import Edit, OnProgress, Progress, check_words
from refrain.editing.session.ask import asked_in
from refrain.editing.session.session import Session
from refrain.editing.session.turn import Turn
from refrain.errors import BadInput, RefrainError
from refrain.media import Clip, Limits

from . import views
from .jobs import OVER, Job, Jobs
from .rooms import Place, Room, Rooms

MASK = 640  # places of a painted mask on a side, at most
FOUR = 4
Part = tuple[float | None, float | None, int | None]  # from and to in seconds, the size for the model


@dataclass(frozen=True)
class Model:
    """What the page edits with, and what is known of it before its weights are read.

    understands: requests it knows, empty where it knows any. check: raises BadInput for words it does not understand.
    cost: what an edit takes. load: reads the weights. ways: of attention, each by the name that `--attention` has.
    """

    name: str
    understands: tuple[str, ...]
    steps: int
    guidance: float
    short_side: int
    check: Callable[[str], None]
    cost: Callable[[Edit], Estimate]
    load: Callable[[], Editor]
    ways: dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What is said beside the words. region: JSON of the region tool, "" for everywhere."""

    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    region: str = ""
    attention: str = "dense"
    offload: bool = False


class Desk:
    """All that the page does, over rooms, a queue and one editor, which is loaded in the background."""

    def __init__(self, rooms: Rooms, jobs: Jobs, model: Model, limits: Limits) -> None:
        self.rooms, self.jobs, self.model, self.limits = rooms, jobs, model, limits
        self.fault = ""
        self.pace = 1.0  # how much longer an edit took than was foreseen
        self._editor: Editor | None = None
        self._ready = threading.Event()
        threading.Thread(target=self._load, name="refrain-model", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether the model is there."""
        return self._editor is not None

    def editor(self, on_progress: OnProgress) -> Editor:
        """The editor, when it is there; waiting may be cancelled."""
        while not self._ready.wait(0.1):
            on_progress(Progress("load", 0, 1))
        if self._editor is None:
            raise BadInput(self.fault)
        return self._editor

    def plain(self, error: object) -> str:
        """A sentence for the page: without the server's folders, and with the page's own remedies."""
        said = re.sub(re.escape(str(self.rooms.root)) + r"[\w./-]*", "this clip", str(error))
        said = said.replace("read a shorter stretch", "take a part of it, with from and to")
        return said[:1].upper() + said[1:]

    def understands(self, words: str) -> bool:
        """Whether the model knows what the words ask for."""
        try:
            self.model.check(words)
        except BadInput:
            return False
        return True

    # ---- clips

    def begin(self, room: Room, place: Place, file: Path, label: str, part: Part) -> Job:
        """Make a session of a file that was brought."""
        start, stop, side = part

        def work(on_progress: OnProgress) -> int:
            on_progress(Progress("read", 0, 1))
            clip = Clip.read(file, start, stop, self.limits)
            return self._made(place, replace(clip, origin=Path(label)), side, on_progress)

        job = Job(room.key, place.name, f"open {label}", work, begins=f"/own/view/{place.name}/source.jpg")
        self.jobs.submit(job)
        return job

    def begin_with(self, room: Room, label: str, make: Callable[[], Clip]) -> Job:
        """Make a session of a clip of our own."""
        place = room.new()

        def work(on_progress: OnProgress) -> int:
            on_progress(Progress("render", 0, 1))
            return self._made(place, replace(make(), origin=Path(label)), None, on_progress)

        job = Job(room.key, place.name, f"open {label}", work)
        self.jobs.submit(job)
        return job

    def _made(self, place: Place, clip: Clip, side: int | None, on_progress: OnProgress) -> int:
        if place.session.exists():
            raise BadInput("This clip is open already; go on with it.")
        if not place.folder.is_dir():
            raise BadInput("The clip was deleted meanwhile; bring it again.")
        session = Session.create(place.session, clip, self.editor(on_progress), side, on_progress)
        views.shown(place.views, session, session.here)
        for left in place.folder.glob("source*"):
            left.unlink()
        return 0

    def session(self, room: Room, name: str) -> tuple[Place, Session]:
        """A session of a room, to look at."""
        place = room.place(name)
        return place, Session.open(place.session)

    # ---- turns

    def ask(self, room: Room, name: str, at: int, words: str, wish: Wish) -> Job:
        """Ask for a change of the turn `at`. BadInput for words and wishes that cannot be meant."""
        check_words(words)
        self.model.check(words)
        place, session = self.session(room, name)
        turn = session.turn(at)
        facts = views.shown(place.views, session, turn)
        stub = views.stub(facts)
        bound = bound_of(wish.region, stub)
        request = self._edit(words, stub, wish, bound)
        choices: dict[str, Any] = {
            "seed": wish.seed, "steps": wish.steps, "guidance": wish.guidance, "bound": bound
        }  # fmt: skip
        foreseen = self.model.cost(request).seconds
        work, same = self._asking(place, words, at, choices, wish, foreseen), f"{name}/{at} {words} {wish}"
        job = Job(room.key, name, words, work, foreseen * self.pace, same, _thumb(name, at))
        self.jobs.submit(job)
        return job

    def again(self, room: Room, name: str, at: int, wish: Wish) -> list[Job]:
        """Ask what the turn `at` asked once more, four times, each with a seed of its own."""
        place, session = self.session(room, name)
        turn = session.turn(at)
        if turn.parent is None:
            raise BadInput("Nothing was asked yet; say what to change first.")
        asked = asked_in(turn)
        seconds = sum(turn.record["made"].get("seconds", {}).values()) or None
        jobs: list[Job] = []
        for _ in range(FOUR):
            seed = randbelow(1_000_000)
            choices = {field.name: getattr(asked, field.name) for field in fields(asked) if field.name != "words"}
            work = self._asking(place, asked.words, turn.parent, {**choices, "seed": seed}, wish, None)
            title, begins = f"{asked.words} (seed {seed})", _thumb(name, turn.parent)
            jobs.append(Job(room.key, name, title, work, seconds, begins=begins))
        self.jobs.submit(*jobs)
        return jobs

    def go(self, room: Room, name: str, how: str, at: int = 0) -> Turn:
        """`undo`, `redo`, or `branch` to the turn `at`."""
        place, session = self.session(room, name)
        if self.jobs.busy(room.key, name):
            try:
                return self._gone(session, how, at)
            except BadInput as error:
                if "being written" in str(error):
                    raise BadInput("An edit of this clip is being made; wait until it is done, or cancel it.") from None
                raise
        place.use()
        return self._gone(session, how, at)

    def cost(self, room: Room, name: str, at: int, words: str, wish: Wish) -> Estimate:
        """What asking would take."""
        place, session = self.session(room, name)
        facts = views.shown(place.views, session, session.turn(at))
        return self.model.cost(self._edit(words or "keep it as it is", views.stub(facts), wish, None))

    def remove(self, room: Room, name: str) -> None:
        """Delete a session, and stop what is being done in it."""
        for job, _ in self.jobs.of(room.key):
            if job.session == name:
                self.jobs.cancel(room.key, job.id)
        room.remove(name)

    def state(self, room: Room, name: str, more: str = "") -> dict[str, Any]:
        """What is going on: jobs, the model, a mark that changes with the news, and with `more`."""
        self.jobs.watch(room.key)
        now, jobs = time.monotonic(), self.jobs.of(room.key)
        live = [(job, place) for job, place in jobs if job.state not in OVER]
        over = [job for job, _ in jobs if job.state in OVER]
        mark = f"{len(over)}.{over[-1].id if over else ''}.{_size(room, name)}.{more}"
        return {
            "news": mark,
            "model": "ready" if self.ready else self.fault or "loading",
            "jobs": [{**_told(job), **_live(job, place, now)} for job, place in live],
            "over": [{**_told(job), "told": self.plain(job.told)} for job in over[-6:]],
        }

    # ---- how

    def _asking(
        self, place: Place, words: str, at: int, choices: dict[str, Any], wish: Wish, foreseen: float | None
    ) -> Callable[[OnProgress], int]:
        spec = self.model.ways.get(wish.attention)
        if spec is None:
            raise BadInput(f"Attention is one of {', '.join(self.model.ways)}.")

        def work(on_progress: OnProgress) -> int:
            if not place.session.is_dir():
                raise BadInput("The clip was deleted meanwhile; bring it again.")
            editor = replace(self.editor(on_progress), attention=spec, offload=wish.offload)
            session, began = Session.open(place.session, editor), time.monotonic()
            turn = session.ask(words, at, on_progress, **choices)
            if foreseen:
                self.pace = 0.5 * self.pace + 0.5 * (time.monotonic() - began) / foreseen
            views.shown(place.views, session, turn)
            place.use()
            return turn.id

        return work

    def _edit(self, words: str, clip: Clip, wish: Wish, bound: torch.Tensor | None) -> Edit:
        return Edit(
            words, clip, seed=wish.seed, steps=wish.steps, guidance=wish.guidance, bound=bound,
            attention=self.model.ways.get(wish.attention),
        )  # fmt: skip

    def _gone(self, session: Session, how: str, at: int) -> Turn:
        return session.undo() if how == "undo" else session.redo() if how == "redo" else session.branch(at)

    def _load(self) -> None:
        try:
            self._editor = self.model.load()
        except RefrainError as error:
            self.fault = str(error)
        except Exception as error:  # the page stays, and says that it cannot edit
            self.fault = f"The model could not be loaded ({type(error).__name__}: {str(error)[:200]}); see to that."
        finally:
            self._ready.set()


def bound_of(region: str, clip: Clip) -> torch.Tensor | None:
    """What the region tool says, as a bound [1, 1, Y, X]: a box in pixels, or a painted mask in runs.

    BadInput for what no region tool would say, and for a mask in which nothing may change.
    """
    if not region:
        return None
    try:
        said = json.loads(region)
        box, mask = said.get("box"), said.get("mask")
        if box:
            return read_box(",".join(str(int(side)) for side in box), clip)
        if not mask:
            return None
        wide, high, runs = int(mask["wide"]), int(mask["high"]), [int(run) for run in mask["runs"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadInput("The region cannot be read; clear it, and mark it again.") from None
    whole = wide * high
    if not (1 <= wide <= MASK and 1 <= high <= MASK) or min(runs, default=0) < 0 or sum(runs) != whole:
        raise BadInput("The region does not fit the picture; clear it, and mark it again.")
    levels = np.arange(len(runs)) % 2  # runs of black and white in turn, black first
    grid = np.repeat(levels, runs).astype(np.float32).reshape(high, wide)
    if not grid.any():
        raise BadInput("Nothing is painted, so nothing may change; paint where it may, or clear the region.")
    rows, columns = clip.size
    large = cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return torch.as_tensor(feathered((large > 0.5).astype(np.float32)))[None, None]


def _told(job: Job) -> dict[str, Any]:
    return {"id": job.id, "session": job.session, "title": job.title, "state": job.state}


def _live(job: Job, before: int, now: float) -> dict[str, Any]:
    steps = {"stage": job.stage, "done": job.done, "total": job.total}
    seen = {"looks": job.looks, "begins": job.begins}
    return {**steps, **seen, "before": before, "left": job.left(now), "cancelled": job.unwanted}


def _thumb(name: str, turn: int) -> str:
    """Where the small picture of a turn is."""
    return f"/own/view/{name}/{turn:03d}.jpg"


def _size(room: Room, name: str) -> int:
    """How much is written of a session: it grows with everything that happens in it."""
    try:
        return (room.place(name).session / "turns.jsonl").stat().st_size
    except (BadInput, OSError):
        return 0
