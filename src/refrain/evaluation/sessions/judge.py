"""An exact judge of rendered sessions: it knows the scene graph, compares pixels, and never saw a model.

A turn is done where the answer lies nearer to the true answer than to every rival: the picture unchanged, the object in
each other colour, size, shape, pattern or place, other backgrounds, other looks. Nearness is measured between pictures
a little blurred, so that a codec's loss does not count, and only where truth and rival differ. A turn is kept where the
rest still looks like the picture that was edited: overall (PSNR) and in every place (`DRIFT`). A success is both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nan

import cv2
import numpy as np

from refrain.data.sessions import Composition, RenderedTurn
from refrain.data.sessions.graph import (
    ASKED,
    CELLS,
    COLOURS,
    GROUNDS,
    LOOKS,
    PATTERNS,
    SHAPES,
    SIZES,
    Background,
    Graph,
    Thing,
)
from refrain.data.sessions.render import looked, render
from refrain.data.sessions.turns import COLOURLESS, GraphEdit, applied
from refrain.errors import BadInput

EDITION = 1
NEARER = 0.5  # where the answer must lie between a rival (0) and the truth (1), along the line from one to the other
RESIDUE = 0.5  # of the change that was asked for, how much may be missing or wrong, as a share of squares
REST = 20.0  # dB, of what was to stay
DRIFT = 12.0  # grey levels (root of mean square, blurred), in any place as large as a small object
UNLIKE = 6.0  # grey levels, blurred: a rival that nowhere differs more from the truth is none
MOMENTS = 5  # frames of a clip that are looked at, evenly spread, the first and the last among them

_BLUR, _GROUND_BLUR, _DRIFT_BLUR = 0.012, 0.04, 0.03  # shares of the shorter side
_EDGE, _PLACE = 0.04, 0.12  # how far around a change nothing is judged; side of a place
_BLURS = (0.008, 0.016, 0.023, 0.031, 0.047, 0.063)  # sigmas, the same: what a story is held against
_LEAST = 0.02  # share of the frame below which there is no rest to judge

Rivals = dict[str, Graph]


@dataclass(frozen=True)
class Verdict:
    """What the judge found.

    done: what was asked is there. kept: the rest is as it was. seen_as: "done", or the rival that the answer is like.
    residue: what is missing or wrong of the change, as a share; 0 is perfect, 1 as far off as no change. rest: PSNR of
    what was to stay, in dB, NaN where there is nothing to stay. drift: its worst place, in grey levels.
    """

    done: bool
    kept: bool
    seen_as: str
    residue: float
    rest: float
    drift: float

    @property
    def right(self) -> bool:
        """Whether the turn succeeded."""
        return self.done and self.kept


def judge(answer: np.ndarray, previous: np.ndarray, asked: RenderedTurn) -> Verdict:
    """Judge one turn. answer, previous: uint8 [T, Y, X, 3], what came and what was edited, of the session's size.

    The truth is that of the scene graph; what was to stay is compared with `previous`, the answer of the turn before.
    Raises BadInput for other shapes.
    """
    wanted = (asked.after.length, *asked.after.size, 3)
    if answer.shape != wanted or previous.shape != wanted:
        raise BadInput(f"A turn of this session has frames {list(wanted)}, not {list(answer.shape)}.")
    moments = np.unique(np.linspace(0, asked.after.length - 1, MOMENTS).round().astype(int))
    answer, previous = answer[moments], previous[moments]
    truth, before = asked.after.frames[moments], asked.before.frames[moments]
    size = asked.after.size
    rivals = {name: render(graph, size, moments.tolist()).frames for name, graph in rivals_of(asked).items()}
    seen_as, residue = _nearest(answer, truth, before, rivals, _GROUND_BLUR if asked.kind == "background" else _BLUR)
    rest, drift = _stayed(answer, previous, asked, moments)
    return _verdict(seen_as, residue, rest, drift)


def judge_composition(answer: np.ndarray, asked: Composition) -> Verdict:
    """Judge a composition: answer uint8 [1, Y, X, 3]. Its rivals: swapped, one object missing, one object twice."""
    if answer.shape != asked.frames.shape:
        raise BadInput(f"This composition has frames {list(asked.frames.shape)}, not {list(answer.shape)}.")
    first, second = asked.graphs[3].things
    twice = {
        "first twice": (first, replace(first, key=1, x=second.x, y=second.y)),
        "second twice": (replace(second, key=0, x=first.x, y=first.y), second),
        "second missing": (first,),
        "first missing": (second,),
    }
    size = answer.shape[1:3]
    rivals = {name: render(replace(asked.graphs[0], things=things), size).frames for name, things in twice.items()}
    seen_as, residue = _nearest(answer, asked.frames, asked.source, {"swapped": asked.swapped, **rivals}, _BLUR)
    rest, drift = stayed(answer, asked.source, np.maximum(*asked.masks) == 0)
    return _verdict(seen_as, residue, rest, drift)


def continues(answer: np.ndarray, last: np.ndarray, truth: np.ndarray) -> bool:
    """Whether a next frame lies nearer to the true one than a repetition of the last does; all uint8 [T, Y, X, 3]."""
    return _squares(answer, truth) < _squares(last, truth)


def moves(answer: np.ndarray, last: np.ndarray, truth: np.ndarray) -> bool:
    """Whether it does so too where the last frame is blurred: a blur lies nearer to whatever comes next."""
    short = min(last.shape[1:3])
    blurs = (np.stack([cv2.GaussianBlur(one, (0, 0), sigma * short) for one in last]) for sigma in _BLURS)
    return continues(answer, last, truth) and all(continues(answer, blur, truth) for blur in blurs)


def rivals_of(asked: RenderedTurn) -> Rivals:
    """What else the answer could show, by name."""
    before, after, turn = asked.before.graph, asked.after.graph, asked.turn
    found: Rivals = {"unchanged": before}
    if turn.kind == "background":
        found |= {f"on {g}": replace(after, background=Background(g, ASKED)) for g in GROUNDS if g != turn.value}
        return found | _altered(after, ("size",)) | _joined(after)
    if turn.kind == "restyle":
        found |= {look: replace(after, look=look) for look in LOOKS if look not in (turn.value, before.look)}
        return found | _altered(after, ("size", "colour")) | (_joined(after) if after.look == "plain" else {})
    if turn.kind == "remove":
        return found | _variants(before, turn.thing, {"colour": tuple(COLOURS), "size": tuple(SIZES)})
    looks: dict[str, tuple[str, ...]] = {"size": tuple(SIZES)}
    if after.look not in COLOURLESS:
        looks["colour"] = tuple(COLOURS)
    if turn.kind == "add":
        looks |= {"shape": SHAPES, "pattern": PATTERNS}
    found |= _variants(after, turn.thing, looks)
    found["gone"] = applied(after, GraphEdit("remove", turn.thing))
    if turn.kind in ("add", "move"):
        cells = [cell for cell in before.free if cell != turn.value]
        found |= {f"at the {cell}": applied(after, GraphEdit("move", turn.thing, cell)) for cell in cells}
    if turn.kind == "move":
        copy = replace(after.thing(turn.thing), key=max(one.key for one in after.things) + 1)
        found["copied"] = replace(before, things=(*before.things, copy))
    return found


def stayed(answer: np.ndarray, previous: np.ndarray, where: np.ndarray, edge: float = _EDGE) -> tuple[float, float]:
    """PSNR in dB and drift of two clips [T, Y, X, 3] where bool [T, Y, X] says; NaN and 0 where next to nothing is.

    A band around what is left out is not looked at either: a codec carries changes over edges.
    """
    short = min(where.shape[1:])
    reach = 2 * round(edge * short) + 1
    band = np.ones((reach, reach), np.uint8)
    where = np.stack([cv2.erode(one.astype(np.uint8), band) > 0 for one in where])
    if where.mean() < _LEAST:
        return nan, 0.0
    wrong = answer.astype(np.float32) - previous.astype(np.float32)
    mean = float(np.square(wrong[where]).mean())
    drift = max(_drift(one, there.astype(np.float32), short) for one, there in zip(wrong, where, strict=True))
    return (inf if mean == 0 else 10 * float(np.log10(255**2 / mean))), drift


def way(answer: np.ndarray, truth: np.ndarray, before: np.ndarray, where: np.ndarray) -> float:
    """How much of the way from the picture before to the true one was gone; clips [T, Y, X, 3], bool [T, Y, X].

    1 - |answer - truth|² / |before - truth|² over the pixels that should change: 1 is there, 0 as far off as unchanged,
    less is farther off; NaN where nothing should change. No part of the verdict.
    """
    left, whole = (_squares(one[where], truth[where]) for one in (answer, before))
    return 1 - left / whole if whole else nan


def _verdict(seen_as: str, residue: float, rest: float, drift: float) -> Verdict:
    kept = (rest != rest or rest >= REST) and drift <= DRIFT
    return Verdict(seen_as == "done", kept, seen_as, residue, rest, drift)


def _nearest(
    answer: np.ndarray, truth: np.ndarray, before: np.ndarray, rivals: Mapping[str, np.ndarray], blur: float
) -> tuple[str, float]:
    """What the answer is most like, and how much of the change is missing or wrong, around where it should be."""
    seen, true, was = (_blurred(frames, blur) for frames in (answer, truth, before))
    wrong, change = seen - true, true - was
    weight = np.square(change).sum(-1)
    there = weight > 0.02 * weight.max()
    residue = float(np.square(wrong[there]).sum() / np.square(change[there]).sum())
    nearer: dict[str, float] = {}  # rivals that the answer is nearer to -> how much nearer, in squares
    for name, frames in rivals.items():
        way = true - _blurred(frames, blur)
        if float(np.abs(way).max()) > UNLIKE:
            length = float(np.square(way).sum())
            place = 1 + float((wrong * way).sum()) / length
            if place <= NEARER:
                nearer[name] = length * (1 - 2 * place)
    if nearer:
        return max(nearer, key=lambda name: nearer[name]), residue
    return ("done" if residue <= RESIDUE else "something else"), residue


def _stayed(answer: np.ndarray, previous: np.ndarray, asked: RenderedTurn, moments: np.ndarray) -> tuple[float, float]:
    """PSNR and drift of what a turn leaves alone; of a look, of what it makes of all pixels."""
    if asked.kind == "background":
        return stayed(answer, previous, asked.mask_next[moments] < 0.1, edge=0)
    if asked.kind != "restyle":
        return stayed(answer, previous, ~asked.changed[moments])
    look, was = asked.after.graph.look, asked.before.graph.look
    pair = (answer, _under(previous, look)) if was == "plain" else (_under(answer, was), previous)
    return stayed(*pair, np.ones(answer.shape[:3], bool))


def _under(frames: np.ndarray, look: str) -> np.ndarray:
    """Frames as they are under a look, 0..255."""
    return np.stack([looked(one.astype(np.float32) / 255, look) * 255 for one in frames])


def _drift(wrong: np.ndarray, there: np.ndarray, short: int) -> float:
    """The largest blurred difference [Y, X, 3] of any place that is mostly looked at [Y, X]."""
    sigma, side = _DRIFT_BLUR * short, int(_PLACE * short) | 1
    share = cv2.GaussianBlur(there, (0, 0), sigma) + 1e-3
    smooth = cv2.GaussianBlur(wrong * there[..., None], (0, 0), sigma) / share[..., None]
    looked_at = cv2.blur(there, (side, side))
    squares = cv2.blur(np.square(smooth).mean(-1) * there, (side, side))
    places = looked_at > 0.3
    return float(np.sqrt((squares[places] / looked_at[places]).max())) if places.any() else 0.0


def _variants(graph: Graph, key: int, values: Mapping[str, Sequence[str]]) -> Rivals:
    """The graph with one property of one object changed, in every way."""
    one = graph.thing(key)
    return {
        f"{value}": replace(graph, things=tuple(replace(t, **{name: value}) if t is one else t for t in graph.things))  # type: ignore[arg-type]
        for name, choices in values.items()
        for value in choices
        if value != getattr(one, name)
    }


def _altered(graph: Graph, names: Sequence[str]) -> Rivals:
    """The graph with one property of any object changed as well."""
    choices = {name: {"size": tuple(SIZES), "colour": tuple(COLOURS)}[name] for name in names}
    return {
        f"{one.colour} {one.shape} {value}": other
        for one in graph.things
        for value, other in _variants(graph, one.key, choices).items()
    }


def _joined(graph: Graph) -> Rivals:
    """The graph with one object more, of any colour, at any free place."""
    return {
        f"{colour} at the {cell}": replace(
            graph, things=(*graph.things, Thing(-2, "ball", colour, x=CELLS[cell][0], y=CELLS[cell][1], depth=0.0))
        )
        for cell in graph.free
        for colour in COLOURS
    }


def _blurred(frames: np.ndarray, share: float) -> np.ndarray:
    sigma = share * min(frames.shape[1:3])
    return np.stack([cv2.GaussianBlur(one.astype(np.float32), (0, 0), sigma) for one in frames])


def _squares(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.square(one.astype(np.float32) - other.astype(np.float32)).sum())
