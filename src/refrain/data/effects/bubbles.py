"""Soap bubbles: thin shimmering spheres at several depths that rise, sway and wobble, with a window in each."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.effected import Effected, painted
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed

WORDING = Wording(
    known="add soap bubbles",
    nouns=(
        "soap bubbles",
        "bubbles",
        "floating bubbles",
        "iridescent bubbles",
        "rising bubbles",
        "shiny soap bubbles",
        "blown bubbles",
        "bubbles of soap",
        "drifting soap bubbles",
    ),
    adjectives=("bubbly", "full of bubbles", "filled with soap bubbles"),
    verbs=("fill with bubbles", "bubble"),
    clauses=("blow bubbles through the {scene}", "let soap bubbles float through the {scene}", "blow soap bubbles"),
    named={1: ("a flood of bubbles", "a bubble party"), -1: ("one or two bubbles", "a few stray bubbles")},
)

_PAD = 0.16  # how far outside the frame bubbles live, in heights
_FILM = np.array([0.0, 0.36, 0.68], np.float32)  # where red, green and blue stand in a fringe of interference


@dataclass(frozen=True)
class Bubbles:
    """How many ("light", "medium", "heavy"), their size ("small", "medium", "big") and speed ("slow", ..., "fast")."""

    amount: str = "medium"
    size: str = "medium"
    speed: str = "medium"


def draw(rng: np.random.Generator) -> Bubbles:
    """Mostly of middling size and speed."""
    return Bubbles(
        str(rng.choice(["light", "medium", "medium", "heavy"])),
        str(rng.choice(["small", "medium", "medium", "medium", "big"])),
        str(rng.choice(["slow", "medium", "medium", "medium", "fast"])),
    )


def bubbles(shot: Shot, seed: int, parameters: Bubbles) -> Effected:
    """Far bubbles first, near ones over them; each bends what is behind its rim and adds the colours of its film."""
    height, width = shot.frames.shape[1:3]
    aspect = width / max(height, 1)
    big, many = {"small": (0.030, 1.5), "medium": (0.055, 1.0), "big": (0.095, 0.5)}[parameters.size]
    many *= {"light": 8, "medium": 15, "heavy": 26}[parameters.amount]
    pace = {"slow": 0.5, "medium": 1.0, "fast": 2.0}[parameters.speed]
    count = max(round(many * (1 + 2 * _PAD) * (aspect + 2 * _PAD)), 1)
    u = hashed(seed, 351, np.arange(count)[:, None], np.arange(8)[None])  # [N, 8]
    u = u[np.argsort(u[:, 0])]  # the small, far ones first
    radius = big * (0.5 + 0.9 * u[:, 0] ** 1.3)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        rise = pace * (0.0045 + 0.006 * u[:, 0]) * (0.85 + 0.3 * u[:, 1])  # heights a frame
        sway = 0.022 * np.sin(now * (0.07 + 0.06 * u[:, 2]) * pace**0.5 + 6.28 * u[:, 3])
        y = (u[:, 4] - rise * now / (1 + 2 * _PAD)) % 1.0 * (1 + 2 * _PAD) - _PAD
        x = (u[:, 5] + 0.0006 * (u[:, 6] - 0.5) * now) % 1.0 * (aspect + 2 * _PAD) - _PAD + sway
        light, matte = picture * picture, np.zeros((height, width), np.float32)
        for k in range(count):
            place = (float(x[k] * height - 0.5), float(y[k] * height - 0.5))
            _bubble(light, matte, place, max(float(radius[k] * height), 0.8), now * 0.05 + u[k, 6:8] * 9)
        return np.sqrt(light), matte

    return painted(shot.frames, paint)


def _bubble(light: np.ndarray, matte: np.ndarray, place: tuple[float, float], radius: float, phase: np.ndarray) -> None:
    """Lay one bubble on the linear picture [Y, X, 3] and its matte [Y, X], in place. phase: [2], how it wobbles."""
    reach = 1.12 * radius + 2
    left, top = max(int(place[0] - reach), 0), max(int(place[1] - reach), 0)
    right, bottom = min(int(place[0] + reach) + 1, light.shape[1]), min(int(place[1] + reach) + 1, light.shape[0])
    if left >= right or top >= bottom:
        return
    x = ((np.arange(left, right, dtype=np.float32) - np.float32(place[0])) / np.float32(radius))[None, :]
    y = ((np.arange(top, bottom, dtype=np.float32) - np.float32(place[1])) / np.float32(radius))[:, None]
    wide, lean = (0.07 * np.sin(phase * np.array([4.1, 3.3]))).astype(np.float32).tolist()
    u, v = x * (1 + wide) + y * lean, y * (1 - wide) + x * lean  # a wobble that keeps its area, [y, x]
    square = u * u + v * v
    far = cv2.sqrt(square)
    inside = np.clip((1 - far) * radius + 0.5, 0, 1)
    rim = cv2.exp(-(((0.955 - far) / max(0.055, 0.62 / radius)) ** 2)) * np.clip((1.05 - far) * radius + 0.7, 0, 1)
    film = np.minimum(square, 1.0) ** 2 * inside
    # the film is thicker below, and flows: its colours are bands that bend with the sphere
    flow = 0.9 * square + 0.55 * v + 0.35 * np.sin(2.6 * u + float(phase[0])) + float(phase[1])
    shine = film * 0.42 + rim * 0.85 + inside * 0.035
    window = cv2.exp(-(((0.66 * u + 0.75 * v + 0.66) / 0.11) ** 2 + ((0.75 * u - 0.66 * v) / 0.26) ** 2))
    back = cv2.exp(-(((0.66 * u + 0.75 * v - 0.72) / 0.07) ** 2 + ((0.75 * u - 0.66 * v) / 0.20) ** 2))
    gleam = (1.9 * window + 0.7 * back) * inside
    bend = (-0.16 * radius) * film
    seen = cv2.remap(
        light,
        np.arange(left, right, dtype=np.float32)[None, :] + bend * u,
        np.arange(top, bottom, dtype=np.float32)[:, None] + bend * v,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    colour = 0.56 + 0.44 * np.cos(np.float32(2 * np.pi) * (flow[..., None] + _FILM))
    added = shine[..., None] * colour + gleam[..., None]
    shade = 1 - 0.32 * film - 0.45 * rim
    seen = 1 - (1 - np.minimum(seen, 1) * shade[..., None]) * cv2.exp(-added)
    cover = np.maximum(inside, rim)[..., None]
    part = light[top:bottom, left:right]
    part += (seen - part) * cover
    lit = np.clip(rim + gleam + 0.25 * inside + 0.6 * film, 0, 1)
    np.maximum(matte[top:bottom, left:right], lit, out=matte[top:bottom, left:right])
