"""Masks of a session's turns: read for one, written for painting over, drawn beside its picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from refrain.cli.edit import bound_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from refrain.editing.session.turn import Turn
    from refrain.media import Clip

EDGE = 170  # grey around a mask, which may be white all over, as the paper is


def read_for(turn: "Turn", frame: int | None, mask: Path | None, box: str | None) -> "Tensor | None":
    """What a mask and a box say of what is edited: a turn, or one frame of it."""
    return None if mask is None and box is None else bound_of(_edited(turn, frame), mask, box)


def write_for(turn: "Turn", frame: int | None, mask: "Tensor", out: Path) -> None:
    """A mask [T, 1, Y, X] as grey: a picture for a picture, a video without loss for a clip."""
    from refrain.cli.outputs import matte_clip

    clip = _edited(turn, frame)
    matte_clip(mask, clip, 0).write(out, lossless=not clip.still)


def thumb(turn: "Turn", height: int) -> "np.ndarray":
    """The middle frame of a turn, small, and beside it the masks on the way there: uint8 [y, x, 3]."""
    import numpy as np
    import torch.nn.functional as F

    clip = turn.clip
    rows, columns = clip.size
    middle, size = len(clip) // 2, (height, max(8, round(height * columns / rows)))
    small = clip.between(middle, middle + 1).at(size)[0]
    shown = [((small + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()]
    for mask in turn.masks.values():
        grey = F.interpolate(mask[len(mask) // 2][None], size, mode="area")[0]  # [1, y, x]
        white = np.full((height, 4, 3), 255, np.uint8)
        drawn = (grey * 255).round().byte().expand(3, -1, -1).permute(1, 2, 0).numpy().copy()
        drawn[[0, -1]] = drawn[:, [0, -1]] = EDGE
        shown += [white, drawn]
    return np.concatenate(shown, axis=1)


def _edited(turn: "Turn", frame: int | None) -> "Clip":
    return turn.clip if frame is None else turn.frame(frame)
