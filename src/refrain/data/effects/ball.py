"""Ball: a shaded ball is added that bounces on the spot and casts a shadow."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.palette import light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import spread

_COLOURS = ("white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "golden")


@dataclass(frozen=True)
class Ball:
    """Its colour, its size ("small", "medium", "big") and its place ("left", "middle", "right")."""

    colour: str = "red"
    size: str = "medium"
    where: str = "middle"


def draw(rng: np.random.Generator) -> Ball:
    """Mostly of middle size, anywhere."""
    return Ball(
        str(rng.choice(_COLOURS)),
        str(rng.choice(["small", "medium", "medium", "big"])),
        str(rng.choice(["left", "middle", "right"])),
    )


def ball(shot: Shot, seed: int, parameters: Ball) -> Effected:
    """A ball lit from above on the left: it falls, is pressed flat a little where it lands, and springs up again."""
    height, width = shot.frames.shape[1:3]
    radius = height * {"small": 0.10, "medium": 0.14, "big": 0.19}[parameters.size]
    phase, aside = hashed(seed, 71, np.arange(2))
    x = width * {"left": 0.2, "middle": 0.5, "right": 0.8}[parameters.where] + (aside - 0.5) * 0.06 * width
    ground = height * 0.86
    coat = light_of(parameters.colour) * np.float32(0.92)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bounce = (shot.now(i) / 20 + phase) % 1.0
        lift = 4 * bounce * (1 - bounce)  # 0 on the ground, 1 at the top of its leap
        flat = 1 - 0.18 * float(1 - smooth(np.array(lift), 0.0, 0.25))
        y = ground - radius * flat - lift * height * 0.28
        # nothing is seen outside of this box: the ball is narrower than its shadow, which ends after 1.85 radii
        top, left = max(int(y - 1.1 * radius) - 1, 0), max(int(x - 2 * radius), 0)
        box = slice(top, int(ground + 0.5 * radius) + 2), slice(left, int(x + 2 * radius) + 2)
        part = picture[box]
        rows = (np.arange(part.shape[0], dtype=np.float32) + top)[:, None]
        columns = (np.arange(part.shape[1], dtype=np.float32) + left)[None]
        u, v = (columns - x) / (radius / np.sqrt(flat)), (rows - y) / (radius * flat)
        square = u * u + v * v
        cover = np.clip((1 - np.sqrt(square)) * radius + 0.5, 0, 1)
        up = np.sqrt(np.maximum(1 - square, 0))
        light = 0.35 + 0.65 * np.clip(-0.45 * u - 0.55 * v + 0.70 * up, 0, 1)
        shine = np.clip(1 - 9 * ((u + 0.38) ** 2 + (v + 0.42) ** 2), 0, 1)[..., None]
        body = coat * light[..., None] + shine * 0.6
        shade = 0.55 * np.exp(-(((columns - x) / radius) ** 2) - ((rows - ground) / (0.22 * radius)) ** 2)
        shade *= 1 - 0.6 * lift
        shade[shade < 0.02] = 0
        out = part * spread(1 - shade)
        part[:] = out + (body - out) * spread(cover)
        matte = np.zeros((height, width), np.float32)
        matte[box] = np.maximum(cover, shade)
        return picture, matte

    return painted(shot.frames, paint)


WORDING = Wording(
    known="add a big red ball on the left",
    nouns=("a ball", "a bouncing ball", "a rubber ball", "a beach ball"),
    clauses=("let a {colour} ball bounce", "throw in a {colour} ball", "drop a {colour} ball"),
    tails={
        "where": {
            "left": ("on the left", "on the left side", "at the left"),
            "middle": ("in the middle", "in the centre", "in the center"),
            "right": ("on the right", "on the right side", "at the right"),
        }
    },
    usual={"where": "middle"},
)
