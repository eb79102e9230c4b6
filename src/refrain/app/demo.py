"""Sample sessions, which show what the page can do before anybody has asked for anything."""

import shutil
from dataclasses import replace
from pathlib import Path

from refrain.editing.request import OnProgress, Progress
from refrain.editing.session.session import Session

from . import views
from .desk import Desk
from .jobs import OVER, Job
from .rooms import Room
from .samples import FRAMES, SIZE, sample

SHOWN = {  # label -> (words, the turn that they change) of a sample session; what a model does not know is left out
    "a lake": (("make it snow", 0), ("turn it into night", 1)),
    "a forest": (("add thick fog near the ground", 0), ("give it a golden glow", 0)),
    "a street": (("add heavy rain", 0), ("make it black and white", 0)),
}
OWNER = "0" * 24  # the room in which they are made, which no secret opens


class Demo:
    """Sample sessions: made once, kept below the root, and copied into every room that has nothing yet."""

    def __init__(self, desk: Desk, frames: int = FRAMES, size: tuple[int, int] = SIZE) -> None:
        self.desk, self.frames, self.size = desk, frames, size
        self.room = desk.rooms.named(OWNER)
        there = {Session.open(place.session).turns[0].record["source"] for place in self.room.places()}
        for place in self.room.places():
            place.use()
        self.jobs = [self._job(label) for label in SHOWN if label not in there]
        if self.jobs:
            desk.jobs.submit(*self.jobs)

    @property
    def ready(self) -> bool:
        """Whether all that can be made is made."""
        return all(job.state in OVER for job in self.jobs)

    def give(self, room: Room) -> None:
        """Copy the sample sessions into a room that has none."""
        if not self.ready or room.places():
            return
        for made in self.room.places():
            made.use()
            place = room.new()
            for folder in ("session", "views"):
                shutil.copytree(made.folder / folder, place.folder / folder, dirs_exist_ok=True)

    def _job(self, label: str) -> Job:
        place = self.room.new()

        def work(on_progress: OnProgress) -> int:
            on_progress(Progress("render", 0, 1))
            editor = self.desk.editor(on_progress)
            clip = replace(sample(label, self.frames, self.size), origin=Path(label))
            aside = place.folder / "making"
            session = Session.create(aside, clip, editor, None, on_progress)
            known = [(words, at) for words, at in SHOWN[label] if self.desk.understands(words)]
            for words, at in known:
                session.ask(words, min(at, len(session.turns) - 1), on_progress)
            for turn in session.turns:
                views.shown(place.views, session, turn)
            aside.rename(place.session)
            return len(known)

        return Job(OWNER, place.name, f"sample: {label}", work)
