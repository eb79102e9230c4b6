"""Traversal: comets of light with long fading tails that shoot through the scene and wind around the subject."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.beam import drawn, halo_of, shone
from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed

WORDING = Wording(
    known="let golden light trails fly around the subject",
    nouns=(
        "light trails",
        "streaking comets",
        "comet trails",
        "racing light streaks",
        "flying trails of light",
        "shooting comets",
        "a line traversal",
        "shuttling light streaks",
        "speeding light trails",
        "swirling light trails",
    ),
    adjectives=("crossed by light trails", "streaked with comets"),
    clauses=(
        "let light trails fly around {subject}",
        "let comets shoot around {subject}",
        "send streaks of light past {subject}",
        "let trails of light wind around {subject}",
    ),
    tails={
        "direction": {
            "right": ("to the right", "from left to right", "flying right"),
            "left": ("to the left", "from right to left", "flying left"),
            "up": ("upwards", "rising", "spiraling up", "from the ground up"),
        }
    },
    usual={"direction": "right"},
    about=("around {subject}", "past {subject}", "behind and in front of {subject}", "circling {subject}"),
)

_COMETS, _POINTS, _TAIL = 8, 52, 0.42  # tail: in shares of the path


@dataclass(frozen=True)
class Traversal:
    """The colour of the light, its speed ("slow", "medium", "fast") and whither ("left", "right", "up")."""

    colour: str = "golden"
    speed: str = "medium"
    direction: str = "right"


def draw(rng: np.random.Generator) -> Traversal:
    """Any colour; as often to one side as to the other, sometimes up."""
    return Traversal(
        str(rng.choice(["golden", "blue"] if rng.random() < 0.25 else list(COLOURS))),
        str(rng.choice(["slow", "medium", "medium", "fast"])),
        str(rng.choice(["right", "right", "left", "left", "up"])),
    )


def traversal(shot: Shot, seed: int, parameters: Traversal) -> Effected:
    """Comets wind around the middle of the subject, behind which its mask hides them; one follows the other."""
    size = shot.frames.shape[1:3]
    colour = light_of(parameters.colour)
    period = {"slow": 46.0, "medium": 30.0, "fast": 19.0}[parameters.speed]
    width = 0.0075 * size[0]

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = shot.mask(i)
        body = _spread(mask)
        paths: list[np.ndarray] = []
        near: list[np.ndarray] = []
        bright: list[np.ndarray] = []
        for k in range(3 * _COMETS):
            path, depth, level = _comet(k, seed, shot.now(i) / period, body, parameters.direction)
            paths.append(path)
            near.append(smooth(depth, -0.12, 0.12))
            bright.append(level)
        heads = [slice(-round(_POINTS * 0.28), None)] * _COMETS  # the first of every three is the comet itself
        core = np.zeros(size, np.float32)
        for side in (0, 1):  # behind the subject, then before it
            seen = [level * (share if side else (1 - share) * 0.8) for level, share in zip(bright, near, strict=True)]
            line = drawn(size, paths, max(width * (0.8 + 0.2 * side), 0.55), seen)
            thick = drawn(
                size,
                [path[part] for path, part in zip(paths[::3], heads, strict=True)],
                max(width * (1.5 + 0.5 * side), 0.9),
                [
                    level[part] * np.linspace(0, 1, len(level[part]))
                    for level, part in zip(seen[::3], heads, strict=True)
                ],
            )
            line = np.maximum(line, thick)
            core = np.maximum(core, line if side else line * (1 - mask))
        return shone(picture, core, halo_of(core, 0.020 * size[0]) * np.float32(1.1), colour)

    return painted(shot.frames, paint)


def _spread(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Middle (x, y) and size (width, height) of all of a subject; the middle of the frame where there is none.

    Made of sums over the mask, so that it never jumps from one piece of a subject to another.
    """
    rows, columns = mask.sum(axis=1, dtype=np.float64), mask.sum(axis=0, dtype=np.float64)
    total = float(rows.sum()) + 1e-9
    weight = total / (total + 0.002 * mask.size)
    places: list[float] = []
    sizes: list[float] = []
    for sums in (columns, rows):
        at, full = np.arange(len(sums)), len(sums)
        middle = float(sums @ at) / total
        wide = 3.5 * float(np.sqrt(max(sums @ (at - middle) ** 2 / total, 0.0)))
        places.append(weight * middle + (1 - weight) * full / 2)
        sizes.append(min(weight * wide + (1 - weight) * full / 2, 0.75 * full))  # the trails stay in the frame
    return places[0], places[1], sizes[0], sizes[1]


def _comet(
    number: int, seed: int, turn: float, body: tuple[float, float, float, float], direction: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One comet from the end of its tail to its head: path [N, 2] as (x, y), depth [N] (< 0 is behind), light [N].

    Every comet has two companions, thinner and shorter, close beside it. turn: periods since the clip began.
    """
    k, companion = divmod(number, 3)
    u = hashed(seed, 341, k, np.arange(2))
    cell, age = divmod(turn + (k + 0.6 * float(u[0])) / _COMETS, 1.0)
    radius, phase, bend, off = hashed(seed, 343, k, int(cell), np.arange(4))
    tail = _TAIL * (1.0, 0.75, 0.6)[companion]
    head = age * (1 + _TAIL) - 0.05 * companion
    along = np.linspace(head - tail, head, _POINTS)  # 0 where a path begins, 1 where it ends
    x, y, wide, high = body
    angle = 2 * np.pi * (phase + along * (0.8 + 0.5 * bend)) + (0.0, 0.16, -0.13)[companion]
    if direction == "up":
        reach = (0.55 + 0.35 * radius) * max(wide, 0.35 * high)
        angle = angle + 2 * np.pi * 0.9 * along
        path = np.stack([np.cos(angle) * reach, (0.75 - 1.5 * along) * high + 0.12 * reach * np.sin(angle)], -1)
    else:
        reach = (0.24 + 0.32 * radius) * max(high, 0.5 * wide)
        span = 1.1 * max(wide, high) + 0.5 * reach
        way = (2 * along - 1) * span + 0.35 * reach * np.cos(angle)
        path = np.stack([way if direction == "right" else -way, np.sin(angle) * reach + (off - 0.5) * 0.3 * high], -1)
    level = np.linspace(0, 1, _POINTS) ** 1.25 * (1.0, 0.75, 0.6)[companion]
    ends = smooth(along, -0.02, 0.10) * smooth(along, 1.02, 0.90)
    return path + np.array([x, y]), np.cos(angle) if direction != "up" else np.sin(angle), level * ends
