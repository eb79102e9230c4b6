"""Lines of light: a path drawn smoothly at any size, brighter here and fainter there."""

import cv2
import numpy as np


def traced(size: tuple[int, int], path: np.ndarray, width: float, bright: np.ndarray | float = 1.0) -> np.ndarray:
    """How bright a line makes every pixel: float32 [Y, X] in 0..1.

    path: [N, 2] as (x, y) in pixels. width: in pixels, may be less than one. bright: [N] in 0..1, one for every point.
    Small frames are drawn larger and shrunk, so that a line moves smoothly over them.
    """
    over = 1 if min(size) >= 400 else 2 if min(size) >= 200 else 4
    canvas = np.zeros((size[0] * over, size[1] * over), np.uint8)
    thick = width * over
    level = np.broadcast_to(np.asarray(bright, np.float64), (len(path),)) * min(thick, 1.0)
    parts = np.clip(np.round((path + 0.5) * over * 16 - 8), -(2**20), 2**20).astype(np.int64)  # in 16ths of a pixel
    values = np.round(255 * np.clip((level[:-1] + level[1:]) / 2, 0, 1)).astype(int)
    order = np.argsort(values, kind="stable")  # the bright ones last: where a line crosses itself it stays bright
    ends, levels, wide = parts.tolist(), values.tolist(), max(round(thick), 1)
    for n in order[values[order] > 0].tolist():
        cv2.line(canvas, ends[n], ends[n + 1], levels[n], wide, cv2.LINE_AA, 4)
    small = canvas if over == 1 else cv2.resize(canvas, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def bloom(light: np.ndarray, reach: float) -> np.ndarray:
    """Light [Y, X] or [Y, X, C] with its halo: itself, and a wide soft copy `reach` pixels around it."""
    rows, columns = light.shape[:2]
    step = max(1, min(int(reach / 2), rows // 8, columns // 8))
    small = cv2.resize(light, (max(columns // step, 1), max(rows // step, 1)), interpolation=cv2.INTER_AREA)
    halo = cv2.GaussianBlur(small, (0, 0), max(reach / step, 0.3)) + 0.5 * cv2.GaussianBlur(
        small, (0, 0), max(2.5 * reach / step, 0.3)
    )
    return light + cv2.resize(halo, (columns, rows), interpolation=cv2.INTER_LINEAR).reshape(light.shape)
