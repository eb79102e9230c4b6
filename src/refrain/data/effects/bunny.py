"""Bunny: a cartoon rabbit hops along the ground beside the subject, or in the open where there is none.

It comes in from its own side with two hops and then keeps hopping where it is.
"""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.body import Body, body_of
from refrain.data.effects.character import SIZES, Figure, blink, figure_at, shadow
from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import spread

_PERIOD = 13.0  # frames from hop to hop
_LEAVES, _LANDS = 0.22, 0.78  # shares of a hop
_PALE = np.array([0.96, 0.95, 0.94], np.float32)
_PINK = np.array([0.98, 0.58, 0.62], np.float32)


@dataclass(frozen=True)
class Bunny:
    """On which side it hops ("left", "right"), the colour of its fur, and its size ("small", "medium", "big")."""

    where: str = "right"
    colour: str = "white"
    size: str = "medium"


def draw(rng: np.random.Generator) -> Bunny:
    """Half of them white, either side, all sizes."""
    colour = "white" if rng.random() < 0.5 else str(rng.choice([c for c in COLOURS if c != "white"]))
    return Bunny(str(rng.choice(["left", "right"])), colour, str(rng.choice(["small", "medium", "medium", "big"])))


def bunny(shot: Shot, seed: int, parameters: Bunny) -> Effected:
    """Lay the rabbit and its shadow over the picture."""
    size = shot.frames.shape[1:3]
    tall = 1.2 * SIZES[parameters.size] * size[0]  # to the tips of its ears
    side = -1 if parameters.where == "left" else 1
    phase = float(hashed(seed, 91))
    fur = _PALE * (0.42 + 0.58 * light_of(parameters.colour))

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        body = body_of(shot.subject[i], 16) if shot.subject is not None else None
        x, ground = _place(size, body, side, tall)
        hop = _hopped(now, side)
        room = size[1] - x if side > 0 else x
        x += hop.aside * min(tall, room / 0.75)  # half of it is in sight from the first
        figure = figure_at(size, (x, ground - hop.up * tall), tall, (0.62, 1.12), hop.stretch)
        dark = shadow(size, (x, ground), tall * (0.26 - 0.12 * hop.up), 0.5 - 0.5 * hop.up)
        picture *= spread(1 - dark)
        if figure is None:
            return picture, dark
        _drawn(figure, fur, hop, side, blink(now, phase))
        day = np.float32(np.clip(0.72 + 0.65 * luma_of(picture[::4, ::4]).mean(), 0.78, 1.04))
        part = picture[figure.box]
        part += (figure.colour * day - part) * figure.cover[..., None]
        dark[figure.box] = np.maximum(dark[figure.box], figure.cover)
        return picture, dark

    return painted(shot.frames, paint)


@dataclass(frozen=True)
class _Hop:
    """Where in a hop it is: aside and up in heights of the rabbit, how stretched, how its ears hang, its arms rise."""

    aside: float
    up: float
    stretch: float
    flop: float
    lift: float


def _place(size: tuple[int, int], body: Body | None, side: int, tall: float) -> tuple[float, float]:
    """Where it belongs, (x, y) of its feet in pixels: beside the subject, inside the frame."""
    x, ground = size[1] * (0.5 + 0.24 * side), 0.93 * size[0]
    if body is not None:
        x = body.middle[0] + side * (body.width / 2 + 0.30 * tall)
        ground = min(max(body.top + body.height, 0.62 * size[0], 1.05 * tall), 0.96 * size[0])
    return min(max(x, 0.30 * tall), size[1] - 0.30 * tall), ground


def _hopped(now: float, side: int) -> _Hop:
    """The hop at frame `now`: it crouches, leaps and lands, twice towards the middle and then to and fro."""
    number, p = divmod(now / _PERIOD + 0.12, 1.0)
    u = min(max((p - _LEAVES) / (_LANDS - _LEAVES), 0.0), 1.0)
    here, there = _landing(int(number)), _landing(int(number) + 1)
    fast = abs(1 - 2 * u) * min(u, 1 - u, 0.15) / 0.15
    ground = max(1 - min(p, 1 - p) / _LEAVES, 0.0)  # 1 in the middle of its time on the ground
    return _Hop(
        aside=side * (here + (there - here) * u * u * (3 - 2 * u)),
        up=0.26 * 4 * u * (1 - u),
        stretch=1 + 0.14 * fast - 0.20 * ground * ground * (3 - 2 * ground),
        flop=0.15 + 0.50 * float(np.sin(2 * np.pi * (p - 0.11))),
        lift=4 * u * (1 - u),
    )


