"""The backgrounds of rendered sessions: eight that have a name, four in any colours. They look alike at every size.

A painter takes a random stream and two grids (x to the right, y down, in shorter sides, 0 in the middle of the frame)
and returns float32 [Y, X, 3], RGB in 0..1.
"""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from refrain.data.noise import sample, tile
from refrain.data.scenes.paint import Litter, leaves
from refrain.data.sessions.graph import Background, wild_colours

MARGIN = 0.3  # of the shorter side: how much of a background lies outside the frame, on every side
Painter = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]


@lru_cache(maxsize=12)
def plate(background: Background, size: tuple[int, int]) -> np.ndarray:
    """A background for frames of this size (rows, columns), with its margin all around; read only."""
    short, margin = min(size), margin_of(size)
    y = (np.arange(-margin, size[0] + margin, dtype=np.float32) - size[0] / 2 + 0.5) / short
    x = (np.arange(-margin, size[1] + margin, dtype=np.float32) - size[1] / 2 + 0.5) / short
    grids = np.ascontiguousarray(np.broadcast_arrays(y[:, None], x[None])).astype(np.float32)
    rng = np.random.default_rng((background.seed, 227))
    if background.kind in _NAMED:
        painted = _NAMED[background.kind](rng, grids[0], grids[1])
    else:
        painted = _wild(background, rng, grids[0], grids[1])
    painted = np.clip(painted, 0, 1).astype(np.float32)
    painted.setflags(write=False)
    return painted


def margin_of(size: tuple[int, int]) -> int:
    """Pixels of margin for frames of this size."""
    return round(min(size) * MARGIN)


def _field(
    rng: np.random.Generator, y: np.ndarray, x: np.ndarray, scale: float, slope: float, flat: float = 1
) -> np.ndarray:
    """1/f noise whose largest waves are about 1 / `scale` shorter sides, `flat` times wider than high: [Y, X]."""
    shift = rng.random(2)
    return sample(tile(slope, int(rng.integers(3))), (y * scale + shift[0]), (x * scale / flat + shift[1]))


def _between(a: tuple[float, float, float], b: tuple[float, float, float], share: np.ndarray) -> np.ndarray:
    low, high = np.array(a, np.float32), np.array(b, np.float32)
    return low + (high - low) * np.clip(share, 0, 1)[..., None].astype(np.float32)


