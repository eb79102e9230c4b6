"""Ghost: a friendly, translucent cartoon ghost that glows, floats and bobs near the subject's head.

It fades in within some eight frames and then stays; it passes behind the subject where there is room beside it.
"""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.body import Body, body_of
from refrain.data.effects.character import SIZES, Figure, Shape, blink, figure_at
from refrain.data.effects.effected import Effected, lit, painted, smooth
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed


@dataclass(frozen=True)
class Ghost:
    """On which side it floats ("left", "right"), its colour, and its size ("small", "medium", "big")."""

    where: str = "right"
    colour: str = "white"
    size: str = "medium"


def draw(rng: np.random.Generator) -> Ghost:
    """Half of them white, either side, all sizes."""
    colour = "white" if rng.random() < 0.5 else str(rng.choice([c for c in COLOURS if c != "white"]))
    return Ghost(str(rng.choice(["left", "right"])), colour, str(rng.choice(["small", "medium", "medium", "big"])))


def ghost(shot: Shot, seed: int, parameters: Ghost) -> Effected:
    """Lay the ghost over the picture and add its light; the subject hides what is behind it."""
    size = shot.frames.shape[1:3]
    tall = SIZES[parameters.size] * size[0]
    side = -1 if parameters.where == "left" else 1
    colour = light_of(parameters.colour)
    a, b, c = (2 * np.pi * hashed(seed, 95, np.arange(3))).tolist()

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now, matte = shot.now(i), np.zeros(size, np.float32)
        body = body_of(shot.subject[i], 16) if shot.subject is not None else None
        x, y, hidden = _place(size, body, side, tall)
        x += tall * float(0.10 * np.sin(now * 0.11 + a) + 0.03 * np.sin(now * 0.23 + b))
        y += tall * float(0.06 * np.sin(now * 0.24 + c))
        figure = figure_at(size, (x, y), tall, (0.75, 1.25))
        if figure is None:
            return picture, matte
        far = _outline(figure, now)
        shown = float(smooth(np.asarray(now), -4.0, 7.0))
        before = hidden * body.mask[figure.box] if body is not None else np.zeros_like(far)
        seen = shown * (1 - before)
        _drawn(figure, far, colour, -0.03 * side, blink(now, a / 7))
        cover = figure.cover * seen
        part = picture[figure.box]
        part += (figure.colour - part) * cover[..., None]
        halo = (
            np.exp(-np.maximum(far, 0) / 0.085)
            * smooth(far, 0.30, 0.08)
            * seen
            * (0.42 + 0.05 * float(np.sin(now * 0.3)))
        )
        picture[figure.box] = lit(part, halo[..., None].astype(np.float32) * (0.2 + 0.8 * colour))
        matte[figure.box] = np.maximum(cover, np.minimum(1.6 * halo, 0.8) * smooth(halo, 0.01, 0.05))
        return picture, matte

    return painted(shot.frames, paint)


def _place(size: tuple[int, int], body: Body | None, side: int, tall: float) -> tuple[float, float, float]:
    """Where its tail is, (x, y) in pixels: beside the subject's head. And how much the subject hides it, 0..1."""
    x, y, hidden = size[1] * (0.5 + 0.22 * side), 0.42 * size[0] + 0.5 * tall, 0.0
    if body is not None:
        x = body.middle[0] + side * (body.width / 2 + 0.22 * tall)
        y = body.top + 0.72 * tall
        room = size[1] - body.left - body.width if side > 0 else body.left
        hidden = float(smooth(np.asarray(room / max(tall, 1)), 0.25, 0.5))
    return min(max(x, 0.38 * tall), size[1] - 0.38 * tall), min(max(y, 1.1 * tall), size[0] - 0.05 * tall), hidden


def _outline(figure: Figure, now: float) -> np.ndarray:
    """Signed distance to its body [y, x]: a dome, a sheet that sways, a hem that ripples, two arms."""
    sway = 0.06 * np.sin(now * 0.21 + figure.y * 4.0) * np.clip(1 - figure.y, 0, 1)
    x, y = figure.x - sway, figure.y
    sheet = np.abs(x) - (0.265 + 0.05 * np.clip(0.6 - y, 0, 1))
    far = np.where(y > 0.66, np.hypot(x, y - 0.66) - 0.265, sheet)
    hem = 0.10 + 0.045 * np.sin(x * 24 + now * 0.33) + 0.02 * np.sin(x * 11 - now * 0.21)
    far = np.maximum(far, (hem - y) * 0.75)
    wave = 0.05 * float(np.sin(now * 0.27))
    for hand in (-1, 1):
        arm = np.array(
            [[0.22 * hand, 0.47], [0.33 * hand, 0.50 + wave * hand], [0.39 * hand, 0.57 + 1.6 * wave * hand]]
        )
        shape = figure.tube(arm, np.array([0.075, 0.065, 0.050]))
        np.minimum(far[shape.box], shape.far, out=far[shape.box])
    return far


def _drawn(figure: Figure, far: np.ndarray, colour: np.ndarray, look: float, wide: float) -> None:
    """Draw its sheet, thin in the middle and towards the tail, and its face."""
    pale = 0.60 + 0.40 * colour
    whole = (slice(None), slice(None))
    figure.draw(Shape(whole, far), pale, 0.26, 0.0)
    rim, line = smooth(far, -0.10, -0.005), smooth(far, -0.030, -0.010)
    figure.colour[:] += (0.35 * pale + 0.65 * colour - figure.colour) * (0.75 * rim)[..., None]
    figure.colour[:] *= (1 - 0.35 * line)[..., None]
    figure.cover[:] *= (0.76 + 0.19 * rim) * (0.35 + 0.65 * smooth(figure.y, 0.02, 0.45))
    dark = np.array([0.08, 0.07, 0.14], np.float32)
    for hand in (-1, 1):
        x = 0.085 * hand + look
        figure.draw(figure.oval(x, 0.695, 0.042, 0.065 * wide + 0.004), dark, 0.0, 0.0)
        figure.draw(figure.oval(x - 0.012, 0.72, 0.014, 0.019 * wide + 0.001), np.ones(3, np.float32), 0.0, 0.0)
        blush = np.array([1.0, 0.55, 0.60], np.float32)
        figure.draw(figure.oval(0.165 * hand + look, 0.605, 0.040, 0.022), pale * 0.4 + 0.6 * blush, 0.0, 0.0)
    figure.draw(figure.oval(look, 0.565, 0.034, 0.046), dark, 0.0, 0.0)


WORDING = Wording(
    known="add a friendly ghost",
    nouns=(
        "a friendly ghost",
        "a ghost",
        "a cartoon ghost",
        "a floating ghost",
        "a cute ghost",
        "a little spook",
        "a friendly spook",
        "a haunting phantom",
        "a translucent ghost",
        "a hovering ghost",
    ),
    adjectives=("haunted", "ghostly", "spooky"),
    verbs=("look haunted",),
    clauses=(
        "let a ghost float through the {scene}",
        "a friendly ghost floats beside {subject}",
        "haunt the {scene}",
        "put a ghost next to {subject}",
    ),
    tails={
        "where": {
            "left": ("on the left", "at the left", "on the left side", "to the left"),
            "right": ("on the right", "at the right", "on the right side", "to the right"),
        }
    },
    about=("beside {subject}", "next to {subject}", "near {subject}"),
)
