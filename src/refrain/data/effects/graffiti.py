"""Graffiti: bold strokes of paint, drawn one after the other around the subject and over it, like a hand-drawn film.

The first stroke begins at once, the last is done after some 30 frames; then they stay and, drawn anew every third
frame, tremble a little as drawn films do.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.body import Body, body_of
from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed, sample, tile
from refrain.data.repeat import rowed, spread

_NUMBERS = {"light": 4, "medium": 7, "heavy": 11}
_BOIL = 3.0  # frames that one drawing is held
_SPAN, _LASTS = 27.0, 7.0  # frames from the first stroke to the last, and of one stroke
_POINTS = 52


@dataclass(frozen=True)
class Graffiti:
    """The colour of the paint, and how many strokes: "light", "medium" or "heavy"."""

    colour: str = "pink"
    amount: str = "medium"


def draw(rng: np.random.Generator) -> Graffiti:
    """Any colour, mostly a middling number."""
    return Graffiti(str(rng.choice(list(COLOURS))), str(rng.choice(["light", "medium", "medium", "heavy"])))


def graffiti(shot: Shot, seed: int, parameters: Graffiti) -> Effected:
    """Lay the strokes, each with a contrasting edge, over the picture."""
    size = shot.frames.shape[1:3]
    colour = light_of(parameters.colour)
    edge = np.float32(0.04 if colour.sum() > 1.9 else 0.98)  # pale paint has a dark edge
    colour = rowed(colour, size[1])
    number = _NUMBERS[parameters.amount]
    order = [*range(3), *(3 + np.argsort(hashed(seed, 121, np.arange(len(_PLACES) - 3)))).tolist()][:number]
    over = 4 if size[0] < 200 else 2 if size[0] < 400 else 1

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        body = body_of(shot.mask(i), 16)
        if body is None:
            return picture, np.zeros(size, np.float32)
        canvas = np.zeros((2, size[0] * over, size[1] * over), np.uint8)  # the edge, the paint
        drawing = int(now // _BOIL)
        for turn, kind in enumerate(order):
            share = (now + 2.5 - turn * (_SPAN - _LASTS) / number) / _LASTS
            if share > 0:
                path, thick = _stroke(body, size, kind, (seed, turn, drawing))
                share = min(share * (1.6 - 0.6 * min(share, 1.0)), 1.0)  # quick at first
                _brushed(canvas, path, thick, share, over)
                if kind == _AROUND:  # over the subject there is only what passes before it
                    front = np.zeros_like(canvas)
                    _brushed(front, path, thick, share, over, ~_BEHIND)
                    inside = _larger(body.mask, over) > 0.5
                    canvas[:, inside] = front[:, inside]
        small = [cv2.resize(part, (size[1], size[0]), interpolation=cv2.INTER_AREA) for part in canvas]
        border, cover = (part.astype(np.float32) * np.float32(1 / 255) for part in small)
        shade = spread(1 + 0.09 * _grain(size, seed, drawing))
        picture += (edge - picture) * spread(border)
        picture += (colour * shade - picture) * spread(cover)
        return picture, np.maximum(border, cover)

    return painted(shot.frames, paint)


# figures of strokes, as (x, y) with y down, about -1..1, and where each stands: (x, y) of the middle in half widths and
# heights of the subject, its size in halves of the subject's size, how thick its line is
_TURN = np.linspace(0, 2 * np.pi, 33)
_STAR = np.array([[np.sin(a), -np.cos(a)] for a in np.arange(6) * 0.8 * np.pi])
_CROWN = np.array([[-1, 0.6], [-1.1, -0.5], [-0.5, 0.05], [0, -0.8], [0.5, 0.05], [1.1, -0.5], [1, 0.6], [-1, 0.6]])
_ZIGZAG = np.stack([np.tile([-0.55, 0.55], 4)[:7], np.linspace(-1, 1, 7)], -1)
_UNDERLINE = np.array([[-1, -0.05], [0, -0.12], [1, -0.02], [0.9, 0.03], [-0.55, 0.10], [-0.4, 0.15], [0.6, 0.20]])
_LOOPS = np.stack([np.linspace(-0.8, 0.8, 49) - 0.42 * np.sin(np.linspace(0, 7 * np.pi, 49)),
                   0.62 * np.cos(np.linspace(0, 7 * np.pi, 49))], -1)  # fmt: skip
_SPIRAL = np.stack([np.linspace(0.1, 1, 49) * f(np.linspace(0, 5 * np.pi, 49)) for f in (np.cos, np.sin)], -1)
_HEART = np.stack([np.sin(_TURN) ** 3,
                   -(13 * np.cos(_TURN) - 5 * np.cos(2 * _TURN) - 2 * np.cos(3 * _TURN)) / 15], -1)  # fmt: skip
_BOLT = np.array([[0.35, -1], [-0.45, 0.12], [0.12, 0.06], [-0.3, 1], [0.55, -0.2], [0.0, -0.15], [0.35, -1]])
_WAVE = np.stack([np.linspace(-1, 1, 41), 0.28 * np.sin(np.linspace(0, 6 * np.pi, 41))], -1)
_WINDS = np.linspace(0.75 * np.pi, 4.2 * np.pi, 81)  # around the subject from below to above; behind it where sin < 0
_SWOOSH = np.stack([np.cos(_WINDS), 0.20 * np.sin(_WINDS) + np.linspace(0.62, -0.42, 81)], -1)
_AROUND = 0
_BEHIND = np.interp(np.linspace(0, 80, _POINTS), np.arange(81), np.sin(_WINDS)) < 0
_PLACES: tuple[tuple[np.ndarray, float, float, float, float], ...] = (
    (_SWOOSH, 0.0, 0.0, 0.0, 1.15),  # as large as the subject
    (_CROWN, 0.0, -1.28, 0.46, 1.0),
    (_STAR, 1.38, -0.62, 0.34, 0.9),
    (_UNDERLINE, 0.0, 1.12, 1.05, 1.2),
    (_ZIGZAG, -1.42, 0.05, 0.44, 1.0),
    (_LOOPS, 1.40, 0.42, 0.42, 0.9),
    (_HEART, -1.35, -0.78, 0.30, 0.9),
    (_BOLT, 1.05, -1.12, 0.36, 0.8),
    (_SPIRAL, -1.38, 0.85, 0.32, 0.8),
    (_WAVE, 0.0, 0.38, 0.78, 1.1),
    (_STAR, -0.95, -1.15, 0.26, 0.8),
)


def _stroke(body: Body, size: tuple[int, int], kind: int, keys: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 2] of a stroke as (x, y) in pixels, inside the frame, and how thick it is at each [N]."""
    figure, x, y, large, thick = _PLACES[kind]
    seed, turn, drawing = keys
    half = max(0.5 * (body.width * body.height) ** 0.5, 0.16 * size[0])
    reach = np.array([large * half] * 2) if large else 0.5 * np.array([body.width, body.height]) * 1.12 + 0.05 * size[0]
    tilt = (0.5 * float(hashed(seed, 122, turn)) - 0.25) * (1.0 if large else 0.6)
    turned = figure @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    middle = np.array(body.middle) + 0.5 * np.array([x * body.width, y * body.height])
    room = np.minimum(reach * 0.95, 0.5 * np.array([size[1], size[0]]))
    middle = np.clip(middle, room, np.array([size[1], size[0]]) - room)
    path = _even(turned * reach + middle)
    a, b, c, d = 2 * np.pi * hashed(seed, 123, turn, drawing, np.arange(4))
    along = np.linspace(0, 1, _POINTS)
    wobble = np.stack([np.sin(9 * along + a) + 0.6 * np.sin(23 * along + b), np.sin(8 * along + c)], -1)
    pressed = 0.78 + 0.22 * np.sin(11 * along + d) + 0.12 * np.sin(29 * along + a)
    pressed *= 0.30 + 0.70 * smooth(along, 0.0, 0.10) * smooth(along, 1.0, 0.80)  # the brush comes down and lifts
    wide = max(0.055 * half, 0.013 * size[0]) * thick
    return path + wobble * 0.22 * wide, np.maximum(wide * pressed, 0.6)


