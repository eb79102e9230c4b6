"""Rain: slanted bright streaks over a darker, paler, slightly hazy picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.effected import Effected, clock, luma_of, sealed, unit
from refrain.data.noise import hashed


@dataclass(frozen=True)
class Rain:
    """How much ("light", "medium", "heavy") and whither the wind drives it ("none", "left", "right")."""

    amount: str = "medium"
    wind: str = "none"


def draw(rng: np.random.Generator) -> Rain:
    """Half of it falls nearly straight."""
    return Rain(str(rng.choice(["light", "medium", "medium", "heavy"])), str(rng.choice(["none", "none", "left", "right"])))


def rain(frames: np.ndarray, seed: int, parameters: Rain, start: int = 0) -> Effected:
    """Streaks are added as light; the day behind them is dimmed, made paler and a little grey."""
    per_square, dim, haze = {"light": (45, 0.88, 0.05), "medium": (90, 0.76, 0.09), "heavy": (180, 0.62, 0.15)}[parameters.amount]
    slant = {"none": 0.04, "left": -0.42, "right": 0.42}[parameters.wind]
    streaks = _streaks(frames, seed, (per_square, slant), start)[..., None]  # [T, Y, X, 1]
    picture = unit(frames)
    pale = picture + (luma_of(picture)[..., None] - picture) * np.float32(0.25 + haze)
    pale = pale * np.float32(dim) + np.array([0.60, 0.65, 0.72], np.float32) * np.float32(haze)
    out = pale + (np.array([0.86, 0.90, 0.96], np.float32) - pale) * streaks
    return sealed(frames, out, np.maximum(streaks[..., 0], 1 - dim))


def _streaks(frames: np.ndarray, seed: int, weather: tuple[float, float], start: int) -> np.ndarray:
    """How much streaks cover: float32 [T, Y, X]; `weather` is streaks per square of height, and x over y of their path."""
    time, height, width = frames.shape[:3]
    aspect = width / height
    pad = 0.2
    number = np.arange(max(int(round(weather[0] * (aspect + 2 * pad))), 1))
    u = hashed(seed, 23, number[:, None], np.arange(5)[None])  # [N, 5]
    near = 0.6 + 0.6 * u[:, 0]
    length = 0.12 * near
    fall = 0.052 * near * (0.9 + 0.2 * u[:, 1])
    slant = weather[1] + 0.03 * (u[:, 2] - 0.5)
    now = clock(frames, start)[:, None]
    y = (u[:, 3] * (1 + 2 * pad) + fall * now) % (1 + 2 * pad) - pad
    x = (u[:, 4] * (aspect + 2 * pad) + fall * slant * now) % (aspect + 2 * pad) - pad
    head = np.stack([x, y], -1) * height  # [T, N, 2]
    tail = head - np.stack([slant * length, length], -1) * height
    ends = np.round(np.stack([tail, head], 2) * 16).astype(np.int32)  # [T, N, 2, 2]
    light = np.round(90 + 120 * u[:, 0]).astype(int).tolist()
    thick = max(1, round(height * 0.0075))
    out = np.zeros((time, height, width), np.float32)
    for i in range(time):
        canvas = np.zeros((height, width), np.uint8)
        for (a, b), value in zip(ends[i].tolist(), light, strict=True):
            cv2.line(canvas, a, b, value, thick, cv2.LINE_AA, 4)
        out[i] = cv2.GaussianBlur(canvas, (0, 0), max(height * 0.0035, 0.45)).astype(np.float32) / 255
    return out
