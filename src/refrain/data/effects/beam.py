"""Beams: bright lines laid on a picture, white where they are hottest, with a coloured halo that lights what is by."""

import cv2
import numpy as np

from refrain.data.effects.body import Body, body_of
from refrain.data.effects.effected import smooth
from refrain.data.effects.trace import bloom, traced

_PIXEL = np.dtype("V12")  # three float32 at once: numpy puts whole pixels in their places several times as fast


def bodies_of(mask: np.ndarray) -> list[tuple[Body, float]]:
    """The pieces of a subject worth an outline, the largest first (four at most), and how much each counts, 0..1.

    A piece counts the less the smaller it is beside the largest, so that nothing leaps from one to another.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    found: list[tuple[Body, float]] = []
    for n in np.argsort(-areas, kind="stable")[: 4 if count > 1 else 0]:
        share = float(smooth(np.asarray(areas[n] / areas.max()), 0.08, 0.25))
        body = body_of(np.where(labels == n + 1, mask, 0)) if share > 0 else None
        if body is not None:
            found.append((body, share))
    return found


def within(path: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """1 inside the frame, 0 at its border, [N] for a path [N, 2]: where a frame cuts a thing off it has no edge."""
    x, y = path[:, 0], path[:, 1]
    border = np.minimum(np.minimum(x, size[1] - 1 - x), np.minimum(y, size[0] - 1 - y))
    return smooth(border, 0.004 * size[0], 0.02 * size[0] + 0.5)


def normals_of(outline: np.ndarray) -> np.ndarray:
    """Outward normals of a clockwise outline [N, 2], a little smoothed: float64 [N, 2]."""
    along = np.roll(outline, -4, axis=0) - np.roll(outline, 4, axis=0)
    out = np.stack([along[:, 1], -along[:, 0]], -1)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)


def drawn(size: tuple[int, int], paths: list[np.ndarray], width: float, bright: list[np.ndarray]) -> np.ndarray:
    """Many lines at once, float32 [Y, X] in 0..1: paths [N, 2] as (x, y) in pixels, how bright each point is [N]."""
    if not paths:
        return np.zeros(size, np.float32)
    ends = [np.concatenate([path[:1], path, path[-1:]]) for path in paths]
    dark = [np.pad(np.asarray(level, np.float64), 1) for level in bright]  # nothing is seen between two lines
    return traced(size, np.concatenate(ends), width, np.concatenate(dark))


def halo_of(core: np.ndarray, reach: float) -> np.ndarray:
    """What shines around lines [Y, X], `reach` pixels wide, without the faint rest that goes on for ever."""
    return np.maximum(bloom(core, reach) - core - np.float32(0.006), 0)


def shone(
    picture: np.ndarray, core: np.ndarray, halo: np.ndarray, colour: np.ndarray, white: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """A picture [Y, X, 3] with lines and their halo [Y, X] in linear light, and its matte [Y, X].

    white: how far the hottest part of a line turns white. The halo dims the scene a little where it is strong, as an
    eye or a lens does that looks into a light: so colour is seen on bright things too.
    """
    glare = halo * 2.2 + core
    near = np.flatnonzero(glare > 0.004)  # [N]: only what is near a line need be made
    tone = (colour**1.5 / (colour**1.5).max()).astype(np.float32)
    at, line, around = (np.take(part, near) for part in (glare, core, halo))
    scene = np.ascontiguousarray(np.take(picture.reshape(-1, 3), near, axis=0).T)  # [3, N]
    scene *= scene
    scene *= np.exp(np.float32(-0.9) * at) + around * (0.9 * tone)[:, None]
    np.minimum(scene, 1, out=scene)
    light = (at + 0.8 * line) * tone[:, None] + np.clip(3 * line - 0.8, 0, 2) * np.float32(white)
    out, matte = picture.copy(), np.zeros_like(glare)
    bright = np.ascontiguousarray(np.sqrt(1 - (1 - scene) * np.exp(-light)).T)  # [N, 3]
    out.reshape(-1).view(_PIXEL)[near] = bright.reshape(-1).view(_PIXEL)
    matte.ravel()[near] = 1 - np.exp(-2.5 * at)
    return out, matte
