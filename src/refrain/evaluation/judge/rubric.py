"""How a benchmark has its answers judged: which pictures, which questions, and what figures come of the answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from refrain.evaluation.scorers.scorer import Material, Unscored

from .question import Picture, Question

Axes = Mapping[str, float]


@dataclass(frozen=True)
class Figure:
    """A number that comes of a judgement, higher is better. judges: as a scorer's."""

    name: str
    means: str
    judges: Literal["edit", "rest", "looks"]


@dataclass(frozen=True)
class Rubric:
    """A benchmark's questions to a judge.

    id:        benchmark and wording, such as `msebench/ours-1`: words of ours, after what is published of the rubric;
               one that keeps quirks of the published scorer says `compat`.
    source:    where the rubric is described. sees: which pictures are sent, in words.
    questions: the material of one turn -> one question or more, judged apart. Raises Unscored.
    figures:   what comes of it; count: the axes of every question -> each figure, NaN where it has none.
    needs:     as a scorer's. stops: whether a session ends at a turn with these figures; None where it never does.
    """

    id: str
    source: str
    sees: str
    questions: Callable[[Material], Sequence[Question]]
    figures: tuple[Figure, ...]
    count: Callable[[Sequence[Axes]], Axes]
    needs: tuple[str, ...] = ("case",)
    stops: Callable[[Axes], bool] | None = None


def asked(material: Material) -> str:
    """The instruction that is judged."""
    assert material.asked
    return material.asked[-1]


def spaced(length: int, many: int) -> list[int]:
    """At most `many` frames of a clip, each from the middle of its share: ⌊(i + ½)·n/k⌋."""
    many = min(many, length)
    return [(2 * i + 1) * length // (2 * many) for i in range(many)]


def meanwhile(material: Material, frame: int) -> int:
    """The source's frame at the time of a frame of the answer; by the share of the clip where a rate is not known."""
    source, answer = len(material.source), len(material.answer)
    if material.fps and material.answer_fps:
        found = round(frame / material.answer_fps * material.fps)
    else:
        found = frame if source == answer else round(frame * (source - 1) / max(1, answer - 1))
    return min(found, source - 1)


def both(material: Material, many: int) -> tuple[Picture, ...]:
    """Frames of the source, then the answer's at the same times."""
    chosen = spaced(len(material.answer), many)
    before = [
        Picture(_told("the source", n, chosen, material.source), material.source[meanwhile(material, at)])
        for n, at in enumerate(chosen, 1)
    ]
    return (*before, *after(material, many))


def after(material: Material, many: int) -> tuple[Picture, ...]:
    """Frames of the answer."""
    chosen = spaced(len(material.answer), many)
    return tuple(
        Picture(_told("the edited result", n, chosen, material.answer), material.answer[at])
        for n, at in enumerate(chosen, 1)
    )


def references(material: Material, many: int = 1) -> tuple[Picture, ...]:
    """Frames of what the instruction refers to."""
    return tuple(
        Picture(f"reference {n}" + (f", frame {k}" if len(frames) > 1 else ""), frames[at])
        for n, frames in enumerate(material.references or (), 1)
        for k, at in enumerate(spaced(len(frames), many), 1)
    )


def single(material: Material) -> None:
    """Raise Unscored where source or answer is a clip; a rubric of pictures would see its first frame only."""
    if len(material.source) > 1 or len(material.answer) > 1:
        raise Unscored("this judge looks at pictures, and the source or the answer is a clip")


def swapped(picture: Picture) -> Picture:
    """The picture with red and blue exchanged, as EditVerse's published judge sees it."""
    return replace(picture, pixels=np.ascontiguousarray(picture.pixels[..., ::-1]))


def _told(what: str, number: int, chosen: Sequence[int], clip: np.ndarray) -> str:
    return what if len(clip) == 1 and len(chosen) == 1 else f"{what}, frame {number} of {len(chosen)}"
