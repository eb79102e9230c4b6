"""The bodies of things: a shape, cut out exactly, with its pattern, light from the upper left and a dark rim."""

from functools import lru_cache

import cv2
import numpy as np

from refrain.data.noise import sample, tile
from refrain.data.sessions.graph import COLOURS

ROOM = 1.25  # half the side of a body's canvas, in radii
_LIGHT = np.array([-0.45, -0.60, 0.66], np.float32)
_GREATER = {"ball": 0.92, "box": 0.80, "triangle": 1.06, "star": 1.12, "ring": 1.0, "heart": 1.0, "cross": 1.0}
_DARKER = 0.45  # what a pattern's second colour is of the first
_BANDS = 2.2  # stripes of a pattern across a radius


@lru_cache(maxsize=96)
def body(shape: str, colour: str, pattern: str, texture: int, radius: int) -> np.ndarray:
    """A body of so many pixels' radius: float32 [S, S, 4], premultiplied RGBA in 0..1, read only."""
    side = 2 * int(np.ceil(radius * ROOM))
    grid = (np.arange(side, dtype=np.float32) + 0.5 - side / 2) / radius
    y, x = np.meshgrid(grid, grid, indexing="ij")
    cover = _cover(shape, side, radius)
    depth = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / radius
    depth = cv2.GaussianBlur(depth, (0, 0), max(radius * 0.03, 0.5))
    paint = np.array(COLOURS[colour], np.float32) * _tone(pattern, x, y, texture, radius)[..., None]
    lit = paint * _shade(shape, depth, x, y)[..., None]
    rim = np.clip(1.6 - depth / 0.055, 0, 1)[..., None]
    lit = lit + (paint * np.float32(0.30) - lit) * rim
    shine = np.exp(-((x + 0.32) ** 2 + (y + 0.38) ** 2) / 0.035) * (0.45 if shape == "ball" else 0.0)
    lit = np.clip(lit + shine[..., None], 0, 1)
    made = np.concatenate([lit * cover[..., None], cover[..., None]], -1).astype(np.float32)
    made.setflags(write=False)
    return made


def _shade(shape: str, depth: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How bright every place is: a sphere for a ball, a bevelled body for the others."""
    if shape == "ball":
        wide = _GREATER["ball"]
        z = np.sqrt(np.clip(1 - (x**2 + y**2) / wide**2, 0, 1))
        normal = np.stack([x / wide, y / wide, z], -1)
    else:
        bevel = np.clip(depth / 0.30, 0, 1)
        height = np.sqrt(1 - (1 - bevel) ** 2) * 0.30
        step = float(x[0, 1] - x[0, 0])
        down, right = np.gradient(cv2.GaussianBlur(height, (0, 0), 1.0), step)
        normal = np.stack([-right * 0.7, -down * 0.7, np.ones_like(x)], -1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return (0.55 + 0.62 * np.clip(normal @ _LIGHT, 0, 1)).astype(np.float32)


def _tone(pattern: str, x: np.ndarray, y: np.ndarray, texture: int, radius: int) -> np.ndarray:
    """The pattern with a little grain: 1 for the colour itself, less for its darker second [S, S]."""
    soft = max(0.9 / radius, 0.06) * np.pi * _BANDS
    if pattern == "striped":
        wave = np.sin(np.pi * _BANDS * (x + y) * 0.75)
    elif pattern == "checked":
        wave = np.sin(np.pi * _BANDS * x) * np.sin(np.pi * _BANDS * y) * 2
    elif pattern == "dotted":
        u, v = x * 1.55 + 0.5, y * 1.55 + 0.5
        wave = (np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5) - 0.27) * 8
    else:
        wave = np.ones_like(x)
    share = np.clip(wave / soft * 0.5 + 0.5, 0, 1) if pattern != "plain" else wave
    shift = np.random.default_rng((texture, 229)).random(2)
    grain = sample(tile(-1.6, texture % 3), y * 0.35 + shift[0], x * 0.35 + shift[1])
    return ((_DARKER + (1 - _DARKER) * share) * (1 + 0.04 * grain)).astype(np.float32)


def _cover(shape: str, side: int, radius: float) -> np.ndarray:
    """How much of every pixel of the canvas the shape covers: float32 [S, S]."""
    mask = np.zeros((side, side), np.uint8)
    outlines = [points * (_GREATER[shape] * radius) + side / 2 - 0.5 for points in _outlines(shape)]
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32) for points in outlines], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _outlines(shape: str) -> list[np.ndarray]:
    """Closed outlines [N, 2] as (x, y), y down; two of them leave a hole."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], -1)
    if shape == "ball":
        return [circle]
    if shape == "ring":
        return [circle, circle * 0.48]
    if shape == "box":
        return [np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)]
    if shape == "triangle":
        return [np.array([[0, -0.95], [1, 0.78], [-1, 0.78]])]
    if shape == "star":
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        reach = np.where(np.arange(10) % 2 == 0, 1.0, 0.46)
        return [np.stack([np.cos(turns), np.sin(turns)], -1) * reach[:, None] + [0, 0.06]]
    if shape == "cross":
        a, b = 0.36, 1.0
        corners = [
            (-a, -b),
            (a, -b),
            (a, -a),
            (b, -a),
            (b, a),
            (a, a),
            (a, b),
            (-a, b),
            (-a, a),
            (-b, a),
            (-b, -a),
            (-a, -a),
        ]
        return [np.array(corners)]
    high = 13 * np.cos(angles) - 5 * np.cos(2 * angles) - 2 * np.cos(3 * angles) - np.cos(4 * angles)
    return [np.stack([16 * np.sin(angles) ** 3, -high - 2.5], -1) / 15.5]  # a heart
