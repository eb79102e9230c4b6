"""Edges of a picture as lines of even width that move as smoothly as the picture does."""

import cv2
import numpy as np

from refrain.data.effects.effected import smooth


def edges_of(bright: np.ndarray, coarse: float, width: float, least: float = 0.05) -> np.ndarray:
    """How much an edge goes through every pixel, by the brightness [Y, X]: float32 [Y, X] in 0..1.

    coarse: blur in pixels, below which detail is left out. width: of the lines in pixels. least: the step of brightness
    that is just seen; one four times as large is seen fully. An edge is where the Laplacian of the blurred picture
    crosses zero (Marr and Hildreth 1980); its value over its slope is the distance from there. No threshold is hard, so
    no line flickers.
    """
    soft = cv2.GaussianBlur(bright, (0, 0), max(coarse, 0.6))
    step = _steepness(soft) * np.float32(coarse * 2.5 / 8)
    bend = cv2.GaussianBlur(cv2.Laplacian(soft, -1, ksize=3), (0, 0), max(0.7 * coarse, 0.5))
    slope = _steepness(bend) * np.float32(max(width, 0.9) / 8)
    far = bend / (slope + 1e-6)
    return cv2.exp(-(far * far)) * smooth(step, least, 4 * least)


def _steepness(value: np.ndarray) -> np.ndarray:
    """Eight times the length of the gradient, [Y, X]; cv2.magnitude rounds otherwise wherever else its arrays lie."""
    across, down = cv2.Sobel(value, -1, 1, 0), cv2.Sobel(value, -1, 0, 1)
    return np.sqrt(across * across + down * down)
