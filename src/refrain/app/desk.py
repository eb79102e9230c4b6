"""What a person can do on the page, as plain calls: begin, ask, ask again, go back. Whatever takes long is a job."""

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from secrets import randbelow
from typing import Any

import torch

from refrain.editing.editor import Editor
from refrain.editing.estimate import Estimate
from refrain.editing.request import Edit, EffectUse, OnProgress, Progress, check_words
from refrain.editing.session.ask import asked_in, check_named
from refrain.editing.session.session import Session
from refrain.editing.session.turn import Turn
from refrain.errors import BadInput, RefrainError
from refrain.media import Clip, Limits

from . import views
from .chips import Learnt
from .jobs import OVER, Job, Jobs
from .model import Model
from .orders import Order, Orders, Part, Wish
from .region import bound_of
from .rooms import Place, Room, Rooms
from .samples import sample

FOUR = 4
DEADLY = "The server stopped while this was being made, twice; ask for a smaller size or a shorter clip."
DIED = 2  # servers that may have died of a job


class Desk:
    """All that the page does, over rooms, a queue and one editor, which is loaded in the background."""

    def __init__(self, rooms: Rooms, jobs: Jobs, model: Model, limits: Limits) -> None:
        self.rooms, self.jobs, self.model, self.limits = rooms, jobs, model, limits
        self.orders = Orders(rooms)
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

    def begin(self, room: Room, place: Place, label: str, part: Part) -> Job:
        """Make a session of the file `source` that was brought to a place."""
        return self._submitted(Order("open", room.key, place.name, label, part=part))[0]

    def sample(self, room: Room, label: str) -> Job:
        """Make a session of a clip of our own."""
        return self._submitted(Order("sample", room.key, room.new().name, label))[0]

    def _begin(self, order: Order, place: Place) -> Job:
        def work(on_progress: OnProgress) -> int:
            if order.does == "sample":
                on_progress(Progress("render", 0, 1))
                clip = sample(order.title)
            else:
                on_progress(Progress("read", 0, 1))
                clip = Clip.read(place.folder / "source", *order.part[:2], self.limits)
            return self._made(place, replace(clip, origin=Path(order.title)), order.part[2], on_progress)

        begins = f"/own/view/{place.name}/source.jpg" if order.does == "open" else ""
        return Job(order.room, place.name, f"open {order.title}", work, begins=begins, id=order.id)

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
        if self._worn(words, wish) is None:
            self._check(words)
        return self._submitted(Order("ask", room.key, name, words, at, wish))[0]

    def again(self, room: Room, name: str, at: int, wish: Wish) -> list[Job]:
        """Ask what the turn `at` asked once more, four times, each with a seed of its own."""
        turn = self.session(room, name)[1].turn(at)
        if turn.parent is None:
            raise BadInput("Nothing was asked yet; say what to change first.")
        seeds = [randbelow(1_000_000) for _ in range(FOUR)]
        orders = [Order("again", room.key, name, turn.words, at, replace(wish, seed=seed)) for seed in seeds]
        return self._submitted(*orders)

    def where(self, room: Room, name: str, at: int, words: str, wish: Wish) -> Job:
        """Predict where words would change the turn `at`, as a mask to be corrected; nothing is changed."""
        check_words(words)
        self.model.check(words)
        return self._submitted(Order("where", room.key, name, words, at, wish))[0]

    def pictures(self, room: Room, but: str) -> list[tuple[str, str]]:
        """The pictures of a room that words may speak of, each as session/turn with its label; not those of `but`."""
        found: list[tuple[str, str]] = []
        for place in room.places():
            with suppress(BadInput):
                session = Session.open(place.session)
                if place.name != but and session.here.is_picture:
                    label = str(session.turns[0].record["source"] or "picture")
                    turn = session.here.id
                    found.append((f"{place.name}/{turn}", f"{label}, turn {turn}" if turn else label))
        return found

    def _picture(self, room: str, spot: str) -> Clip:
        """A picture of this room that words speak of."""
        name, _, turn = spot.partition("/")
        if not self.model.refers or not turn.isdecimal():
            raise BadInput("This model takes no other pictures; say in words what they show.")
        found = Session.open(self.rooms.named(room).place(name).session).turn(int(turn))
        if not found.is_picture:
            raise BadInput("Words can speak of pictures, and this is a clip; choose a picture.")
        return found.clip

    def _where(self, order: Order, place: Place) -> Job:
        if not self.model.predicts:
            raise BadInput("This model cannot say where it would change a picture; mark it by hand.")
        turn = Session.open(place.session).turn(order.at)

        def work(on_progress: OnProgress) -> None:
            session = Session.open(place.session, self.editor(on_progress))
            found = session.where(order.title, turn.id, on_progress, seed=order.wish.seed)
            views.expected(place.views, turn, torch.maximum(found.here, found.there))

        gives = f"/own/view/{place.name}/{turn.id:03d}-expected.png"
        title, begins = f"where would it change: {order.title}", _thumb(place.name, turn.id)
        return Job(order.room, place.name, title, work, begins=begins, gives=gives, id=order.id)

    def _ask(self, order: Order, place: Place) -> Job:
        session, wish = Session.open(place.session), order.wish
        stub = views.stub(views.shown(place.views, session, session.turn(order.at)))
        bound = bound_of(wish.region, stub)
        foreseen = self.model.cost(self._edit(order.title, stub, wish, bound)).seconds
        choices: dict[str, Any] = {
            "seed": wish.seed, "steps": wish.steps, "guidance": wish.guidance, "bound": bound
        }  # fmt: skip
        worn = self._worn(order.title, wish)
        if worn is not None:
            choices["effects"] = (EffectUse(worn.file),)
        pictures = tuple(self._picture(order.room, spot) for spot in wish.pictures)
        check_named(order.title, len(pictures))
        if pictures:
            choices["references"] = pictures
        work = self._asking(place, order.title, order.at, choices, wish, foreseen)
        same = f"{place.name}/{order.at} {order.title} {wish}"
        begins = _thumb(place.name, order.at)
        return Job(order.room, place.name, order.title, work, foreseen * self.pace, same, begins, id=order.id)

    def _again(self, order: Order, place: Place) -> Job:
        turn = Session.open(place.session).turn(order.at)
        asked, parent = asked_in(turn, order.wish.seed), turn.parent or 0
        choices = {field.name: getattr(asked, field.name) for field in fields(asked) if field.name != "words"}
        seconds = sum(turn.record["made"].get("seconds", {}).values()) or None
        work = self._asking(place, asked.words, parent, choices, order.wish, None)
        title = f"{asked.words} (seed {asked.seed})"
        return Job(order.room, place.name, title, work, seconds, begins=_thumb(place.name, parent), id=order.id)

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
            "over": [{**_told(job), "told": self.plain(job.told), "gives": job.gives} for job in over[-6:]],
        }

    def _worn(self, words: str, wish: Wish) -> Learnt | None:
        """The Effect-LoRA of an edit: the one that was picked, where the words speak of it."""
        return next((one for one in self.model.learnt if one.name == wish.effect and one.called(words)), None)

    def _check(self, words: str) -> None:
        """BadInput for words that the model does not know; where an effect does, it says which."""
        try:
            self.model.check(words)
        except BadInput as error:
            knows = [f'"{one.name} +"' for one in self.model.learnt if one.called(words)]
            if not knows:
                raise
            picks = " or ".join(knows)
            raise BadInput(f'The model itself does not know "{words}"; pick the effect {picks} for it.') from error

    # ---- the queue

    def resume(self) -> None:
        """Take up, in its order, what waited when the server stopped."""
        for order, ticket, new in self.orders.left():
            place = Place(self.rooms.named(order.room).folder / order.session)
            if new and _is_done(order, place):
                ticket.over()
                continue
            try:
                if order.tries >= DIED:
                    raise BadInput(DEADLY)
                job = self._job(order)
            except (RefrainError, OSError) as error:
                job = Job(order.room, order.session, order.title, _refusing(error), id=order.id)
            job.ticket = ticket
            self.jobs.resume(job)

    def _submitted(self, *orders: Order) -> list[Job]:
        """Write orders to the disk, then put them in the queue: all or none."""
        jobs = [self._job(order) for order in orders]
        try:
            for order, job in zip(orders, jobs, strict=True):
                job.ticket = self.orders.keep(order)
            self.jobs.submit(*jobs)
        except BaseException:
            for job in jobs:
                if job.ticket is not None:
                    job.ticket.over()
            raise
        return jobs

    def _job(self, order: Order) -> Job:
        """The job that an order asks for. Raises RefrainError where it cannot be meant."""
        place = self.rooms.named(order.room).place(order.session)
        makes = {
            "open": self._begin,
            "sample": self._begin,
            "ask": self._ask,
            "again": self._again,
            "where": self._where,
        }
        return makes[order.does](order, place)

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
            attention=self.model.ways.get(wish.attention), references=(clip,) * len(wish.pictures),
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


def _is_done(order: Order, place: Place) -> bool:
    """Whether the newest turn is what an order asked for, by a server that died before it could say so."""
    if order.does in ("open", "sample"):
        return (place.session / "turns.jsonl").is_file()
    if order.does == "where":
        return False
    try:
        session = Session.open(place.session)
        last, asked = session.turns[-1], session.turn(order.at)
    except RefrainError:
        return False
    parent = order.at if order.does == "ask" else asked.parent
    return (last.parent, last.words, last.record.get("asked", {}).get("seed")) == (parent, order.title, order.wish.seed)


def _refusing(error: Exception) -> Callable[[OnProgress], int]:
    """The work of a job that cannot be done."""

    def work(on_progress: OnProgress) -> int:
        raise error

    return work


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
