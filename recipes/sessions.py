"""Teach the embedded model sessions: pictures and masks of several turns in one row, beside its video effects.

    python recipes/sessions.py runs/see --start runs/embedded/model --steps 9000 --export runs/see/model
    python recipes/sessions.py runs/draw --start runs/see/model --draw --steps 13000 --export runs/draw/model
    python recipes/sessions.py runs/pairs --start runs/embedded/model --turns 1        # single pairs, for comparison
    python recipes/sessions.py runs/full --start runs/embedded/model --rule full       # without a causal rule
    refrain train recipes/sessions.py runs/see --model runs/embedded/model

Hardware: a CPU core and 6 GB a process; several share a step with `torchrun --nproc_per_node 2 --` for `python`.
Hours: 1.2 s a step on one core, 1.5 s on two, which learn twice as much; docs/quality.md has what steps came to.
From VINCIE (arXiv 2506.10941): the three tasks, all turns in one row, current picture dropped in 20 % and masks in 70 %
of contexts, masks present in 80 % of sessions (in the second stretch 30 %; in those of six turns or ten never), words
dropped for guidance in 10 % (there never). Ours: everything else; above all two stretches, of which the first teaches
what is there and what is meant (`SEE`), the second to draw it (`DRAW`).
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from embedded import CARD, FURTHER, SCENES, Pupil, ahead, pixels, said_and_meant, say, wrong_of
from embedded import Drawn as Pairs
from safetensors.torch import load_file
from session_lessons import CLOSELY, NEXT, POINTED, SEEN, Lessons, Sessions, Stretch, Told
from text_encoder import Before, Wording
from torch import Tensor

from refrain.data.effects import EFFECTS
from refrain.data.plates import Shelf
from refrain.data.sessions import composed_words, draw_composition, draw_session, known_words, naming_words
from refrain.data.sessions.phrases import SIDES
from refrain.data.words import card_words, vocabulary
from refrain.editing.compose import Seen, see
from refrain.editing.turns import SAYING, Task
from refrain.models.embedded.codec import LinearCodec
from refrain.models.embedded.new import REFERENCES, new_tokenizer
from refrain.models.protocols import Card
from refrain.training.checkpoint import NAME as STATE
from refrain.training.devices import processes
from refrain.training.lesson import Drops, Lesson, TaughtTurn, loss_of_lesson
from refrain.training.loop import Step, train
from refrain.training.objective import Weighing
from refrain.training.recipe import Given
from refrain.training.rollout import rolled_out
from refrain.training.stage import Stage
from refrain.training.story import told_on

WORDINGS, TAUGHT_WORDS = 60_000, 2900  # that the text encoder learns from, and for how many steps
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
    moves_on=True,
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
SEE = Stretch()
# An answer follows from the words and the picture, so it is drawn in a few steps from pure noise, and noise times are
# drawn where those steps are; times between are not met in use. The floor is a third of the power of one thing's
# going: weighed alike, masks, whose change is large, had taught three times as much as pictures. What the change
# lacks is measured in pixels: of what it lacked in latents, brightness and colours had a tenth. Words are not
# dropped, for no guidance is used. Of the weight of pointing, kinds have about 6 and parts of tokens 4. Where a cell
# of the picture lies among the tokens depends on how many there are, so it is learnt at the sizes at which pictures
# are edited. In use a turn edits an answer, not the truth, so most of the lessons of several turns meet the model's
# own. The rate lies between those of a model that begins (2e-3) and of one that goes on (1e-3).
DRAW = Stretch(effects=0, composed=0.1, story=0.1, masks=0.3, hard=0.5, words=0, times=(TAUGHT.sampling.shift, 1.2),
               floor=0.03, pointed=10.0, own=0.7, rate=1.5e-3, pictures=16,
               sizes=((128, 128), (128, 128), (128, 160), (160, 128)))  # fmt: skip


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


def meant(seed: int) -> Wording:
    """A wording of an effect, of a turn, of a mask or of a composition."""
    return _meant(seed % WORDINGS)


@cache
def _meant(seed: int) -> Wording:
    rng = np.random.default_rng((seed, 307))
    if rng.random() < 0.45:
        return said_and_meant(seed)
    if rng.random() < 0.3:
        one = draw_composition(seed % SEEN, (32, 32))
        leading = 0 if one.sides[0] in ("left", "top") else 1
        return Wording(one.instruction, frozenset({"compose", f"compose {leading}"}), whereabouts(one.sides))
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
    return Wording(SAYING[task].format(turn.instruction), frozenset({*facts, f"task {task}"}))


def whereabouts(sides: tuple[str, str]) -> dict[str, str]:
    """Of the words of a composition those that name a reference say where it goes; those that name a place, what does.

    sides: where <1> and <2> go.
    """
    said: dict[str, str] = {}
    for reference, side in zip(REFERENCES, sides, strict=False):
        elsewhere = {word for other in SIDES if other != side for words in SIDES[other] for word in words.split()}
        places = {word for words in SIDES[side] for word in words.split()} - elsewhere
        said |= {reference: f"goes to the {side}", **dict.fromkeys(places, f"holds {reference}")}
    return said


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


def weighing_of(stretch: Stretch, codec: LinearCodec) -> Weighing | None:
    """How a stretch weighs what changes lack: with a floor, in pixels."""
    return None if stretch.floor is None else Weighing(stretch.floor, codec.worth)


def main(
    folder: Path, stage: Stage, released: Path | None, export: Path | None, card: Card = TAUGHT, stretch: Stretch = SEE,
    heard: Callable[[Step], None] = say,
) -> None:  # fmt: skip
    shelf = Shelf(folder / "scenes", SCENES)
    if stretch.effects or released is None:  # without effects nothing is drawn from it, and a start has a codec
        shelf.fill()
    crew = processes()
    with PartialState().main_process_first():
        if released is not None:
            words_on(folder, released)
        pupil = Pupil.new(folder, shelf, released, card, KNOWN, meant, TAUGHT_WORDS, (POINTED, CLOSELY))
    pupil.pointing.weight = stretch.pointed
    if released is not None:
        point_on(pupil, released.parent / STATE)
    lessons = Lessons(shelf, stage, stretch, crew.count)
    weighing = weighing_of(stretch, pupil.codec)

    def wrong(drawn: Sessions | Pairs, generator: torch.Generator) -> Tensor:
        with torch.autocast(pupil.place.type, torch.bfloat16):
            if isinstance(drawn, Pairs):
                return wrong_of(pupil, drawn, generator)
            lesson = lesson_of(pupil, drawn)
            if drawn.story:
                lesson = told_on(pupil.denoiser, pupil.codec, lesson, generator, drawn.own)
            elif drawn.own:
                lesson = rolled_out(pupil.denoiser, pupil.codec, lesson, generator)
            return loss_of_lesson(
                pupil.denoiser,
                lesson,
                generator,
                stretch.times,
                DROPS,
                pointing=pupil.pointing,
                weighing=weighing,
            )

    cause = {"rule": card.rule, "stretch": str(stretch)}
    average = train(pupil.named, lambda numbers: ahead(lessons, numbers), wrong, stage, folder, heard, cause)
    if export is not None and crew.first:
        pupil.export(export, average.shadow)


def words_on(folder: Path, released: Path) -> None:
    """Keep the text encoder of a start that knows the words of sessions already."""
    before, aside = Before.load(released), folder / "words.part"
    if (folder / "words").is_dir() or before.tokenizer.get_vocab() != new_tokenizer(KNOWN).get_vocab():
        return
    before.encoder.save_pretrained(aside)
    before.tokenizer.save_pretrained(aside)
    aside.rename(folder / "words")


def point_on(pupil: Pupil, state: Path) -> None:
    """Go on pointing as the run did that a model came of, where its state lies beside it still."""
    found = load_file(state) if state.is_file() else {}
    with torch.no_grad():
        for name, p in pupil.pointing.named().items():
            before = found.get(f"average/{name}")
            if before is not None and before.shape == p.shape:  # it pointed at the same things
                p.copy_(before)


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
