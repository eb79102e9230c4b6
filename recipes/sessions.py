"""Teach the embedded model sessions: pictures and masks of several turns in one row, beside its video effects.

    python recipes/sessions.py runs/see --start runs/embedded/model --steps 9000 --export runs/see/model
    python recipes/sessions.py runs/draw --start runs/see/model --draw --steps 5900 --export runs/draw/model
    python recipes/sessions.py runs/pairs --start runs/embedded/model --turns 1        # single pairs, for comparison
    python recipes/sessions.py runs/full --start runs/embedded/model --rule full       # without a causal rule
    refrain train recipes/sessions.py runs/see --model runs/embedded/model

Hardware: one CPU core and 6 GB. Hours: about 1.2 s a step on one core; docs/quality.md has what so many steps came to.
From VINCIE (arXiv 2506.10941): the three tasks, all turns in one row, current picture dropped in 20 % and masks in 70 %
of contexts, masks present in 80 % of sessions (in the second stretch 30 %; in those of six turns never), words dropped
for guidance in 10 % (there never). Ours: everything else; above all two stretches, of which the first teaches what is
there and what is meant (`SEE`), the second to draw it (`DRAW`).
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from accelerate import PartialState
from embedded import AGAIN, CARD, FURTHER, SCENES, TIMES, Drawing, Pupil, ahead, pixels, said_and_meant, say, wrong_of
from embedded import Drawn as Pairs
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import Dataset

from refrain.data.effects import EFFECTS
from refrain.data.plates import Shelf
from refrain.data.sessions import (
    RenderedTurn,
    composed_words,
    draw_composition,
    draw_session,
    known_words,
    naming_words,
)
from refrain.data.sessions.graph import COLOURS, PATTERNS, SHAPES, SIZES
from refrain.data.sessions.turns import KINDS
from refrain.data.words import card_words, vocabulary
from refrain.editing.compose import Seen, see
from refrain.editing.turns import SAYING, Task
from refrain.models.embedded.new import REFERENCES
from refrain.models.protocols import Card
from refrain.training.checkpoint import NAME as STATE
from refrain.training.devices import processes
from refrain.training.lesson import Drops, Lesson, TaughtTurn, loss_of_lesson
from refrain.training.loop import Step, train
from refrain.training.recipe import Given
from refrain.training.stage import Stage

SEEN = 1_000_000  # sessions below this number are learnt from; the exam's are far above
WORDINGS, TAUGHT_WORDS = 60_000, 2900  # that the text encoder learns from, and for how many steps
TRAITS: dict[str, tuple[str, ...]] = {"colour": tuple(COLOURS), "shape": SHAPES, "pattern": PATTERNS}
DRAWN = {**TRAITS, "size": tuple(SIZES)}  # what there is to know of a thing before it can be drawn
POINTED = 2 + len(TRAITS) + sum(len(values) for traits in (TRAITS, DRAWN) for values in traits.values())  # (`pointed`)
CLOSELY = 2  # of these, part by part of a token: where it changes, and where what changes is now
TURNS = (1, 1, 2, 3, 4, 6)
HARD = ("add", "move", "resize", "background")  # kinds of turn of which much is drawn anew: shapes, grounds, patterns
MASKED = 5  # turns from which on a session has no masks: a row of them is three times as long
NEXT = ("show the next frame", "what comes next", "go on")  # said for a story
TELLING = ("next", "go on", "thing", "object", "shows")  # of stories and compositions, what says that they are such
OFFSETS = {"reference": (0.0, 0.0, 24.0), "mask": (0.0, 24.0, 0.0)}  # tokens; pictures are at most 12 wide here
WORDS = (*REFERENCES, *composed_words(), *known_words(), *" ".join((*NEXT, *SAYING.values())).replace(":", "").split())
KNOWN = tuple(dict.fromkeys((*vocabulary(), *sorted(word for word in WORDS if word.isalpha()))))  # sets have no order
TAUGHT: Card = replace(
    CARD,
    name="refrain-embedded-sessions",
    short_side=128,  # as it learns
    # what it adds close to the clean picture is mostly noise: few steps, all of them far from it, and no guidance
    sampling=replace(CARD.sampling, steps=4, guidance=1.0, shift=100.0),
    rule="block_causal",
    kinds=("text", "source", "reference", "mask", "answer", "target"),
    turns="edited",
    offsets=OFFSETS,
    understands=(
        "keep it as it is",
        "make it black and white",
        "turn it into night",
        "use sepia tones",
        "paint the ball red",
        "remove the star",
        "move the box to the left",
        "add a small blue heart at the top centre",
        "make the ring larger",
        "replace the background by a brick wall",
        "show the next frame",
        "add the object of <1> on the left and the object of <2> on the right",
    ),
    # of the effects that it learns beside, it draws too few: the other model has those
    content_words=tuple(sorted({*card_words(frozenset(EFFECTS) - {"keep"}).content, *naming_words(), *TELLING})),
    colour_words=(),
    refused_words=("dont", "never", "no", "not"),
)


DROPS = Drops(masks=0)  # the paper's; whether a session has masks is drawn with it (`Stretch.masks`)


@dataclass(frozen=True)
class Stretch:
    """What a stretch draws, and how it weighs it.

    effects, composed, story: their shares of the batches; all others are sessions. masks: the share of sessions that
    have them. hard: the share of sessions of `HARD` turns alone. words: how often what is said is dropped. times: shift
    and deviation of the noise times. floor: of `training.objective.wrong`. pointed: what pointing weighs (a mean over
    kinds). rate: of learning. sizes: rows and columns. pictures: of all sessions of a batch together, about.
    turns: of every session; 0: several. data: how many sessions there are.
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
    rate: float = FURTHER.rate
    sizes: tuple[tuple[int, int], ...] = ((96, 96), (96, 128), (128, 96), (128, 128))
    pictures: int = 24
    turns: int = 0
    data: int = SEEN


