"""Light dust: streams of glowing points that flow past the subject, some in front of it, some behind it."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.body import body_of
from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.motes import aglow, motes
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed

_STREAMS = 6
_PAD = 0.10  # how far outside the frame points live, in heights
_TRAIL = np.arange(6) * 0.35  # frames that the points of a trail lie back
_FLIGHT = 46.0  # frames from the far end to the near one


@dataclass(frozen=True)
class Lightdust:
    """Its colour, whither it flows ("right", "left", "forward": from back to front, "backward"), and how much."""

    colour: str = "golden"
    direction: str = "right"
    amount: str = "medium"


def draw(rng: np.random.Generator) -> Lightdust:
    """A third of it golden; seldom from front to back."""
    colour = "golden" if rng.random() < 0.33 else str(rng.choice(list(COLOURS)))
    direction = str(rng.choice(["right", "right", "left", "left", "forward", "forward", "forward", "backward"]))
    return Lightdust(colour, direction, str(rng.choice(["light", "medium", "medium", "heavy"])))


def lightdust(shot: Shot, seed: int, parameters: Lightdust) -> Effected:
    """Add the light of all points. Half of them pass behind the subject, where there is one: its mask hides them."""
    height, width = shot.frames.shape[1:3]
    size = (height, width)
    many = {"light": 70, "medium": 150, "heavy": 320}[parameters.amount] * width / height
    number = np.arange(max(round(many), 1))
    tone = light_of(parameters.colour) ** 1.5
    tone = tone / tone.max()

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        mask = None if shot.subject is None else shot.mask(i)
        if parameters.direction in ("right", "left"):
            dots = _across(seed, number, width / height, now)
            if parameters.direction == "left":
                dots[:, 0] = width / height - dots[:, 0]
        else:
            body = None if mask is None else body_of(mask)
            middle = (np.array((width, height)) if body is None else 2 * np.array(body.middle) + 1) / (2 * height)
            back = parameters.direction == "backward"
            dots = _along(seed, number, middle, -now if back else now, -1 if back else 1)
        x, y, radius, bright, before = dots.T  # [N * K]
        values = np.stack([bright * before, bright * (1 - before)], -1)
        drawn = motes(size, np.stack([x, y], -1) * height - 0.5, np.maximum(radius * height, 0.5), values)
        core = drawn[..., 0] + (drawn[..., 1] if mask is None else drawn[..., 1] * (1 - mask))
        return aglow(picture, core, tone)

    return painted(shot.frames, paint)


def _across(seed: int, number: np.ndarray, aspect: float, now: float) -> np.ndarray:
    """Points that flow to the right: [N * K, 5] as x, y, radius in heights, brightness, share in front of the subject.

    The middle of a stream swings slowly; its points draw together and apart on their way, like the strands of a braid.
    """
    u = hashed(seed, 81, number[:, None], np.arange(9)[None])[:, None, :]  # [N, 1, 9]
    stream = (u[..., 0] * _STREAMS).astype(int)  # [N, 1]
    v = hashed(seed, 82, stream[..., None], np.arange(4)[None, None])  # [N, 1, 4]
    near = u[..., 1] ** 2
    then = now - _TRAIL  # [K]
    x = (u[..., 2] * (aspect + 2 * _PAD) + (0.014 + 0.020 * near + 0.010 * u[..., 3]) * now) % (
        aspect + 2 * _PAD
    ) - _PAD
    x = x - (now - then) * (0.014 + 0.020 * near + 0.010 * u[..., 3])  # [N, K]
    level = (stream + 0.5 + 0.5 * (v[..., 0] - 0.5)) / _STREAMS * 0.96 + 0.02
    sway = 0.10 * np.sin(4.1 * x + 6.28 * v[..., 1] - 0.030 * then) + 0.035 * np.sin(9.7 * x + 6.28 * v[..., 2])
    loose = np.where(u[..., 4] < 0.25, 0.16, 0.045)  # a quarter strays from its stream
    apart = loose * (u[..., 5] + u[..., 6] - 1) * 2 * (0.6 + 0.4 * np.sin(5.2 * x + 6.28 * v[..., 3]))
    twinkle = 0.72 + 0.28 * np.sin(now * (0.25 + 0.35 * u[..., 7]) + 6.28 * u[..., 8])
    bright = twinkle * (0.55 + 0.45 * near) * np.exp(-_TRAIL / 0.9)
    radius = (0.0034 + 0.0064 * near) * (1 - 0.10 * np.arange(len(_TRAIL)))
    before = (u[..., 1] > 0.5).astype(float)  # the near ones
    columns = np.broadcast_arrays(x, level + sway + apart, radius, bright, before)
    return np.stack(columns, -1).reshape(-1, 5)


def _along(seed: int, number: np.ndarray, middle: np.ndarray, now: float, way: int) -> np.ndarray:
    """The same of points that fly out of the middle (x, y) towards the viewer, growing, in a slow spiral.

    way: -1 for points that fly back into it; then `now` runs backwards.
    """
    u = hashed(seed, 83, number[:, None], np.arange(6)[None])[:, None, :]  # [N, 1, 6]
    flight = u[..., 0] + now / (_FLIGHT * (0.8 + 0.4 * u[..., 1]))  # flights since the beginning
    share = flight % 1.0 - way * _TRAIL / _FLIGHT  # [N, K]: 0 far away, 1 at the viewer
    near = 0.12 / (1.12 - np.minimum(share, 1.0))  # how large things look there
    arm = np.floor(u[..., 2] * 5) / 5 + 0.10 * (u[..., 3] + u[..., 4] - 1)
    turn = 2 * np.pi * np.where(u[..., 5] < 0.35, u[..., 3], arm) + 1.3 * share
    far = (0.30 + 1.2 * u[..., 4]) * near
    x, y = middle[0] + far * np.cos(turn), middle[1] + far * np.sin(turn)
    seen = smooth(share, 0.02, 0.22) * smooth(flight % 1.0, 1.0, 0.90) * (share > 0)
    bright = seen * np.exp(-_TRAIL / 0.9)
    radius = (0.0026 + 0.015 * near) * (1 - 0.10 * np.arange(len(_TRAIL)))
    columns = np.broadcast_arrays(x, y, radius, bright, smooth(share, 0.64, 0.76))
    return np.stack(columns, -1).reshape(-1, 5)


WORDING = Wording(
    known="add golden light dust flowing from left to right",
    nouns=(
        "light dust",
        "flowing light dust",
        "glowing dust",
        "streams of glowing dust",
        "streams of light particles",
        "flowing light particles",
        "light particles",
        "streaming particles of light",
        "glowing dust particles",
        "light particle traversal",
    ),
    adjectives=("full of glowing dust", "full of light particles", "swept by light dust"),
    clauses=(
        "let glowing dust flow through the {scene}",
        "let light particles stream past {subject}",
        "make light particles fly through the {scene}",
        "send streams of glowing dust past {subject}",
    ),
    named={
        -1: ("thin stream of light dust",),
        1: ("a torrent of light dust", "a stream of countless light particles"),
    },
    tails={
        "direction": {
            "right": ("from left to right", "flowing to the right", "from the left to the right"),
            "left": ("from right to left", "flowing to the left", "from the right to the left"),
            "forward": ("from back to front", "flying towards the viewer", "towards the camera"),
            "backward": ("from front to back", "flying away from the viewer", "away from the camera"),
        }
    },
    about=("past {subject}", "around {subject}"),
)