def _even(path: np.ndarray) -> np.ndarray:
    """The same path with points at even distances: [_POINTS, 2]."""
    far = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    wanted = np.linspace(0, far[-1], _POINTS)
    return np.stack([np.interp(wanted, far, path[:, k]) for k in (0, 1)], -1)


def _brushed(
    canvas: np.ndarray, path: np.ndarray, thick: np.ndarray, share: float, over: int, which: np.ndarray | None = None
) -> None:
    """Draw the first `share` of a stroke into the canvas [2, Y, X]: its edge, and the paint over earlier edges.

    which: the points that are drawn, bool [N]; all of them where it is None.
    """
    end = share * (len(path) - 1)
    last = max(int(np.ceil(end)), 1)
    places, radii = path[: last + 1].copy(), thick[: last + 1]
    places[last] += (places[last - 1] - places[last]) * (last - end)
    fine = np.clip(np.round((places + 0.5) * over * 16 - 8), -(2**20), 2**20).astype(np.int64).tolist()
    rim = 0.35 * float(thick.mean()) + 0.4
    for layer, more, level in ((0, rim, 255), (1, rim, 0), (1, 0.0, 255)):  # a new stroke hides the older ones
        wide = np.maximum((radii + more) * over, 0.5).tolist()
        for n in range(last + 1):
            if which is None or which[n]:
                cv2.circle(canvas[layer], fine[n], round(wide[n] * 16), level, -1, cv2.LINE_AA, 4)
                if n:
                    both = max(round(wide[n] + wide[n - 1]), 1)
                    cv2.line(canvas[layer], fine[n - 1], fine[n], level, both, cv2.LINE_AA, 4)


