"""Two more parts of the exam of sessions: pictures composed of two references, and stories, which go on.

A composition is right where the things of <1> and <2> stand where they were asked to and the rest is the source's
(`judge.judge_composition`). A story shows a picture and asks three times for what comes next; an answer is
right where it lies nearer to the true next frame than the true frame before it does: it went on, and the right way.
Which way a camera goes no single picture tells, so each frame but the first is asked once more after the true ones, and
is to lie nearer than any blur of the frame before: blurred, that one comes nearer to whatever may follow. Beside them
stands what optical flow makes of the true frames with no model at all (`editing.motion`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from refrain.data.sessions import Composition, draw_composition, draw_session
from refrain.editing.motion import carried_on
from refrain.errors import RefrainError
from refrain.evaluation.frames import as_bytes
from refrain.evaluation.sessions.exam import FIRST, picture_of, way_told
from refrain.evaluation.sessions.judge import continues, judge_composition, moves, way
from refrain.evaluation.shade import shade
from refrain.evaluation.statistics import wilson

if TYPE_CHECKING:
    from refrain.editing.editor import Editor

NEXT, STEPS, APART = "go on", 3, 8  # what a story asks, how often, and frames from picture to picture


@dataclass(frozen=True)
class Story:
    """A moving camera, every eighth frame: uint8 [4, Y, X, 3]. The first is shown, the others are asked for."""

    seed: int
    frames: np.ndarray


@dataclass(frozen=True)
class Composed:
    """What came of a composition; way: from the bare background to the true answer, where the things stand
    (`judge.way`). refused: why there is no answer.
    """

    seed: int
    done: bool
    kept: bool
    seen_as: str
    residue: float = nan
    rest: float = nan
    refused: str = ""
    way: float = nan

    @property
    def right(self) -> bool:
        return self.done and self.kept


@dataclass(frozen=True)
class Told:
    """What came of a story: whether each next frame went on, and how much of the way from the true frame before it to
    the true one (`judge.way`); refused: why it ended early. after, after_ways: the same from the second frame on, asked
    after the true frames instead of the model's own; moved: whether those lie nearer than every blur too. flow_moved,
    flow_ways: the same of the last true frame, carried on by optical flow.
    """

    seed: int
    right: tuple[bool, ...]
    refused: str = ""
    ways: tuple[float, ...] = ()
    after: tuple[bool, ...] = ()
    after_ways: tuple[float, ...] = ()
    moved: tuple[bool, ...] = ()
    flow_moved: tuple[bool, ...] = ()
    flow_ways: tuple[float, ...] = ()


Compose = Callable[[Composition], np.ndarray]  # the answer, uint8 [1, Y, X, 3]
GoOn = Callable[[Story, int], np.ndarray]  # the answer to step n, from 1


def compositions(each: int, size: tuple[int, int]) -> Iterator[tuple[int, Composition]]:
    """The first `each` compositions of the exam, with their seeds."""
    for seed in range(FIRST, FIRST + each):
        yield seed, draw_composition(seed, size)


def stories(each: int, size: tuple[int, int]) -> Iterator[Story]:
    """The first `each` stories of the exam."""
    for seed in range(FIRST, FIRST + each):
        yield Story(seed, draw_session(seed, 0, size, STEPS * APART + 1).frames[::APART])


def digest(questions: Iterable[np.ndarray | str]) -> str:
    """A hash of words and of the shades of pictures (`shade`): sixteen hexadecimal digits."""
    total = hashlib.sha256()
    for one in questions:
        total.update(one.encode() if isinstance(one, str) else shade(one))
    return total.hexdigest()[:16]


def sit_composition(answer: Compose, seed: int, asked: Composition) -> Composed:
    """Ask for one composition and judge it."""
    try:
        made = answer(asked)
        found = judge_composition(made, asked)
    except RefrainError as error:
        return Composed(seed, False, False, "(refused)", refused=str(error))
    gone = way(made, asked.frames, asked.source, np.maximum(*asked.masks) > 0)
    return Composed(seed, found.done, found.kept, found.seen_as, found.residue, found.rest, way=gone)


def sit_story(own: GoOn, after: GoOn, story: Story) -> Told:
    """Ask a story to its end, each frame after the model's own last one, and then after the true ones."""
    one, other, flow = _asked(own, story, 1), _asked(after, story, 2), _asked(by_flow, story, 2)
    refused = one.refused or other.refused
    return Told(story.seed, one.on, refused, one.ways, other.on, other.ways, other.moved, flow.moved, flow.ways)


def by_flow(story: Story, step: int) -> np.ndarray:
    """The true frame before this one, moved on as those before it moved: uint8 [1, Y, X, 3]."""
    found = carried_on(list(story.frames[:step]))
    return story.frames[step - 1 : step] if found is None else found[None]


@dataclass(frozen=True)
class _Asked:
    """Of each frame: whether it went on, and moved on (`judge.moves`), and its way; why the later ones did not."""

    on: tuple[bool, ...]
    moved: tuple[bool, ...]
    ways: tuple[float, ...]
    refused: str = ""


