"""Snow: soft flakes at several depths that sway as they fall, and the cool brightness of a snowy day."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, clock, luma_of, sealed, unit
from refrain.data.effects.particles import stamped
from refrain.data.noise import hashed

# depth: share of the flakes, radius and fall a frame in shares of the height, how opaque
_DEPTHS = ((0.34, 0.0100, 0.0080, 0.75), (0.40, 0.0145, 0.0115, 0.90), (0.26, 0.0200, 0.0160, 0.97))


@dataclass(frozen=True)
class Snow:
    """How much ("light", "medium", "heavy") and whither the wind blows it ("none", "left", "right")."""

    amount: str = "medium"
    wind: str = "none"


def draw(rng: np.random.Generator) -> Snow:
    """Half of it falls straight."""
    return Snow(str(rng.choice(["light", "medium", "medium", "heavy"])), str(rng.choice(["none", "none", "left", "right"])))


def snow(frames: np.ndarray, seed: int, parameters: Snow, start: int = 0) -> Effected:
    """Lay white flakes over a slightly brighter, cooler, paler picture."""
    time, height, width = frames.shape[:3]
    per_square, haze = {"light": (45, 0.05), "medium": (95, 0.09), "heavy": (200, 0.16)}[parameters.amount]
    wind = {"none": 0.0, "left": -0.85, "right": 0.85}[parameters.wind]
    thin = np.zeros((time, height, width), np.float32)  # minus the logarithm of what shows through
    for depth, layer in enumerate(_DEPTHS):
        places, radius = _fall(seed, depth, (per_square * layer[0], wind), width / height, clock(frames, start))
        pixels = np.maximum(radius * height, 0.75).astype(np.float32)  # [N]
        reach = int(np.ceil(pixels.max() * 1.75)) + 1
        inverse = (1 / pixels)[None, :, None, None]

        def flake(dy: np.ndarray, dx: np.ndarray, inverse: np.ndarray = inverse, opaque: float = layer[3]) -> np.ndarray:
            return np.float32(2.2 * opaque) * np.exp(-(((dy * dy + dx * dx) * inverse**2) ** 1.5))

        thin += stamped((time, height, width), places * height - 0.5, reach, flake)
    flakes = (1 - np.exp(-thin))[..., None]
    picture = unit(frames)
    pale = picture + (luma_of(picture)[..., None] - picture) * np.float32(1.5 * haze)
    pale += (np.array([0.86, 0.90, 0.97], np.float32) - pale) * np.float32(haze)
    out = pale + (np.array([0.965, 0.975, 1.0], np.float32) - pale) * flakes
    return sealed(frames, out, np.maximum(flakes[..., 0], haze))


def _fall(
    seed: int, depth: int, weather: tuple[float, float], aspect: float, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places [T, N, 2] as (y, x) and radii [N], in heights; `weather` is flakes per square of height, and the wind."""
    _, size, speed, _ = _DEPTHS[depth]
    pad = 0.06
    number = np.arange(max(int(round(weather[0] * (aspect + 2 * pad))), 1))
    u = hashed(seed, 11 + depth, number[:, None], np.arange(6)[None])  # [N, 6]
    radius = size * (0.8 + 0.45 * u[:, 0])
    fall = speed * (0.85 + 0.3 * u[:, 1])
    now = frames[:, None]
    sway = 0.012 * (0.5 + u[:, 2]) * np.sin(now * 2 * np.pi / (34 + 26 * u[:, 3]) + 6.283 * u[:, 2])
    y = (u[:, 4] * (1 + 2 * pad) + fall * now) % (1 + 2 * pad) - pad
    x = (u[:, 5] * (aspect + 2 * pad) + fall * weather[1] * now) % (aspect + 2 * pad) - pad + sway
    return np.stack([y, x], -1), radius
