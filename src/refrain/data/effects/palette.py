"""Colours of light, by the names that people call them."""

import numpy as np

COLOURS: dict[str, tuple[float, float, float]] = {
    "white": (1.0, 1.0, 1.0),
    "golden": (1.0, 0.72, 0.16),
    "silver": (0.80, 0.88, 1.0),
    "red": (1.0, 0.20, 0.15),
    "orange": (1.0, 0.48, 0.08),
    "yellow": (1.0, 0.90, 0.20),
    "green": (0.25, 1.0, 0.35),
    "cyan": (0.15, 0.95, 1.0),
    "blue": (0.20, 0.48, 1.0),
    "purple": (0.68, 0.28, 1.0),
    "pink": (1.0, 0.32, 0.68),
}


def light_of(colour: str) -> np.ndarray:
    """The light of a named colour: float32 [3]."""
    return np.array(COLOURS[colour], np.float32)
