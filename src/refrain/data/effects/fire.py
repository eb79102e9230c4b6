"""Fire: tongues of flame that rise from the lower edge, dark red at the tips and pale yellow at the root, and their light."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.effected import Effected, clock, sealed, smooth, unit
from refrain.data.noise import hashed, sample, tile

# heat -> linear light of the flame (red, green, blue), and how much of the scene it hides
_HEAT = np.array([0.0, 0.12, 0.28, 0.45, 0.65, 0.85, 1.0])
_LIGHT = np.array(
    [[0, 0, 0], [0.05, 0.004, 0], [0.34, 0.028, 0.002], [0.85, 0.16, 0.01], [1.05, 0.42, 0.03], [1.1, 0.74, 0.14], [1.1, 0.98, 0.52]]
)
_COVER = np.array([0.0, 0.12, 0.50, 0.80, 0.92, 0.97, 1.0])


@dataclass(frozen=True)
class Fire:
    """How much ("light", "medium", "heavy") and where it burns ("below", "left", "right")."""

    amount: str = "medium"
    where: str = "below"


def draw(rng: np.random.Generator) -> Fire:
    """Mostly along the whole lower edge."""
    return Fire(
        str(rng.choice(["light", "medium", "medium", "heavy"])), str(rng.choice(["below", "below", "below", "left", "right"]))
    )


def fire(frames: np.ndarray, seed: int, parameters: Fire, start: int = 0) -> Effected:
    """Flames hide and outshine the scene in linear light; their flicker warms what is above them."""
    height, width = frames.shape[1:3]
    heat = _heat(frames.shape, seed, parameters, start)  # [T, y, x], half resolution
    steps = np.linspace(0, 1, 256)
    palette = np.stack([np.interp(steps, _HEAT, _LIGHT[:, c]) for c in range(3)] + [np.interp(steps, _HEAT, _COVER)], -1)
    flames = palette.astype(np.float32)[(heat * 255).astype(np.uint8)]  # [T, y, x, 4]
    light = unit(frames) ** 2
    matte = np.empty(frames.shape[:3], np.float32)
    now = clock(frames, start)
    a, b = hashed(seed, 43, np.arange(2)) * 6.283
    flicker = 1 + 0.10 * np.sin(now * 0.55 + a) + 0.07 * np.sin(now * 0.23 + b)
    warm = np.array([0.55, 0.16, -0.10], np.float32)
    for i, frame in enumerate(flames):
        low = cv2.GaussianBlur(frame, (0, 0), height * 0.05)  # the light around the flames
        over = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
        spill = cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR)
        near = spill[..., 3:] * np.float32(flicker[i])
        lit = light[i] * (1 + near * warm * 1.6) + spill[..., :3] * np.float32(0.10 * flicker[i])
        light[i] = lit * (1 - over[..., 3:]) + over[..., :3] * over[..., 3:]
        matte[i] = np.maximum(over[..., 3], np.clip(near[..., 0] * 0.6, 0, 1))
    return sealed(frames, np.sqrt(np.clip(light, 0, 1)), matte)


def _heat(shape: tuple[int, ...], seed: int, parameters: Fire, start: int) -> np.ndarray:
    """Heat of the flames in 0..1 at half resolution: float32 [T, y, x]."""
    time, height, width = shape[:3]
    aspect = width / height
    rows, columns = max(height // 2, 2), max(width // 2, 2)
    up = ((rows - np.arange(rows, dtype=np.float32) - 0.5) / rows)[:, None]  # height above the lower edge
    x = ((np.arange(columns, dtype=np.float32) + 0.5) / columns * aspect)[None, :]
    a, b, c, d = hashed(seed, 41, np.arange(4))
    tall = {"light": 0.30, "medium": 0.46, "heavy": 0.66}[parameters.amount]
    reach = x / aspect if parameters.where == "left" else 1 - x / aspect
    share = 1.0 if parameters.where == "below" else 1.35 * (1 - smooth(reach, 0.12, 0.60))
    tongues, turmoil, row = tile(-2.6, 8, 0.45), tile(-2.4, 9), tile(-2.6, 10)
    out = np.empty((time, rows, columns), np.float32)
    for i in range(time):
        now = float(start + i)
        rise = now * 0.0150
        sway = sample(turmoil, up * 0.40 + a + rise * 0.7, x * 0.40 + b + now * 0.0008) * (0.035 + 0.10 * up)
        body = sample(tongues, up * 0.42 + c + rise * 0.42 / 0.60, (x + sway) * 0.42 + d)
        swell = sample(row, np.full_like(x, now * 0.0022 + a), x * 0.35 + b)  # how high it burns here, now
        top = np.maximum(tall * share * (1 + 0.28 * swell), 1e-3)
        level = 1.08 - up / top  # 1 at the root, 0 at the top
        out[i] = np.clip(level * 0.92 + body * 0.30 * (0.35 + 0.65 * np.clip(1 - level, 0, 1)) * (level > -0.5), 0, 1)
        out[i] *= smooth(level, -0.45, 0.05) * np.minimum(share, 1.0) ** 0.3
    return out
