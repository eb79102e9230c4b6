"""Figures of one answer to one question of the exam. Clips are uint8 [T, Y, X, 3], mattes float32 [T, Y, X]."""

import numpy as np

CHANGED = 0.1  # a matte above this counts as changed


def overlap(matte: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of what was changed and what should be; 1 where both are empty."""
    one, other = matte > CHANGED, truth > CHANGED
    union = (one | other).sum()
    return 1.0 if union == 0 else float((one & other).sum() / union)


def strength(source: np.ndarray, result: np.ndarray, target: np.ndarray, matte: np.ndarray) -> float:
    """How much of the wanted change was made, inside the true matte: mean absolute change over the target's."""
    inside = matte > CHANGED
    wanted = np.abs(target.astype(np.int16) - source)[inside].mean() if inside.any() else 0.0
    made = np.abs(result.astype(np.int16) - source)[inside].mean() if inside.any() else 0.0
    return float("nan") if wanted == 0 else float(made / wanted)


def flicker(source: np.ndarray, result: np.ndarray) -> float:
    """Mean absolute change of the change from frame to frame, in grey levels: what moves that is not the source."""
    change = result.astype(np.int16) - source
    return float(np.abs(np.diff(change, axis=0)).mean()) if len(change) > 1 else 0.0
