"""The row of a whole session: every turn's words, references, masks and answer behind one another, clean, and a target.

Training and use lay it here alike. Everything that is predicted (a mask of where, a mask of how it will lie, a picture)
takes the next even beat, and its clean copy the odd beat after. A line is only ever added to, and segments are the same
objects in every later row: so whatever a turn remembered, the next one finds again (VINCIE, arXiv 2506.10941).
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from refrain.errors import BadInput, Unsupported
from refrain.models.protocols import Card
from refrain.sequence import Segment, Sequence, grid

from .compose import PATCH, Origin, Seen, Window, laid_reference, laid_source, lay, text

Task = Literal["here", "there", "picture"]
"""What is predicted: where the picture that stands will change, how the change will lie, or the picture after."""

SAYING: dict[Task, str] = {"here": "mask here: {}", "there": "mask there: {}", "picture": "{}"}
"""What is said to ask for it, around the turn's own instruction."""

NUMBERS: dict[Task, int] = {"picture": 0, "here": 1, "there": 2}
"""By how many of the masks' offsets each stands off its picture: two masks at one place could not be told apart."""


@dataclass(frozen=True, eq=False)
class Question:
    """One prediction that is asked of a line.

    asking: the words, and the references that they name. target: what is predicted. place: where its clean copy will
    stand. said: how many words asked.
    """

    line: "Line"
    task: Task
    asking: tuple[Segment, ...]
    target: Segment
    place: Origin
    said: int

    @property
    def row(self) -> Sequence:
        """All that stands, what asks, and the target."""
        return Sequence((*self.line.segments, *self.asking, self.target))

    def answered(self, found: Seen | None) -> "Line":
        """The line with what came of it laid clean; None: it came, but is not shown (VINCIE's context dropout)."""
        line, beat, copy = self.line, self.target.beat + 1, list[Segment]()
        if found is not None and self.task == "picture":
            copy = laid_source(found, _whole(found), line.card, beat, "answer", self.place)
        elif found is not None:
            copy = [lay("mask", beat, self.target.canvas, found.full, line.card, NUMBERS[self.task], self.place)]
        drawn = self.task == "picture"
        return replace(
            line,
            segments=(*line.segments, *self.asking, *copy),
            predictions=line.predictions + 1,
            place=self.place if drawn else line.place,
            words=0 if drawn else line.words + self.said,
        )


@dataclass(frozen=True, eq=False)
class Line:
    """What is clean of a session so far.

    segments:    in their order. predictions: how many things were predicted.
    size:        tokens (t, y, x) of every picture or clip of the session.
    place:       what was added to the positions of the last picture. words: tokens of words said since.
    """

    card: Card
    segments: tuple[Segment, ...]
    size: tuple[int, int, int]
    predictions: int = 0
    place: Origin = (0.0, 0.0, 0.0)
    words: int = 0

    @staticmethod
    def begin(source: Seen, card: Card) -> "Line":
        """The line of a session that begins with this source. Raises Unsupported for checkpoints that know no turns."""
        if not card.turns:
            raise Unsupported(f"{card.name or 'This model'} was not trained on several turns; it edits one at a time.")
        _, _, frames, rows, columns = source.full.shape
        segments = laid_source(source, _whole(source), card, 0)
        return Line(card, tuple(segments), (frames, rows // PATCH, columns // PATCH))

    def ask(
        self, words: Tensor, task: Task = "picture", base: Tensor | None = None, references: tuple[Tensor, ...] = ()
    ) -> Question:
        """Ask for the next thing.

        words: states [B, N, W] of `SAYING[task]`. base: the latents that a picture is a change of; None for a mask.
        references: latents of pictures that the words name.
        """
        if task != "picture":
            require_masks(self.card)
        if task != "picture" and base is not None:
            raise BadInput("A mask is a change of nothing; ask for it without a base.")
        beat, said, places = 2 * self.predictions, words.shape[1], grid(*self.size)
        asking = [text(words, beat)]
        asking += [laid_reference(one, number, beat, self.card) for number, one in enumerate(references, 1)]
        place = self._next(said) if task == "picture" else self.place
        # a target stands on what it edits where the checkpoint says so, else where its own clean copy will
        here = self.place if self.card.turns == "edited" else place
        aside = NUMBERS[task] * torch.tensor(self.card.offsets.get("mask", (0.0, 0.0, 0.0)))
        changing = base if self.card.prediction == "change" else None
        target = Segment("target", beat, places + torch.tensor(here) + aside, canvas=places, base=changing)
        return Question(self, task, tuple(asking), target, place, said)

    def _next(self, said: int) -> Origin:
        """Where the next picture stands, after `said` more words (`Card.turns`)."""
        t, y, x = self.place
        words = self.words + said
        if self.card.turns == "interleaved":
            return t + self.size[0] + words, y, x
        if self.card.turns == "per_turn":
            step = max(self.size) + words
            return t + step, y + step, x + step
        return t + self.size[0], y, x


def require_masks(card: Card) -> None:
    """Raise Unsupported where the checkpoint was not trained to predict masks."""
    if "mask" not in card.kinds:
        raise Unsupported(f"{card.name or 'This model'} was not trained on masks; ask without a chain.")


def _whole(seen: Seen) -> Window:
    return Window(0, seen.full.shape[2])
