"""Painting on a plate: outlines of things, and surfaces with grain, stripes, gradients and soft shading inside them.

Flat discs are too smooth for a codec to learn from (their spectrum falls as f^-2.6, photographs' as f^-2), so every
larger surface carries texture. A plate is float32 [Y, X, 3], RGB in 0..1, and is painted in place.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.noise import patch, tile
from refrain.data.scenes.colours import colours

OUTLINES = ("ellipse", "blob", "polygon", "box", "leaf")


def outline(rng: np.random.Generator, kind: str) -> np.ndarray:
    """A closed outline around the origin with radius about 1: float32 [N, 2] as (x, y)."""
    if kind == "polygon":
        angles = np.sort(rng.random(int(rng.integers(3, 8)))) * 2 * np.pi
        points = np.stack([np.cos(angles), np.sin(angles)], -1)
    elif kind == "box":
        wide, high = rng.uniform(0.4, 1.0, 2)
        points = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]])
    else:
        angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        radius = np.ones_like(angles)
        if kind == "blob":
            for k in range(2, 6):
                radius += rng.normal(0, 0.22 / k) * np.cos(k * angles + rng.uniform(0, 6.3))
        points = np.stack([np.cos(angles), np.sin(angles)], -1) * radius[:, None]
        if kind == "leaf":
            points[:, 1] *= np.abs(np.sin(angles)) ** 0.7 * 0.6
        else:
            points[:, 1] *= rng.uniform(0.45, 1.0)
    turn = rng.uniform(0, 2 * np.pi) if kind != "box" or rng.random() < 0.3 else rng.normal(0, 0.05)
    cos, sin = np.cos(turn), np.sin(turn)
    return (points @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)


def mask_of(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How much of every pixel an outline (x, y in pixels) covers: float32 [Y, X] in 0..1."""
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def surface(rng: np.random.Generator, size: tuple[int, int], colour: np.ndarray, grain: float = 1.0) -> np.ndarray:
    """A patch [Y, X, 3] of one material: a colour with 1/f grain, perhaps stripes, a gradient and a second colour."""
    rows, columns = size
    kind = rng.random()
    slope = float(rng.choice([-1.2, -1.6, -2.0, -2.4, -3.0]))
    stretch = float(rng.choice([1, 1, 1, 3, 8]))
    field = patch(tile(slope, int(rng.integers(3)), stretch), rng, (rows, columns))
    if stretch > 1 and rng.random() < 0.5:
        field = patch(tile(slope, int(rng.integers(3)), stretch), rng, (columns, rows)).T
    tone = field * (rng.uniform(0.03, 0.20) * grain)
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    turn = rng.uniform(0, 2 * np.pi)
    along = np.cos(turn) * x + np.sin(turn) * y  # [Y, X]
    tone = tone + along * rng.normal(0, 0.18)
    if kind < 0.22:
        wave = np.sin(along * rng.uniform(6, 30) + rng.uniform(0, 6.3) + field * rng.uniform(0, 0.8))
        tone = tone + np.clip(wave * rng.uniform(1, 4), -1, 1) * (rng.uniform(0.04, 0.25) * grain)
    painted = colour * (1 + tone[..., None])
    if kind > 0.6:  # a second colour shows through in patches: rust, lichen, dirt
        other = colour * 0.6 + 0.4 * rng.random(3, np.float32) * colour.max()
        blotch = patch(tile(-2.4, int(rng.integers(3))), rng, (rows, columns))
        share = np.clip(blotch * rng.uniform(0.5, 2.5) - rng.uniform(-0.3, 1.0), 0, 1)[..., None]
        painted = painted + (other * (1 + tone[..., None]) - painted) * (share * 0.8)
    return painted.astype(np.float32)


def fill(plate: np.ndarray, points: np.ndarray, rng: np.random.Generator, colour: np.ndarray, soft: float = 0) -> None:
    """Fill an outline (x, y in plate pixels) with a surface; `soft` is the blur of its edge in pixels."""
    pad = int(3 * soft) + 2
    left, top = np.maximum(np.floor(points.min(0)).astype(int) - pad, 0)
    right = min(int(np.ceil(points[:, 0].max())) + pad, plate.shape[1])
    bottom = min(int(np.ceil(points[:, 1].max())) + pad, plate.shape[0])
    if right <= left or bottom <= top:
        return
    mask = mask_of(points - [left, top], (bottom - top, right - left))
    if soft > 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), soft)
    here = plate[top:bottom, left:right]
    here += (surface(rng, mask.shape, colour) - here) * mask[..., None]  # type: ignore[arg-type]


@dataclass(frozen=True)
class Litter:
    """What a field of dead leaves is made of: families of colour, radii as shares of the plate's height, outlines."""

    families: tuple[str, ...]
    smallest: float = 0.012
    largest: float = 0.35
    count: int = 320
    outlines: tuple[str, ...] = OUTLINES


def leaves(plate: np.ndarray, rng: np.random.Generator, litter: Litter, box: tuple[float, float] = (0.0, 1.0)) -> None:
    """Strew occluding leaves with power-law radii (density r^-3) over the rows `box` (shares of the height)."""
    height, width = plate.shape[:2]
    low, high = litter.smallest**-2, litter.largest**-2
    radii = (low + (high - low) * rng.random(litter.count)) ** -0.5 * height
    palette = colours(rng, litter.families, int(rng.integers(4, 12)))
    shades = palette[rng.integers(0, len(palette), litter.count)] * rng.uniform(0.6, 1.3, (litter.count, 1))
    y = rng.uniform(box[0], box[1], litter.count) * height
    x = rng.uniform(0, width, litter.count)
    shapes = [outline(rng, litter.outlines[int(rng.integers(len(litter.outlines)))]) for _ in range(10)]
    for i in range(litter.count):
        points = shapes[i % len(shapes)] * radii[i] + np.array([x[i], y[i]], np.float32)
        if radii[i] > 0.06 * height:
            fill(plate, points.astype(np.float32), rng, shades[i].astype(np.float32))
        else:  # too small to carry texture of its own
            flat = tuple(float(v) for v in shades[i])
            cv2.fillPoly(plate, [np.round(points * 16).astype(np.int32)], flat, cv2.LINE_8, 4)


def grain(plate: np.ndarray, rng: np.random.Generator, strength: float, slope: float = -1.6) -> None:
    """Roughen everything: multiply by 1/f noise, so that what was painted flat has texture too."""
    field = patch(tile(slope, int(rng.integers(3))), rng, plate.shape[:2])  # type: ignore[arg-type]
    plate *= 1 + strength * field[..., None]
