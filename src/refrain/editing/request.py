"""What a user asks for, what comes back, and whether the model can understand the words."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from refrain.attention import Spec
from refrain.errors import BadInput
from refrain.media import Clip
from refrain.models.outline import INSIDE, Outline
from refrain.models.protocols import Card

LONGEST = 1000  # characters of an instruction
SEEDS = 2**63


@dataclass(frozen=True)
class EffectUse:
    """One LoRA in an edit.

    path:   its file. weight: how strongly it counts; 1 is as trained.
    box:    x0, y0, x1, y1 in shares of the frame, 0..1; span: from, to in seconds of the source. It works there alone,
            and what it says there is heard in place of the instruction.
    words:  these; with a box or a span the sentence that the file knows, unless given. Without any of the three the
            instruction is heard, as everywhere.
    """

    path: str | Path
    weight: float = 1.0
    box: tuple[float, float, float, float] | None = None
    span: tuple[float, float] | None = None
    words: str | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight):
            raise BadInput(f"An effect's weight is a number, 1 as trained, not {self.weight}.")
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
                said = ",".join(f"{side:g}" for side in self.box)
                raise BadInput(
                    f"An effect's box is x0,y0,x1,y1 in shares of the frame, from 0 to 1 and growing, not {said}."
                )
        if self.span is not None and not 0 <= self.span[0] < self.span[1]:
            raise BadInput(f"An effect's time is from before to, in seconds, not {self.span[0]:g} to {self.span[1]:g}.")
        if self.words is not None:
            check_words(self.words)

    @property
    def confined(self) -> bool:
        """Whether it is kept to a part of the clip, or says words of its own."""
        return not (self.box is None and self.span is None and self.words is None)


@dataclass(frozen=True, eq=False)
class Edit:
    """One edit. What is None is the checkpoint's own choice.

    instruction: what to change, in words.
    source:      the clip or picture.
    references:  pictures that the words speak of.
    bound:       a soft mask [T or 1, 1, Y, X] in 0..1 of the source's size: nothing changes where it is 0.
    seed, steps, guidance: as everywhere. short_side: pixels of the shorter side at which the model edits.
    start, stop: the stretch to edit, in seconds; trim: return only that stretch.
    preserve:    put the source back where nothing changed; False gives the model's own picture, enlarged.
    attention:   how the rule is computed; None is the editor's choice.
    effects:     LoRAs, each perhaps in a part of the clip; any_base: also such as were trained on another base.
    """

    instruction: str
    source: Clip
    references: tuple[Clip, ...] = ()
    bound: Tensor | None = None
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    short_side: int | None = None
    start: float | None = None
    stop: float | None = None
    trim: bool = False
    preserve: bool = True
    attention: Spec | None = None
    effects: tuple[EffectUse, ...] = ()
    any_base: bool = False

    def __post_init__(self) -> None:
        check_words(self.instruction)
        if not 0 <= self.seed < SEEDS:
            raise BadInput(f"The seed must be a whole number from 0 to 2^63 - 1, not {self.seed}.")
        if self.steps is not None and self.steps < 1:
            raise BadInput(f"The number of steps must be 1 or more, not {self.steps}.")
        if self.guidance is not None and not (math.isfinite(self.guidance) and self.guidance >= 0):
            raise BadInput(f"Guidance must be a number from 0 upwards, not {self.guidance}; 2 to 5 are usual.")
        check_side(self.short_side)


@dataclass(frozen=True)
class Progress:
    """How far a stage of an edit is: `stage` is `encode`, `denoise` or `compose`.

    look: while something is drawn, what it would come to if it stopped here: a frame or a few from the middle of what
    is drawn at once, [n, 3, y, x] in [-1, 1] at the model's size. Only a call decodes them; call it while you are told.
    """

    stage: str
    done: int
    total: int
    look: Callable[[], Tensor] | None = field(default=None, compare=False, repr=False)


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class Result:
    """What an edit gives.

    clip:   the edited clip, of the source's size, length, times and sound.
    change: the soft matte [T, 1, y, x] of what was changed, at the model's size.
    record: the cause: request, sampling, weights, versions, timings; ready to be written as JSON.
    """

    clip: Clip
    change: Tensor
    record: dict[str, Any] = field(default_factory=dict[str, Any])


def check_side(pixels: int | None) -> None:
    """BadInput for a shorter side at which no model edits."""
    if pixels is not None and not 32 <= pixels <= 4096:
        raise BadInput(f"The model's size must be 32 to 4096 pixels, not {pixels}.")


def check_words(instruction: str) -> None:
    """An instruction must say something, and not a book."""
    if not instruction.strip():
        raise BadInput('The instruction is empty; say what to change, for example "make it snow".')
    if len(instruction) > LONGEST:
        raise BadInput(f"The instruction has {len(instruction)} characters; say it in {LONGEST} or fewer.")


def understood(instruction: str, card: Card, vocabulary: frozenset[str]) -> bool:
    """Whether the words ask for something that the checkpoint knows; one that states no list knows everything."""
    if not card.content_words:
        return True
    said = words_in(instruction)
    rest = f" {' '.join(said)} "
    phrases = [phrase for phrase in card.content_words if " " in phrase and f" {phrase} " in rest]
    for phrase in sorted(phrases, key=len, reverse=True):
        rest = rest.replace(f" {phrase} ", " ")  # "take the colours away": what a phrase holds is not refused
    if set(card.refused_words) & set(rest.split()):
        return False
    if phrases:
        return True
    named = set(said) & set(card.content_words)
    coloured = set(said) & set(card.colour_words) and set(said) <= vocabulary
    return bool(named or coloured)


def words_in(text: str) -> list[str]:
    """The words of a text: lower case, apostrophes dropped, all that is no letter between them."""
    return re.findall(r"[a-z]+", text.lower().replace("'", "").replace("\u2019", ""))


def require_understood(
    instruction: str, card: Card, vocabulary: frozenset[str], triggers: tuple[str, ...] = ()
) -> None:
    """Raise BadInput, listing what the checkpoint can do, for an instruction that it does not understand.

    triggers: what the effects in use understand besides, word by word or as phrases.
    """
    plain = f" {' '.join(words_in(instruction))} "
    if any(f" {' '.join(words_in(trigger))} " in plain for trigger in triggers if words_in(trigger)):
        return
    if not understood(instruction, card, vocabulary):
        can = "; ".join(f'"{wording}"' for wording in card.understands)
        raise BadInput(
            f'{card.name} does not understand "{instruction}"; it can do, in these words or others: {can}.'
            f"{_elsewhere(instruction, card)}"
        )


def _elsewhere(instruction: str, card: Card) -> str:
    """Which model that comes with the package would understand, as a sentence; nothing where none would."""
    for name, folder in INSIDE.items():
        if not folder.is_dir():
            continue  # a package without it
        one = Outline.of(name)
        if one.card.name != card.name and understood(instruction, one.card, one.vocabulary):
            return f" The model {name} understands it: --model {name}."
    return ""