def _larger(mask: np.ndarray, over: int) -> np.ndarray:
    """A mask [Y, X] on the canvas, `over` times as large."""
    if over == 1:
        return mask
    return cv2.resize(mask, (mask.shape[1] * over, mask.shape[0] * over), interpolation=cv2.INTER_LINEAR)


def _grain(size: tuple[int, int], seed: int, drawing: int) -> np.ndarray:
    """How thick the paint lies, about -2..2: float32 [Y, X]; streaks as a broad brush leaves them."""
    rows, columns = max(size[0] // 3, 1), max(size[1] // 3, 1)
    a, b = hashed(seed, 124, drawing, np.arange(2)).tolist()
    y = np.arange(rows, dtype=np.float32)[:, None] / rows
    x = np.arange(columns, dtype=np.float32)[None] / rows
    grain = sample(tile(-2.0, 121, 3.0, 6), y * 1.2 + x * 0.7 + np.float32(a), x * 1.2 - y * 0.7 + np.float32(b))
    return cv2.resize(grain, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)


WORDING = Wording(
    known="paint graffiti around the subject",
    nouns=(
        "graffiti",
        "graffiti strokes",
        "graffiti doodles",
        "spray paint doodles",
        "street art",
        "graffiti scribbles",
        "hand painted doodles",
        "bold paint strokes",
        "marker scribbles",
        "animated doodles",
    ),
    adjectives=("covered in graffiti", "full of doodles", "scribbled over with paint"),
    clauses=(
        "paint graffiti around {subject}",
        "doodle around {subject}",
        "scribble around {subject}",
        "spray graffiti over {subject}",
        "draw doodles around {subject}",
    ),
    named={-1: ("a few doodles", "a little graffiti"), 1: ("lots of doodles", "a mass of graffiti")},
    about=("around {subject}", "all around {subject}", "over {subject}", "on and around {subject}"),
)