def _asked(answer: GoOn, story: Story, first: int) -> _Asked:
    """Ask for the frames from this one on."""
    on, moved, ways = list[bool](), list[bool](), list[float]()
    everywhere = np.ones((1, *story.frames.shape[1:3]), bool)
    for step in range(first, STEPS + 1):
        try:
            made = answer(story, step)
        except RefrainError as error:
            never = (False,) * (STEPS + 1 - step)
            return _Asked((*on, *never), (*moved, *never), tuple(ways), str(error))
        last, truth = story.frames[step - 1 : step], story.frames[step : step + 1]
        on.append(continues(made, last, truth))
        moved.append(moves(made, last, truth))
        ways.append(way(made, truth, last, everywhere))
    return _Asked(tuple(on), tuple(moved), tuple(ways))


# -- who answers -------------------------------------------------------------------------------------------------------


def composed_in(editor: "Editor", folder: Path, choices: dict[str, Any]) -> Compose:
    """The answers of a model in sessions of one turn, kept in folders of their own."""
    from refrain.editing.session.session import Session

    numbers = count()

    def answer(asked: Composition) -> np.ndarray:
        place = folder / f"composition {next(numbers)}"
        held = Session.create(place, picture_of(asked.source), editor, min(asked.source.shape[1:3]))
        pictures = tuple(map(picture_of, asked.references))
        return as_bytes(held.ask(asked.instruction, references=pictures, **choices).clip.frames)

    return answer


def told_in(editor: "Editor", folder: Path, choices: dict[str, Any]) -> GoOn:
    """The answers of a model in a session that goes on, kept in folders of their own."""
    from refrain.editing.session.session import Session

    def answer(story: Story, step: int) -> np.ndarray:
        place, shown = folder / f"story {story.seed}", story.frames[:1]
        held = (
            Session.create(place, picture_of(shown), editor, min(shown.shape[1:3]))
            if step == 1
            else Session.open(place, editor)
        )
        return as_bytes(held.ask(NEXT, story=True, **choices).clip.frames)

    return answer


def told_after(editor: "Editor", folder: Path, choices: dict[str, Any]) -> GoOn:
    """The answers of a model that goes on from a clip of the true frames."""
    from refrain.editing.session.session import Session

    def answer(story: Story, step: int) -> np.ndarray:
        shown = story.frames[:step]
        place = folder / f"story {story.seed} after {step}"
        held = Session.create(place, picture_of(shown), editor, min(shown.shape[1:3]))
        return as_bytes(held.ask(NEXT, frame=step - 1, story=True, **choices).clip.frames)

    return answer


# -- what is told ------------------------------------------------------------------------------------------------------


def report(composed: Sequence[Composed], told: Sequence[Told]) -> str:
    """Markdown: shares with Wilson's intervals, and ways, of compositions and of every step of stories; "" of none."""
    rows: list[tuple[str, Sequence[bool], Sequence[float], str]] = []  # name, right, ways, taken for
    if composed:
        ways = [one.way for one in composed]
        rows.append(("composition: composed", [one.right for one in composed], ways, _often(composed)))
        rows.append(("composition: done", [one.done for one in composed], [], ""))
        rows.append(("composition: kept", [one.kept for one in composed], [], ""))
    for step in range(STEPS if told else 0):
        ways = [one.ways[step] if step < len(one.ways) else nan for one in told]
        rows.append((f"story: frame {step + 1} goes on", [one.right[step] for one in told], ways, ""))
    for step in range(STEPS - 1 if told else 0):
        ways = [one.after_ways[step] if step < len(one.after_ways) else nan for one in told]
        rows.append((f"story: frame {step + 2}, after the true ones", [one.after[step] for one in told], ways, ""))
        rows.append((f"story: frame {step + 2}, nearer than a blur", [one.moved[step] for one in told], [], ""))
        ways, flow = [one.flow_ways[step] for one in told], [one.flow_moved[step] for one in told]
        rows.append((f"story: frame {step + 2}, the same by flow alone", flow, ways, ""))
    if not rows:
        return ""
    refused = sorted({one.refused for one in (*composed, *told) if one.refused})
    head = ["| part | asked | share | 95 % | way | 95 % | taken for |", f"|{' --- |' * 7}"]
    return "\n".join([*head, *(_row(*row) for row in rows), *(f"\nrefused: {why}" for why in refused[:5])])


def _row(name: str, right: Sequence[bool], ways: Sequence[float], often: str) -> str:
    low, high = wilson(sum(right), len(right))
    gone = way_told(ways, [str(n) for n in range(len(ways))])
    return f"| {name} | {len(right)} | {sum(right) / len(right):.3f} | {low:.3f} to {high:.3f} | {gone} | {often} |"


def _often(composed: Sequence[Composed]) -> str:
    wrong = [one.seen_as for one in composed if one.seen_as != "done"]
    return ", ".join(sorted(set(wrong), key=lambda name: (-wrong.count(name), name))[:3])
