"""What a session teaches: every picture and every mask of all its turns, in one row (VINCIE, arXiv 2506.10941).

Under a causal rule each of them is a target that sees only what was clean before it, so that one pass learns them all.
Under `full` everybody sees everybody; so a row holds one target, and nothing of what came after it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from refrain.attention import Dense, Spec
from refrain.editing.compose import Seen, Window
from refrain.editing.turns import Line, Question, Task
from refrain.errors import BadInput
from refrain.flow import draw_times, noised
from refrain.models.wan.denoiser import WanDenoiser
from refrain.sequence import Sequence

from .objective import Weighing, wrong
from .pointing import Pointing


@dataclass(frozen=True, eq=False)
class TaughtTurn:
    """A turn to learn from: of everything that it predicts the words [B, N, W] that ask for it and its clean latents.

    words, found: by what is predicted, in the order in which it is; a picture is always among them.
    references:   latents of pictures that the words name.
    where:        [B, K, T, Y, X] in 0..1, what a network points at while it learns this turn (`pointing`), if it does.
    came:         what stands afterwards instead of the true picture: an answer of the model's own (`rollout`).
    base:         latents that the picture is a change of, where they are not the picture's before (`Card.moves_on`).
    """

    words: dict[Task, Tensor]
    found: dict[Task, Seen]
    references: tuple[Tensor, ...] = ()
    where: Tensor | None = None
    came: Seen | None = None
    base: Tensor | None = None

    def __post_init__(self) -> None:
        if list(self.words) != list(self.found) or "picture" not in self.found:
            raise BadInput("A turn says words for each thing that it predicts, and a picture is one of them.")

    @property
    def after(self) -> Seen:
        """The picture that stands after it."""
        return self.came or self.found["picture"]


@dataclass(frozen=True, eq=False)
class Lesson:
    """A session, or a batch of sessions of one shape: the source, and its turns. ids: which sessions they are."""

    source: Seen
    turns: tuple[TaughtTurn, ...]
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.turns:
            raise BadInput("A session without turns teaches nothing; give it one at least.")

    def to(self, place: torch.device | str) -> "Lesson":
        """The same on another device."""
        turns = tuple(
            TaughtTurn(
                {task: words.to(place) for task, words in turn.words.items()},
                {task: _moved(seen, place) for task, seen in turn.found.items()},
                tuple(picture.to(place) for picture in turn.references),
                None if turn.where is None else turn.where.to(place),
                None if turn.came is None else _moved(turn.came, place),
                None if turn.base is None else turn.base.to(place),
            )
            for turn in self.turns
        )  # fmt: skip
        return Lesson(_moved(self.source, place), turns, self.ids)


@dataclass(frozen=True)
class Drops:
    """How often something is not there to be seen: the paper's 20, 70 and 70 % of context, and 80 % of masks present.

    What a picture is a change of is no context: its base stays what it is.
    """

    picture: float = 0.2
    here: float = 0.7
    there: float = 0.7
    masks: float = 0.2

    def of(self, task: Task) -> float:
        """Of the clean copy of one thing that was predicted."""
        return {"picture": self.picture, "here": self.here, "there": self.there}[task]


NOTHING = Drops(0, 0, 0, 0)


def rows_of(
    lesson: Lesson, denoiser: WanDenoiser, generator: torch.Generator, drops: Drops = Drops()
) -> tuple[Sequence, list[Tensor]]:
    """The row of a lesson, and for each of its targets, in order, the clean latents [B, C, T, Y, X].

    The source is never dropped before the first turn: a picture that nobody sees cannot be edited.
    """

    def chance(share: float) -> bool:
        return float(torch.rand((), generator=generator)) < share

    line = Line.begin(lesson.source, denoiser.card)
    masks = "mask" in denoiser.card.kinds and not chance(drops.masks)
    stood, questions, clean = lesson.source.full, list[Question](), list[Tensor]()
    for turn in lesson.turns:
        for task in turn.words:
            if task != "picture" and not masks:
                continue
            drawn = task == "picture"
            base = stood if turn.base is None else turn.base
            question = line.ask(turn.words[task], task, base if drawn else None, turn.references if drawn else ())
            questions.append(question)
            clean.append(turn.found[task].full)
            found = turn.after if drawn else turn.found[task]
            line = question.answered(None if chance(drops.of(task)) else found)
        stood = turn.after.full
    if denoiser.card.rule == "full":
        n = int(torch.randint(len(questions), (), generator=generator))
        return questions[n].row, clean[n : n + 1]
    last = questions[-1].target.beat
    seen = (segment for segment in line.segments if segment.beat <= last)  # nobody sees the last answer
    return Sequence((*seen, *(question.target for question in questions))), clean


def loss_of_lesson(
    denoiser: WanDenoiser, lesson: Lesson, generator: torch.Generator, times: tuple[float, float] = (1.0, 1.0),
    drops: Drops = Drops(), spec: Spec = Dense(), pointing: Pointing | None = None, weighing: Weighing | None = None,
) -> Tensor:  # fmt: skip
    """Mean over all targets of the square error that `objective.loss_of` takes of one; each has noise of its own.

    times: shift and standard deviation of the noise times. weighing: of changes; without it, masks outweigh pictures,
    of which little changes. pointing: the network also points at what the turns say of where, and that is added.
    """
    shift, std = times
    sequence, clean = rows_of(lesson, denoiser, generator, drops)
    row = denoiser.prepare(sequence, spec, memory=False)
    noises = [torch.randn(x.shape, generator=generator).to(x) for x in clean]
    drawn = [draw_times(generator, x.shape[0], std=std, shift=shift).to(x.device) for x in clean]
    outputs = row.outputs([noised(x, noise, t) for x, noise, t in zip(clean, noises, drawn)], drawn)
    said = enumerate(zip(outputs, clean, noises, drawn))
    each = [wrong(output, x, row.base(x, n), noise, t, denoiser.card, weighing) for n, (output, x, noise, t) in said]
    apart = torch.stack(each).mean()
    if pointing is None:
        return apart
    where = [next(t.where for t in lesson.turns if any(seen.full is x for seen in t.found.values())) for x in clean]
    return apart + pointing.cost(where, Window(0, lesson.source.full.shape[2]))


def _moved(seen: Seen, place: torch.device | str) -> Seen:
    return Seen(seen.full.to(place), None if seen.coarse is None else seen.coarse.to(place))