def _sky(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    blue = _between((0.28, 0.52, 0.88), (0.66, 0.82, 0.96), y + 0.5)
    cloud = np.clip(_field(rng, y, x, 0.7, -3.2, 1.6) * 0.9 - 0.2, 0, 1)[..., None] * 0.75
    return blue + (np.float32(0.96) - blue) * cloud


def _grass(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    blades = _field(rng, y, x, 2.0, -2.0, 0.4) * 0.15 + _field(rng, y, x, 0.8, -2.8) * 0.12
    return np.array([0.30, 0.52, 0.16], np.float32) * (0.95 + blades + 0.15 * y)[..., None]


def _sand(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    bent = _field(rng, y, x, 0.6, -3.2)
    ripple = np.sin(2 * np.pi * 7 * y + 2.2 * bent) * 0.05 + _field(rng, y, x, 2.5, -1.0) * 0.035
    return np.array([0.83, 0.71, 0.50], np.float32) * (0.97 + ripple)[..., None]


def _grid(y: np.ndarray, x: np.ndarray, high: float, wide: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Courses of bricks: how deep inside a brick every place is (in shorter sides) and a number for its brick."""
    row = np.floor(y / high)
    u = x / wide + row * shift
    inside = np.minimum((0.5 - np.abs(y / high - row - 0.5)) * high, (0.5 - np.abs(u - np.floor(u) - 0.5)) * wide)
    return inside, (row * 7.31 + np.floor(u) * 3.77)


def _bricks(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    inside, number = _grid(y + rng.random() * 0.1, x + rng.random() * 0.2, 0.125, 0.27, 0.5)
    tone = 1 + 0.16 * np.sin(number * 12.9) + 0.07 * _field(rng, y, x, 1.6, -2.0)
    brick = np.array([0.60, 0.27, 0.19], np.float32) * tone[..., None].astype(np.float32)
    joint = np.clip((inside - 0.004) / 0.012, 0, 1)[..., None].astype(np.float32)
    return np.array([0.62, 0.54, 0.47], np.float32) * (1 - joint) + brick * joint


def _tiles(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    inside, number = _grid(y + rng.random() * 0.1, x + rng.random() * 0.1, 0.16, 0.16, 0.0)
    tone = 0.83 + 0.035 * np.sin(number * 12.9) + 0.012 * _field(rng, y, x, 1.5, -1.6)
    joint = np.clip((inside - 0.003) / 0.011, 0, 1)
    return np.array([0.92, 0.97, 1.0], np.float32) * (0.5 + (tone - 0.5) * joint)[..., None].astype(np.float32)


def _water(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    wave = _field(rng, y, x, 1.7, -2.9, 2.6)
    light = np.clip(wave * 0.45 - 0.35, 0, 1) * 0.5
    return _between((0.03, 0.26, 0.36), (0.14, 0.52, 0.56), 0.5 + 0.3 * wave - 0.2 * y) + light[..., None]


def _sunset(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    share = y + 0.5 + 0.05 * _field(rng, y, x, 0.6, -3.0, 3)
    upper = _between((0.30, 0.16, 0.42), (0.90, 0.42, 0.36), share * 1.7)
    return upper + (np.array([1.0, 0.74, 0.34], np.float32) - upper) * np.clip(share * 1.8 - 1, 0, 1)[..., None]


def _leaves(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    painted = np.full((*y.shape, 3), np.array([0.26, 0.17, 0.09], np.float32), np.float32)
    leaves(painted, rng, Litter(("earth",), 0.02, 0.09, 260, ("leaf", "leaf", "blob")))
    warm = painted.mean(-1, keepdims=True) * np.array([1.45, 0.95, 0.45], np.float32)
    return (np.float32(0.12) + painted * 0.25 + warm * 0.5) * (1 + 0.08 * _field(rng, y, x, 2.5, -1.4))[..., None]


def _wild(background: Background, rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A gradient, noise, a mosaic or litter in the background's own colours."""
    first, second, third = wild_colours(background)
    turn = rng.uniform(0, 2 * np.pi)
    along = 0.5 + 0.6 * (np.cos(turn) * x + np.sin(turn) * y)
    fine = (1 + rng.uniform(0.02, 0.07) * _field(rng, y, x, 1.6, -1.9))[..., None]
    mixed = _between(tuple(first), tuple(second), along)
    if background.kind == "noise":
        mixed = _between(tuple(first), tuple(second), 0.5 + 0.4 * _field(rng, y, x, rng.uniform(0.6, 1.6), -2.8))
    elif background.kind == "mosaic":
        side = rng.uniform(0.10, 0.22)
        inside, number = _grid(
            y + rng.random(), x + rng.random(), side, side * rng.uniform(0.8, 2), float(rng.choice([0.0, 0.5]))
        )
        mixed = _between(tuple(first), tuple(second), 0.5 + 0.5 * np.sin(number * 12.9))
        mixed = third + (mixed - third) * np.clip((inside - 0.003) / 0.011, 0, 1)[..., None]
    elif background.kind == "litter":
        mixed = np.ascontiguousarray(mixed, dtype=np.float32)
        _strew(mixed, rng, np.stack([first, second, third]))
    return mixed * fine


def _strew(painted: np.ndarray, rng: np.random.Generator, colours: np.ndarray) -> None:
    """Ellipses of the given colours, the large ones below."""
    rows, columns = painted.shape[:2]
    for radius in np.sort(rng.uniform(0.02, 0.14, 150))[::-1] * rows:
        shade = colours[int(rng.integers(len(colours)))] * rng.uniform(0.75, 1.2)
        axes = (int(radius * 16), int(radius * rng.uniform(0.4, 1) * 16))
        middle = (int(rng.random() * columns * 16), int(rng.random() * rows * 16))
        turn = float(rng.uniform(0, 180))
        points = cv2.ellipse2Poly((0, 0), axes, int(turn), 0, 360, 12) + np.array(middle)
        cv2.fillPoly(painted, [points.astype(np.int32)], tuple(float(v) for v in shade), cv2.LINE_AA, 4)


_NAMED: dict[str, Painter] = {
    "sky": _sky,
    "grass": _grass,
    "sand": _sand,
    "bricks": _bricks,
    "tiles": _tiles,
    "water": _water,
    "sunset": _sunset,
    "leaves": _leaves,
}
