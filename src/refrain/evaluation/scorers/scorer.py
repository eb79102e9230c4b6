"""What a scorer is: a measure of one answer, what it needs for that, and what it claims to judge.

A score is a number, or NaN with the reason why there is none; never a zero in place of a failure.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any, Literal, TypeVar

import numpy as np

from refrain.errors import BadInput
from refrain.evaluation.case import Case

T = TypeVar("T")


class Memo:
    """A clip's frames, and what was found of them, by name: flow and colours are found once for all who ask."""

    def __init__(self, frames: np.ndarray) -> None:
        self.frames = frames
        self._found: dict[str, Any] = {}

    def once(self, name: str, find: Callable[[], T]) -> T:
        """What is kept under a name; found now where it is asked for first."""
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]


@dataclass(frozen=True, eq=False)
class Material:
    """What lies before a scorer. Frames are uint8 [T, Y, X, 3], RGB; mattes float32 [T, Y, X] in 0..1.

    source, answer: before and after the edit. target: the true answer, where there is one. matte: the true place of the
    edit; found: where the editor says that it changed something. fps, answer_fps: of source and answer.
    case, turn: what was asked, turns from 1. earlier: answers to the turns before. references: what the instruction
    speaks of. These two are None where no scorer needs them. shared: what was found of the source, given where several
    answers have one; own: what was found of this answer.
    """

    source: np.ndarray
    answer: np.ndarray
    target: np.ndarray | None = None
    matte: np.ndarray | None = None
    found: np.ndarray | None = None
    fps: float | None = None
    answer_fps: float | None = None
    case: Case | None = None
    turn: int = 1
    earlier: tuple[np.ndarray, ...] | None = None
    references: tuple[np.ndarray, ...] | None = None
    shared: Memo = field(default=None)  # type: ignore[assignment] - never None after __post_init__
    own: Memo = field(init=False)

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The instructions of all turns up to this one; the last of them is what the answer answers."""
        return self.case.instructions[: self.turn] if self.case else None

    @property
    def caption(self) -> str | None:
        """What should be seen after this turn, where the benchmark says so."""
        return self.case.captions[self.turn - 1] if self.case and len(self.case.captions) >= self.turn else None

    @property
    def effect(self) -> str | None:
        """The rendered effect that was asked for; None of any other benchmark."""
        return self.case.extra.get("effect") if self.case else None

    def __post_init__(self) -> None:
        for name in ("source", "answer", "target"):
            frames = getattr(self, name)
            if frames is not None and (frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8):
                raise BadInput(f"The {name} is {frames.dtype} {list(frames.shape)}; frames are uint8 [T, Y, X, 3].")
        for name in ("matte", "found"):
            matte = getattr(self, name)
            if matte is not None and (matte.ndim != 3 or matte.shape != self.source.shape[:3]):
                raise BadInput(
                    f"The {name} is {list(matte.shape)}; it lies on the source, {list(self.source.shape[:3])}."
                )
        given: Memo | None = self.shared
        object.__setattr__(self, "own", Memo(self.answer))
        if given is None or given.frames is not self.source:
            object.__setattr__(self, "shared", Memo(self.source))


class Unscored(Exception):
    """Raised by a measure that has no value here; the sentence is the reason."""


@dataclass(frozen=True)
class Scorer:
    """A measure of one answer.

    id:     name and protocol, such as `psnr.background/strict`. means: its definition in one line, with units.
    better: which way. judges: what it claims to tell: the edit against a true target, the rest that should stay, the
            steadiness in time, the outer form, or whether anything was changed at all; how good a picture looks; or a
            likeness to the source, which is often published as fidelity and claims nothing here.
    needs:  what of `Material` besides source and answer. apart: whether answers of another length or size are taken.
    again:  whether what it could not score may be scored another day, as where a judge did not answer.
    rate:   whether it says 1 or 0 of every answer, so that its mean is a share.
    """

    id: str
    means: str
    better: Literal["high", "low"]
    judges: Literal["edit", "rest", "time", "form", "change", "looks", "likeness"]
    measure: Callable[[Material], float]
    needs: tuple[str, ...] = ()
    apart: bool = False
    again: bool = False
    rate: bool = False


@dataclass(frozen=True)
class Score:
    """What a scorer said of an answer; reason tells why value is NaN."""

    scorer: str
    value: float
    reason: str | None = None


def score(scorer: Scorer, material: Material) -> Score:
    """The score of an answer, or NaN and why."""
    missing = [name for name in scorer.needs if getattr(material, name) is None]
    if missing:
        lacking = "the editor's own matte was not kept" if missing[0] == "found" else f"the case has no {missing[0]}"
        return Score(scorer.id, nan, lacking)
    one, other = material.source.shape[:3], material.answer.shape[:3]
    if one != other and not scorer.apart:
        return Score(scorer.id, nan, f"the answer is {_told(other)}, the source {_told(one)}")
    if material.target is not None and "target" in scorer.needs and material.target.shape != material.answer.shape:
        return Score(scorer.id, nan, f"the answer is {_told(other)}, the target {_told(material.target.shape)}")
    try:
        value = scorer.measure(material)
    except Unscored as reason:
        return Score(scorer.id, nan, str(reason))
    return Score(scorer.id, value, "the measure is undefined here" if isnan(value) else None)


def _told(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} frames of {shape[2]}x{shape[1]}"
