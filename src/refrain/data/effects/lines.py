"""Lines: the subject drawn in light, by a bundle of thin wavering contours with beads of light, and its features."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.beam import bodies_of, drawn, halo_of, normals_of, shone, within
from refrain.data.effects.body import Body
from refrain.data.effects.edges import edges_of
from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import spread

WORDING = Wording(
    known="draw the subject with blue contour lines",
    nouns=(
        "contour lines",
        "flowing contours",
        "line art contours",
        "light sketch lines",
        "a line drawing of light",
        "sketched outlines",
        "layered contour lines",
        "a bundle of contour lines",
        "hand drawn outlines",
        "wavy contours",
        "line shaping",
    ),
    adjectives=("sketched in light", "drawn with contour lines", "shaped by flowing lines", "sketched with lines"),
    verbs=("turn into a light sketch", "be sketched with contour lines"),
    clauses=(
        "draw {subject} with flowing lines",
        "sketch {subject} with lines of light",
        "shape {subject} with contour lines",
        "outline {subject} with flowing strokes",
        "trace {subject} in a line art style",
    ),
    named={1: ("a dense web of contour lines",), -1: ("a few sketched contour lines",)},
    about=("around {subject}", "along {subject}", "tracing {subject}", "following the shape of {subject}"),
)

_SHADE = np.float32(0.55)  # how much light the subject loses, so that its lines are what is seen of it


@dataclass(frozen=True)
class Lines:
    """The colour of the lines, and how many: "light", "medium" or "heavy"."""

    colour: str = "blue"
    amount: str = "medium"


def draw(rng: np.random.Generator) -> Lines:
    """Any colour, mostly a middling number."""
    return Lines(str(rng.choice(list(COLOURS))), str(rng.choice(["light", "medium", "medium", "heavy"])))


def lines(shot: Shot, seed: int, parameters: Lines) -> Effected:
    """Dim the subject, so that its lines are what is seen of it; draw them in its own coordinates, so they follow."""
    size = shot.frames.shape[1:3]
    colour = light_of(parameters.colour)
    count, least = {"light": (3, 0.09), "medium": (6, 0.06), "heavy": (10, 0.035)}[parameters.amount]

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now, bodies = shot.now(i), bodies_of(shot.mask(i))
        if not bodies:
            return picture, np.zeros(size, np.float32)
        paths: list[np.ndarray] = []
        bright: list[np.ndarray] = []
        for body, share in bodies:
            for number, path in enumerate(_around(body, seed, now, count)):
                shine = share * within(path, size) * _flow(seed, number, now, len(path))
                paths.append(np.concatenate([path, path[:1]]))
                bright.append(np.append(shine, shine[0]))
        core = drawn(size, paths, max(0.004 * size[0], 0.45), bright)
        mask = shot.mask(i)
        features = edges_of(luma_of(picture), 0.008 * size[0], 0.0045 * size[0], least) * cv2.erode(
            mask, np.ones((3, 3))
        )
        core = np.maximum(core, 0.7 * features)
        dim = picture * spread(np.sqrt(1 - _SHADE * mask))
        out, matte = shone(dim, core, halo_of(core, 0.010 * size[0]) * np.float32(0.4), colour, white=0.5)
        return out, np.maximum(matte, _SHADE * mask)

    return painted(shot.frames, paint)


def _around(body: Body, seed: int, now: float, count: int) -> list[np.ndarray]:
    """Closed lines [N, 2] near the outline: the further out, the smoother, the more they waver."""
    points, span = len(body.outline), min(body.height, 2 * body.width)
    part = 2 * np.pi * np.arange(points) / points
    spectrum, waves = np.fft.fft(body.outline[:, 0] + 1j * body.outline[:, 1]), np.fft.fftfreq(points) * points
    found: list[np.ndarray] = []
    for k in range(count):
        far = k / max(count - 1, 1)
        soft = np.fft.ifft(spectrum * np.exp(-((waves * (0.012 + 0.055 * far)) ** 2)))  # the fine of the outline leaves
        path = np.stack([soft.real, soft.imag], -1)
        phase, rate = hashed(seed, 321, k, np.arange(8)).reshape(2, 4)
        turns = np.array([2, 3, 5, 8])
        swing = np.sin(part[:, None] * turns + 2 * np.pi * phase + now * (rate - 0.5) * 0.3)  # [N, 4]
        waver = swing @ np.array([0.9, 0.8, 0.5, 0.3]) * (0.006 + 0.016 * far)
        moved = path + normals_of(path) * ((-0.012 + 0.13 * far + waver) * span)[:, None]
        found.append(moved[::2])  # so smooth a line needs no more points
    return found


def _flow(seed: int, number: int, now: float, points: int) -> np.ndarray:
    """How bright a line is along itself, [N] in 0..1: dim, with beads that run along it and drag a tail."""
    start, speed, way = hashed(seed, 323, number, np.arange(3))
    part = np.arange(points) / points
    behind = ((now * (0.008 + 0.010 * speed) + start - part) * 2) % 1.0  # two beads on every line
    behind = behind if way < 0.75 else 1 - behind
    return 0.38 + 0.62 * np.exp(-behind * 7.0)
