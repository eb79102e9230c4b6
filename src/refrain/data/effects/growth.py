"""Growth: the subject shoots up from its foot like a spring, bounces and settles in a cloud of dust; then again."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.behind import behind
from refrain.data.effects.body import Body, body_of
from refrain.data.effects.effected import Effected, luma_of, painted, smooth
from refrain.data.effects.particles import stamped
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed, sample, tile
from refrain.data.repeat import spread

_PERIOD = 44.0  # frames from one bounce to the next, at medium speed
_CROUCH = 9.0  # of them before the next one
_DUST = np.array([0.80, 0.74, 0.65], np.float32)


@dataclass(frozen=True)
class Growth:
    """How fast it grows ("slow", "medium", "fast"), and how far it overshoots ("light", "medium", "heavy")."""

    speed: str = "medium"
    strength: str = "medium"


def draw(rng: np.random.Generator) -> Growth:
    """Half of them at medium speed, half of them of medium strength."""
    return Growth(
        str(rng.choice(["slow", "medium", "medium", "fast"])), str(rng.choice(["light", "medium", "medium", "heavy"]))
    )


def growth(shot: Shot, seed: int, parameters: Growth) -> Effected:
    """It grows from a fifth of its height in about ten frames; every two seconds or so it crouches and jumps anew."""
    size = shot.frames.shape[1:3]

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = shot.mask(i)
        body = body_of(mask)
        if body is None:
            return picture, np.zeros(size, np.float32)
        tall, age = _height(parameters, shot.now(i))
        wide = float(np.clip(tall**-0.45, 0.75, 1.7))
        x, foot = body.middle[0], body.top + body.height
        way = np.array([[wide, 0, x * (1 - wide)], [0, tall, foot * (1 - tall)]])
        there = cv2.warpAffine(mask, way, (size[1], size[0]), flags=cv2.INTER_LINEAR)
        gone = cv2.dilate(mask, np.ones((3, 3), np.uint8), iterations=size[0] // 100 + 2)
        gone = cv2.GaussianBlur(np.minimum(2 * gone, 1), (0, 0), max(size[0] / 200, 0.5))
        dust, shade = cv2.split(_dust(size, body, seed, age))
        matte = np.maximum(np.maximum(gone, there), dust)
        seen = matte > 1 / 255
        row, column = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        box = np.s_[row[0] : row[-1] + 1, column[0] : column[-1] + 1]
        way[:, 2] -= (column[0], row[0])
        span = (column[-1] + 1 - column[0], row[-1] + 1 - row[0])
        light = min(0.45 + 0.75 * float(luma_of(picture).mean()), 1.1)  # dust is as bright as the scene
        cut = cv2.warpAffine(picture * spread(mask), way, span, flags=cv2.INTER_LINEAR)
        out = behind(shot, i)[box]
        out = out + cut - out * there[box][..., None]
        cloud = dust[box][..., None]
        picture[box] = out + (_DUST * np.float32(light) * (0.72 + shade[box][..., None]) - out) * cloud
        return picture, matte

    return painted(shot.frames, paint)


def _height(parameters: Growth, now: float) -> tuple[float, float]:
    """How tall the subject is, 1 is its own height, and the medium-speed frames since the last jump."""
    pace = {"slow": 0.65, "medium": 1.0, "fast": 1.6}[parameters.speed]
    damping = {"light": 0.16, "medium": 0.105, "heavy": 0.062}[parameters.strength]
    number, age = divmod(now * pace, _PERIOD)
    low = 0.20 if number == 0 else _low(parameters)
    spring = 1 - (1 - low) * np.exp(-damping * age) * np.cos(0.42 * age)
    crouch = float(smooth(np.array(age), _PERIOD - _CROUCH, _PERIOD))
    return float(spring + (_low(parameters) - spring) * crouch), age


def _low(parameters: Growth) -> float:
    """How tall it is when it crouches for the next jump."""
    return {"light": 0.70, "medium": 0.58, "heavy": 0.46}[parameters.strength]


def _dust(size: tuple[int, ...], body: Body, seed: int, age: float) -> np.ndarray:
    """How thick the dust is `age` frames after a jump, and how light it is there: float32 [Y, X, 2], in 0..1.

    It rolls outward and thins out.
    """
    step = max(size[0] // 120, 1)
    rows, columns = max(size[0] // step, 1), max(size[1] // step, 1)
    u = hashed(seed, 91, np.arange(34)[:, None], np.arange(4)[None])  # [N, 4]
    out = 1 - np.exp(-age * (0.10 + 0.10 * u[:, 3]))
    side = 2 * u[:, 0] - 1
    breadth = max(body.width, 0.35 * body.height)
    x = body.middle[0] + side * breadth * (0.42 + 0.55 * out)
    y = body.top + body.height - breadth * (0.03 + 0.20 * u[:, 1] ** 2 * out)
    radius = np.maximum(breadth * (0.07 + (0.08 + 0.10 * u[:, 2]) * out) / step, 0.6).astype(np.float32)
    fade = float(smooth(np.array(age), -2.0, 2.0) * smooth(np.array(age), 38.0, 8.0))
    if fade == 0:
        return np.zeros((size[0], size[1], 2), np.float32)
    inverse = (1 / radius**2)[:, None, None]
    reach = int(np.ceil(2.2 * radius.max()))
    puff = stamped(
        (rows, columns),
        np.stack([y / step, x / step], -1),
        reach,
        lambda dy, dx: np.exp(-(dy * dy + dx * dx) * inverse),
    )
    up = (body.top + body.height - np.arange(rows, dtype=np.float32) * step)[:, None] / breadth
    across = (np.arange(columns, dtype=np.float32)[None] * step - np.float32(body.middle[0])) / breadth
    cloud = sample(tile(-3.0, 9, 1.0, 5), up * 0.30 - age * 0.004 + u[0, 0], across * 0.30 / (1 + 0.02 * age) + u[1, 0])
    thick = np.clip(fade * (1 - np.exp(-1.6 * puff)) * np.clip(0.90 + 0.16 * cloud, 0, 1) - 0.03, 0, 0.92)
    slope = cv2.Sobel(puff, cv2.CV_32F, 0, 1) * np.float32(breadth / step * 0.012)  # the tops of the puffs are lit
    shade = np.clip(0.20 + 0.16 * slope + 0.07 * cloud, 0, 0.45)
    pair = np.stack([thick, shade], -1).astype(np.float32)
    return cv2.resize(pair, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)


WORDING = Wording(
    known="let the subject grow and bounce",
    nouns=("growth and bounce", "bouncy growth", "architectural growth", "springy growth", "a growth spurt"),
    adjectives=("bouncy", "springy", "growing"),
    verbs=("grow", "bounce", "grow and bounce", "spring up", "grow up from the ground", "pop up", "shoot up"),
    clauses=(
        "let {subject} grow and bounce", "make {subject} grow up from the ground", "let {subject} bounce",
        "make {subject} spring up", "let {subject} pop up from the ground", "make {subject} grow",
    ),
    undone=("stop {subject} from bouncing", "keep {subject} at its own size", "no more growth of {subject}"),
    seen=("{subject} grows up from the ground and bounces", "{subject} springs up in a cloud of dust"),
)  # fmt: skip