def _landing(number: int) -> float:
    """How far from its place, to its own side, it lands after so many hops."""
    return (0.75, 0.30)[number] if number < 2 else (0.0, 0.16)[number % 2]


def _drawn(figure: Figure, fur: np.ndarray, hop: _Hop, side: int, wide: float) -> None:
    """Draw the rabbit from back to front, looking towards the middle of the picture."""
    look = -0.035 * side
    belly, dark = fur + (1 - fur) * 0.55, np.array([0.07, 0.05, 0.06], np.float32)
    pink = _PINK if np.abs(fur - _PINK).max() > 0.3 else _PINK * np.float32(0.72)
    figure.draw(figure.oval(0.19 * side, 0.14, 0.075, 0.075), belly, 0.07)
    for hand in (-1, 1):
        lean = hand * (0.10 + max(hop.flop, -0.1) * (1.0 if hand == side else 0.7))
        steps = np.arange(5) / 4
        turn = lean * (0.4 + 1.6 * steps)
        x = hand * 0.085 + np.cumsum(np.sin(turn) * 0.095) - 0.095 * np.sin(turn[0])
        y = 0.64 + np.cumsum(np.cos(turn) * 0.095) - 0.095 * np.cos(turn[0])
        ear = np.stack([x, y], -1)
        figure.draw(figure.tube(ear, np.array([0.050, 0.066, 0.072, 0.064, 0.040])), fur, 0.06)
        figure.draw(figure.tube(ear[1:], np.array([0.028, 0.037, 0.032, 0.014])), pink, 0.0, 0.0)
    figure.draw(figure.oval(0.0, 0.25, 0.19, 0.23), fur, 0.19)
    figure.draw(figure.oval(look, 0.22, 0.118, 0.155), belly, 0.12, 0.0)
    for hand in (-1, 1):
        figure.draw(figure.oval(0.105 * hand, 0.045 - 0.02 * hop.lift, 0.092, 0.055, -0.3 * hand * hop.lift), fur, 0.05)
        arm = np.array([[0.145 * hand, 0.34], [(0.175 + 0.05 * hop.lift) * hand, 0.24 + 0.10 * hop.lift]])
        figure.draw(figure.tube(arm, np.array([0.045, 0.052])), fur, 0.05)
    figure.draw(figure.oval(0.0, 0.565, 0.215, 0.180), fur, 0.17)
    for hand in (-1, 1):
        figure.draw(figure.oval(0.14 * hand + look, 0.50, 0.045, 0.028), pink, 0.0, 0.0)
    for hand in (-1, 1):
        figure.draw(figure.oval(0.047 * hand + look, 0.495, 0.060, 0.048), belly, 0.05, 0.0)
    figure.draw(figure.oval(look, 0.452, 0.026, 0.030), np.ones(3, np.float32), 0.0, 0.010)
    figure.draw(figure.oval(look, 0.530, 0.028, 0.019), pink * 0.8, 0.02, 0.0)
    for hand in (-1, 1):
        x = 0.085 * hand + look
        figure.draw(figure.oval(x, 0.600, 0.036, 0.052 * wide + 0.004), dark, 0.0, 0.0)
        figure.draw(figure.oval(x - 0.010, 0.618, 0.013, 0.017 * wide + 0.001), np.ones(3, np.float32), 0.0, 0.0)


WORDING = Wording(
    known="add a hopping bunny",
    nouns=(
        "a cartoon bunny",
        "a bunny",
        "a rabbit",
        "a hopping bunny",
        "a cute bunny",
        "a cartoon rabbit",
        "an animated bunny",
        "a fluffy bunny",
        "a hopping rabbit",
        "a jumping bunny",
    ),
    clauses=(
        "let a bunny hop through the {scene}",
        "a cartoon bunny hops beside {subject}",
        "put a bunny next to {subject}",
        "add a rabbit hopping around",
    ),
    tails={
        "where": {
            "left": ("on the left", "at the left", "on the left side", "to the left"),
            "right": ("on the right", "at the right", "on the right side", "to the right"),
        }
    },
    about=("beside {subject}", "next to {subject}", "near {subject}"),
)
