"""Drawing solid things: flat pieces of one colour each, the later over the earlier, with soft edges at any size."""

import cv2
import numpy as np


def laid(size: tuple[int, int], shapes: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What N pieces show and how much they hide: float32 [Y, X, 3], already multiplied by the second, and [Y, X].

    shapes: [N, P, 2] as (x, y) in pixels, pixel centres at integers. colours: [N, 3] in 0..1. Small frames are drawn
    larger and shrunk, so that a piece of less than a pixel fades and does not jump.
    """
    over = 1 if min(size) >= 400 else 2 if min(size) >= 200 else 4
    canvas = np.zeros((size[0] * over, size[1] * over, 4), np.uint8)
    low, high = shapes.min(axis=1), shapes.max(axis=1)  # [N, 2]
    seen = np.flatnonzero(((high > -1) & (low < (size[1], size[0]))).all(axis=1))
    places = np.round(((shapes[seen] + 0.5) * over - 0.5) * 16).astype(np.int32)  # in 16ths of a pixel
    paints = np.round(255 * np.clip(colours[seen], 0, 1)).astype(int).tolist()
    for place, paint in zip(places, paints, strict=True):  # drawn so, a soft edge mixes colour and cover alike
        cv2.fillPoly(canvas, [place], (*paint, 255), cv2.LINE_AA, 4)
    small = canvas if over == 1 else cv2.resize(canvas, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    colour, cover = cv2.cvtColor(small, cv2.COLOR_RGBA2RGB), cv2.extractChannel(small, 3)
    return colour.astype(np.float32) / 255, cover.astype(np.float32) / 255
