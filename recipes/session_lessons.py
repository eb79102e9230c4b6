"""What sessions are learnt from: batches of rendered sessions, compositions and stories, and pairs of effects beside.

Every batch follows from the run's seed and its number alone (`Lessons`); a `Stretch` says what is drawn, and how it is
weighed. `recipes/sessions.py` makes lessons of it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from embedded import AGAIN, FURTHER, SMALL, TIMES, Drawing
from embedded import Drawn as Pairs
from torch.utils.data import Dataset

from refrain.data.plates import Shelf
from refrain.data.sessions import Composition, RenderedTurn, draw_composition, draw_session, shown
from refrain.data.sessions.graph import COLOURS, PATTERNS, SHAPES, SIZES, Thing
from refrain.data.sessions.turns import KINDS
from refrain.editing.turns import Task
from refrain.training.stage import Stage

SEEN = 1_000_000  # sessions below this number are learnt from; the exam's are far above
TRAITS: dict[str, tuple[str, ...]] = {"colour": tuple(COLOURS), "shape": SHAPES, "pattern": PATTERNS}
DRAWN = {**TRAITS, "size": tuple(SIZES)}  # what there is to know of a thing before it can be drawn
BROUGHT = 2  # things of a composition, each from a reference of its own
POINTED = 2 + len(TRAITS) + sum(len(v) for of in (TRAITS, DRAWN) for v in of.values()) + BROUGHT  # (`pointed`)
CLOSELY = 2  # of these, part by part of a token: where it changes, and where what changes is now
TURNS = (1, 2, 3, 4, 6, 10, 10)
# kinds of turn of which much is drawn anew, or all of it; those that fail most come twice as often
HARD = ("add", "move", "move", "resize", "background", "background", "restyle", "restyle")
MASKED = 5  # turns from which on a session has no masks: a row of them is three times as long
NEXT = ("show the next frame", "what comes next", "go on")  # said for a story
STEPS, APART = 3, 8  # how often a story goes on, and frames from picture to picture


@dataclass(frozen=True)
class Stretch:
    """What a stretch draws, and how it weighs it.

    effects, composed, story: their shares of the batches; all others are sessions. masks: the share of sessions that
    have them. hard: the share of sessions of `HARD` turns alone. words: how often what is said is dropped. times: shift
    and deviation of the noise times. floor: of `training.objective.Weighing`, in pixels. pointed: what pointing weighs
    (a mean over all kinds and parts). own: the share of the lessons of several turns that meet the model's own answers.
    rate: of learning. sizes: rows and columns. pictures: of all sessions of a batch together, about. turns: of every
    session; 0: several. data: how many sessions there are.
    """

    effects: float = 0.15
    composed: float = 0.1
    story: float = 0.05
    masks: float = 0.8
    hard: float = 0.0
    words: float = FURTHER.drop
    times: tuple[float, float] = TIMES
    floor: float | None = None
    pointed: float = 24.0  # which thing is meant is what a turn is about
    own: float = 0.0
    rate: float = FURTHER.rate
    sizes: tuple[tuple[int, int], ...] = ((96, 96), (96, 128), (128, 96), (128, 128))
    pictures: int = 24
    turns: int = 0
    data: int = SEEN


@dataclass(frozen=True)
class Told:
    """One turn of B sessions as it leaves the renderer: pictures uint8 [B, 1, Y, X, 3], by what is predicted.

    pointed: uint8 [B, K, 1, Y, X], what is pointed at while it is learnt (`pointed`), if anything is.
    """

    said: list[str]
    pictures: dict[Task, np.ndarray]
    references: tuple[np.ndarray, ...] = ()
    pointed: np.ndarray | None = None


@dataclass(frozen=True)
class Sessions:
    """B sessions of one shape. own: its later turns are to meet the model's own answers (`training.rollout`).
    story: each is one (`training.story`).
    """

    source: np.ndarray
    turns: tuple[Told, ...]
    own: bool = False
    story: bool = False


class Lessons(Dataset["Sessions | Pairs"]):
    """Batch n of the run, drawn from (seed, n) alone: sessions, compositions, stories, and pairs of effects."""

    def __init__(self, shelf: Shelf, stage: Stage, stretch: Stretch, alike: int = 1) -> None:
        """alike: so many batches in turn are of one shape, that processes which share a step need not wait."""
        self.stage, self.stretch, self.alike = stage, stretch, alike
        self.pairs = Drawing(shelf, stage, SMALL)

    def __len__(self) -> int:
        return self.stage.steps

    def __getitem__(self, step: int) -> "Sessions | Pairs":
        return self._drawn(step // (2 * AGAIN) * AGAIN + step % AGAIN)

    @lru_cache(maxsize=AGAIN)  # noqa: B019 -- one data set a process
    def _drawn(self, number: int) -> "Sessions | Pairs":
        cv2.setNumThreads(1)
        rng, stretch = np.random.default_rng((self.stage.seed, number, 17)), self.stretch
        shape = np.random.default_rng((self.stage.seed, number // self.alike, 19))
        kind, size = shape.random(), stretch.sizes[int(shape.integers(len(stretch.sizes)))]
        if kind < stretch.effects:
            return self.pairs._drawn(number, shape.random() < SMALL)
        if kind < stretch.effects + stretch.composed:
            return composed(rng, size, stretch)
        if kind < stretch.effects + stretch.composed + stretch.story:
            return replace(story(rng, size, stretch), own=bool(shape.random() < stretch.own))
        turns = stretch.turns or int(shape.choice(TURNS))
        masked = turns < MASKED and bool(shape.random() < stretch.masks)
        own = turns > 1 and bool(shape.random() < stretch.own)
        return replace(sessions(rng, turns, size, stretch, masked), own=own)


def sessions(rng: np.random.Generator, turns: int, size: tuple[int, int], stretch: Stretch, masked: bool) -> Sessions:
    """So many sessions that a batch is always of about one size."""
    count = max(2, stretch.pictures // (turns + 1) // (2 if masked else 1))
    kinds = HARD if rng.random() < stretch.hard else KINDS
    drawn = [draw_session(int(rng.integers(stretch.data)), turns, size, kinds=kinds) for _ in range(count)]
    told: list[Told] = []
    for n in range(turns):
        each = [one.turns[n] for one in drawn]
        said = ["" if rng.random() < stretch.words else turn.instruction for turn in each]
        pictures: dict[Task, np.ndarray] = {"picture": np.stack([turn.frames for turn in each])}
        if masked:
            here, there = (np.stack([shown(mask) for mask in masks])
                           for masks in zip(*((turn.mask_now, turn.mask_next) for turn in each)))  # fmt: skip
            pictures = {"here": here, "there": there, **pictures}
        told.append(Told(said, pictures, pointed=np.stack([pointed(turn) for turn in each])))
    return Sessions(np.stack([one.frames for one in drawn]), tuple(told))


def pointed(turn: RenderedTurn) -> np.ndarray:
    """Masks uint8 [K, T, Y, X]: what changes; what is there before; the things of the colour, of the shape and of the
    pattern that the words say; everything that stands in the picture, by colour, shape and pattern; where the thing
    that is meant stands afterwards, by its colour, shape, pattern and size; and what comes from which reference.

    Which thing is meant is learnt slowly from the one mask of it, and sooner when its traits are told one by one; and a
    thing is drawn as a cloud for as long as its place does not know what is to stand there.
    """
    now, then = turn.mask_now, turn.mask_next
    standing = [(one, turn.before.rendered.masks[one.key]) for one in turn.before.graph.things]
    said = set(turn.instruction.split())
    meant = [one for one, _ in standing if one.key == turn.turn.thing]
    found = [np.maximum(now, then), now]
    for trait in TRAITS:
        named = {getattr(one, trait) for one in meant} & said
        found.append(together([mask for one, mask in standing if getattr(one, trait) in named], now))
    drawn = [(one, then) for one in turn.after.graph.things if one.key == turn.turn.thing]
    found += [*by_trait(standing, TRAITS, now), *by_trait(drawn, DRAWN, now), *[0 * now] * BROUGHT]
    return np.round(255 * np.stack(found)).astype(np.uint8)


def pointed_composed(one: Composition) -> np.ndarray:
    """The same of a composition: nothing stands before it, and two things do afterwards, each from its reference."""
    then, nothing = np.maximum(*one.masks), np.zeros_like(one.masks[0])
    drawn = list(zip(one.graphs[3].things, one.masks, strict=True))
    found = [then, nothing, *[nothing] * len(TRAITS), *by_trait([], TRAITS, then), *by_trait(drawn, DRAWN, then)]
    found += one.masks
    return np.round(255 * np.stack(found)).astype(np.uint8)


def by_trait(
    things: list[tuple[Thing, np.ndarray]], traits: dict[str, tuple[str, ...]], like: np.ndarray
) -> list[np.ndarray]:
    """For every value of every trait, the masks of the things that have it."""
    return [
        together([mask for one, mask in things if getattr(one, trait) == value], like)
        for trait, values in traits.items()
        for value in values
    ]


def together(masks: list[np.ndarray], like: np.ndarray) -> np.ndarray:
    """All masks as one, shaped as `like`, of none too."""
    return sum(masks, np.zeros_like(like))


def composed(rng: np.random.Generator, size: tuple[int, int], stretch: Stretch) -> Sessions:
    """Two references each, whose things come together in one picture."""
    drawn = [draw_composition(int(rng.integers(stretch.data)), size) for _ in range(stretch.pictures // 3)]
    said = ["" if rng.random() < stretch.words else one.instruction for one in drawn]
    pictures = tuple(np.stack([one.references[n] for one in drawn]) for n in range(BROUGHT))
    answer: dict[Task, np.ndarray] = {"picture": np.stack([one.frames for one in drawn])}
    where = np.stack([pointed_composed(one) for one in drawn])
    return Sessions(np.stack([one.source for one in drawn]), (Told(said, answer, pictures, where),))


def story(rng: np.random.Generator, size: tuple[int, int], stretch: Stretch) -> Sessions:
    """Frames of a moving camera: each is predicted from those before it."""
    count, data = stretch.pictures // 4, stretch.data
    length = STEPS * APART + 1
    drawn = [draw_session(int(rng.integers(data)), 0, size, length).frames[::APART] for _ in range(count)]
    said = [str(rng.choice(NEXT)) for _ in drawn]
    turns = [Told(said, {"picture": np.stack([one[n : n + 1] for one in drawn])}) for n in range(1, STEPS + 1)]
    return Sessions(np.stack([one[:1] for one in drawn]), tuple(turns), story=True)