SEE = Stretch()
# An answer follows from the words and the picture, so it is drawn in a few steps from pure noise, and noise times are
# drawn where those steps are; times between are not met in use. The floor is a third of the power of one thing's going:
# weighed alike, masks, whose change is large, had taught three times as much as pictures. Words are not dropped, for no
# guidance is used. Where a cell of the picture lies among the tokens depends on how many there are, so it is learnt at
# the sizes at which pictures are edited. The rate lies between those of a model that begins (2e-3) and of one that goes
# on (1e-3).
DRAW = Stretch(effects=0, composed=0.15, story=0.05, masks=0.3, hard=0.5, words=0, times=(TAUGHT.sampling.shift, 1.2),
               floor=0.1, pointed=20.0, rate=1.5e-3, pictures=16,
               sizes=((128, 128), (128, 128), (128, 160), (160, 128)))  # fmt: skip


# -- batches -----------------------------------------------------------------------------------------------------------


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
    """B sessions of one shape."""

    source: np.ndarray
    turns: tuple[Told, ...]


class Lessons(Dataset["Sessions | Pairs"]):
    """Batch n of the run, drawn from (seed, n) alone: sessions, compositions, stories, and pairs of effects."""

    def __init__(self, shelf: Shelf, stage: Stage, stretch: Stretch, alike: int = 1) -> None:
        """alike: so many batches in turn are of one shape, that processes which share a step need not wait."""
        self.stage, self.stretch, self.alike = stage, stretch, alike
        self.pairs = Drawing(shelf, stage, 0.7)

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
            return self.pairs._drawn(number, shape.random() < 0.7)
        if kind < stretch.effects + stretch.composed:
            return composed(rng, size, stretch)
        if kind < stretch.effects + stretch.composed + stretch.story:
            return story(rng, size, stretch)
        turns = stretch.turns or int(shape.choice(TURNS))
        return sessions(rng, turns, size, stretch, turns < MASKED and bool(shape.random() < stretch.masks))


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
    pattern that the words say; everything that stands in the picture, by colour, shape and pattern; and where the thing
    that is meant stands afterwards, by its colour, shape, pattern and size.

    Which thing is meant is learnt slowly from the one mask of it, and sooner when its traits are told one by one; and a
    thing is drawn as a cloud for as long as its place does not know what is to stand there.
    """
    now, then = turn.mask_now, turn.mask_next
    things, masks = turn.before.graph.things, turn.before.rendered.masks
    said = set(turn.instruction.split())
    meant = [one for one in things if one.key == turn.turn.thing]

    def of(*alike: bool) -> np.ndarray:
        return sum((masks[one.key] for one, yes in zip(things, alike) if yes), np.zeros_like(now))

    found = [np.maximum(now, then), now]
    for trait in TRAITS:
        named = {getattr(one, trait) for one in meant} & said
        found.append(of(*(getattr(one, trait) in named for one in things)))
    for trait, values in TRAITS.items():
        found += [of(*(getattr(one, trait) == value for one in things)) for value in values]
    drawn = next((one for one in turn.after.graph.things if one.key == turn.turn.thing), None)
    for trait, values in DRAWN.items():
        found += [then if getattr(drawn, trait, None) == value else np.zeros_like(then) for value in values]
    return np.round(255 * np.stack(found)).astype(np.uint8)


def composed(rng: np.random.Generator, size: tuple[int, int], stretch: Stretch) -> Sessions:
    """Two references each, whose things come together in one picture."""
    drawn = [draw_composition(int(rng.integers(stretch.data)), size) for _ in range(stretch.pictures // 3)]
    said = ["" if rng.random() < stretch.words else one.instruction for one in drawn]
    pictures = tuple(np.stack([one.references[n] for one in drawn]) for n in range(2))
    answer: dict[Task, np.ndarray] = {"picture": np.stack([one.frames for one in drawn])}
    return Sessions(np.stack([one.source for one in drawn]), (Told(said, answer, pictures),))


def story(rng: np.random.Generator, size: tuple[int, int], stretch: Stretch) -> Sessions:
    """Frames of a moving camera: each is predicted from those before it."""
    count, data = stretch.pictures // 4, stretch.data
    drawn = [draw_session(int(rng.integers(data)), 0, size, 25).frames[::8] for _ in range(count)]  # 4 frames
    said = [str(rng.choice(NEXT)) for _ in drawn]
    turns = [Told(said, {"picture": np.stack([one[n : n + 1] for one in drawn])}) for n in (1, 2, 3)]
    return Sessions(np.stack([one[:1] for one in drawn]), tuple(turns))


def shown(mask: np.ndarray) -> np.ndarray:
    """A mask [T, Y, X] as a picture uint8 [T, Y, X, 3], white where it is 1."""
    return np.repeat(np.round(mask * 255).astype(np.uint8)[..., None], 3, axis=-1)


def lesson_of(pupil: Pupil, drawn: Sessions) -> Lesson:
    """What was drawn, as the model learns it."""

    def seen(clip: np.ndarray) -> Seen:
        return see(pupil.codec, pixels(clip).to(pupil.place), pupil.denoiser.card)

    def turn(told: Told) -> TaughtTurn:
        words: dict[Task, Tensor] = {
            task: pupil.says([SAYING[task].format(said) if said else "" for said in told.said])
            for task in told.pictures
        }
        found: dict[Task, Seen] = {task: seen(clip) for task, clip in told.pictures.items()}
        pictures = tuple(seen(clip).full for clip in told.references)
        where = None if told.pointed is None else torch.from_numpy(told.pointed).to(pupil.place).float() / 255
        return TaughtTurn(words, found, pictures, where)

    with torch.no_grad():
        return Lesson(seen(drawn.source), tuple(turn(told) for told in drawn.turns))


def meant(seed: int) -> tuple[str, set[str]]:
    """A wording of an effect, of a turn, of a mask or of a composition, and the facts that it stands for."""
    return _meant(seed % WORDINGS)


@cache
def _meant(seed: int) -> tuple[str, set[str]]:
    rng = np.random.default_rng((seed, 307))
    if rng.random() < 0.45:
        return said_and_meant(seed)
    if rng.random() < 0.1:
        one = draw_composition(seed % SEEN, (32, 32))
        return one.instruction, {"compose", f"compose {np.argmax([m[:, :, :16].mean() for m in one.masks])}"}
    turn = draw_session(seed % SEEN, 1, (32, 32)).turns[0]
    facts = {turn.kind, f"{turn.kind} {turn.turn.value}"}
    # the thing as it is called: one that is painted anew is found by the colour that it had
    about = next(
        (one for one in (*turn.before.graph.things, *turn.after.graph.things) if one.key == turn.turn.thing), None
    )
    for trait in () if about is None else ("shape", "colour", "pattern"):
        if getattr(about, trait) in turn.instruction.split():
            facts.add(f"thing {getattr(about, trait)}")
    task: Task = rng.choice(["picture", "picture", "here", "there"])
    return SAYING[task].format(turn.instruction), {*facts, f"task {task}"}


# -- the run -----------------------------------------------------------------------------------------------------------


def run(
    given: Given, turns: int = 0, rule: str = "block_causal", data: int = SEEN, draw: bool = False, export: str = ""
) -> None:
    """turns: of every session; 0: several. rule: `block_causal` or `full`. data: how many sessions there are.

    draw: the second stretch, which goes on from a model of the first.
    """
    stretch = replace(DRAW if draw else SEE, turns=turns, data=data)
    released = None if given.model is None else Path(given.model)
    stage = stage_of(stretch, given.steps or FURTHER.steps)
    main(
        given.folder, stage, released, Path(export) if export else None, replace(TAUGHT, rule=rule), stretch, given.step
    )


def stage_of(stretch: Stretch, steps: int) -> Stage:
    """So many steps of a stretch."""
    return replace(FURTHER, steps=steps, rate=stretch.rate, drop=stretch.words)


def main(
    folder: Path, stage: Stage, released: Path | None, export: Path | None, card: Card = TAUGHT, stretch: Stretch = SEE,
    heard: Callable[[Step], None] = say,
) -> None:  # fmt: skip
    shelf = Shelf(folder / "scenes", SCENES)
    if stretch.effects or released is None:  # without effects nothing is drawn from it, and a start has a codec
        shelf.fill()
    crew = processes()
    with PartialState().main_process_first():
        pupil = Pupil.new(folder, shelf, released, card, KNOWN, meant, TAUGHT_WORDS, (POINTED, CLOSELY))
    pupil.pointing.weight = stretch.pointed
    if released is not None:
        point_on(pupil, released.parent / STATE)
    lessons = Lessons(shelf, stage, stretch, crew.count)

    def wrong(drawn: Sessions | Pairs, generator: torch.Generator) -> Tensor:
        with torch.autocast(pupil.place.type, torch.bfloat16):
            if isinstance(drawn, Pairs):
                return wrong_of(pupil, drawn, generator)
            lesson = lesson_of(pupil, drawn)
            return loss_of_lesson(
                pupil.denoiser,
                lesson,
                generator,
                stretch.times,
                DROPS,
                pointing=pupil.pointing,
                floor=stretch.floor,
            )

    cause = {"rule": card.rule, "stretch": str(stretch)}
    average = train(pupil.named, lambda numbers: ahead(lessons, numbers), wrong, stage, folder, heard, cause)
    if export is not None and crew.first:
        pupil.export(export, average.shadow)


def point_on(pupil: Pupil, state: Path) -> None:
    """Go on pointing as the run did that a model came of, where its state lies beside it still."""
    found = load_file(state) if state.is_file() else {}
    with torch.no_grad():
        for name, p in pupil.pointing.named().items():
            before = found.get(f"average/{name}")
            if before is not None:
                p[: len(before)] = before[: len(p)]  # what is pointed at is only ever added to


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=Path, help="the model to learn on from")
    parser.add_argument("--draw", action="store_true", help="the second stretch: noise times near 1, no effects")
    parser.add_argument("--steps", type=int, default=FURTHER.steps)
    parser.add_argument("--turns", type=int, default=0, help="turns of every session; 0: of several lengths")
    parser.add_argument("--rule", choices=("block_causal", "full"), default="block_causal")
    parser.add_argument("--data", type=int, default=SEEN, help="how many sessions there are to learn from")
    parser.add_argument("--export", type=Path)
    given = parser.parse_args()
    stretch = replace(DRAW if given.draw else SEE, turns=given.turns, data=given.data)
    card = replace(TAUGHT, rule=given.rule)
    main(given.folder, stage_of(stretch, given.steps), given.start, given.export, card, stretch)
