"""What the region tool of the page says, as a bound: where the next change may happen."""

import json

import cv2
import numpy as np
import torch

from refrain.editing.mask import feathered, read_box
from refrain.errors import BadInput
from refrain.media import Clip

MASK = 640  # places of a painted mask on a side, at most


def bound_of(region: str, clip: Clip) -> torch.Tensor | None:
    """What the region tool says, as a bound [1, 1, Y, X]: a box in pixels, or a painted mask in runs.

    BadInput for what no region tool would say, and for a mask in which nothing may change.
    """
    if not region:
        return None
    try:
        said = json.loads(region)
        box, mask = said.get("box"), said.get("mask")
        if box:
            return read_box(",".join(str(int(side)) for side in box), clip)
        if not mask:
            return None
        wide, high, runs = int(mask["wide"]), int(mask["high"]), [int(run) for run in mask["runs"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadInput("The region cannot be read; clear it, and mark it again.") from None
    whole = wide * high
    if not (1 <= wide <= MASK and 1 <= high <= MASK) or min(runs, default=0) < 0 or sum(runs) != whole:
        raise BadInput("The region does not fit the picture; clear it, and mark it again.")
    levels = np.arange(len(runs)) % 2  # runs of black and white in turn, black first
    grid = np.repeat(levels, runs).astype(np.float32).reshape(high, wide)
    if not grid.any():
        raise BadInput("Nothing is painted, so nothing may change; paint where it may, or clear the region.")
    rows, columns = clip.size
    large = cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return torch.as_tensor(feathered((large > 0.5).astype(np.float32)))[None, None]
