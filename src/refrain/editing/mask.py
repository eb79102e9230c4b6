"""The user's bound: a mask file or a box, beyond which nothing may change.

White may change, black may not. The edge is softened inwards only, so that the bound stays hard.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.media import Clip

from .transfer import Picture

FEATHER = 1 / 90  # of the short side: the width over which a bound fades in


def read_mask(path: str | Path, clip: Clip) -> Tensor:
    """A mask from a picture or a video, as a bound [T or 1, 1, Y, X] for `clip`; a picture holds for every frame.

    Raises BadInput when its size or its length is not the clip's.
    """
    mask = Clip.read(path)
    if mask.size != clip.size:
        raise BadInput(
            f"The mask {path} is {mask.size[1]}×{mask.size[0]} but the clip is {clip.size[1]}×{clip.size[0]}; "
            "make the mask at the clip's size."
        )
    if not mask.still and len(mask) not in (1, len(clip)):
        raise BadInput(
            f"The mask {path} has {len(mask)} frames but the clip has {len(clip)}; "
            "give one for every frame, or a picture that holds for all."
        )
    done = torch.empty((len(mask), 1, *mask.size))  # [T, 1, Y, X]
    for start, stop in mask.blocks():
        grey = (mask.rgb(start, stop).mean(1) + 1) / 2
        for n, frame in enumerate(grey, start):
            done[n, 0] = torch.as_tensor(feathered(frame.numpy()))
    if not done.any():
        raise BadInput(f"The mask {path} is black, so that nothing may change; paint white what may.")
    return done


def read_box(text: str, clip: Clip) -> Tensor:
    """A box "x0,y0,x1,y1" in pixels, from its first column and row up to (not with) its last, as a bound [1, 1, Y, X].

    Raises BadInput for anything but a box within the picture.
    """
    wide, high = clip.size[1], clip.size[0]
    words = text.split(",")
    if len(words) != 4 or not all(word.strip().isascii() and word.strip().isdigit() for word in words):
        raise BadInput(f"A box is four whole numbers x0,y0,x1,y1 such as 0,0,{wide},{high}, not {text[:40]!r}.")
    x0, y0, x1, y1 = (int(word) for word in words)
    if x0 >= x1 or y0 >= y1:
        raise BadInput(f"The box {text} is empty: x0 must be below x1 and y0 below y1.")
    if x1 > wide or y1 > high:
        raise BadInput(f"The box {text} leaves the picture, which is {wide}×{high}; keep x1 ≤ {wide} and y1 ≤ {high}.")
    mask = np.zeros((high, wide), np.float32)
    mask[y0:y1, x0:x1] = 1
    return torch.as_tensor(feathered(mask))[None, None]


def feathered(mask: Picture) -> Picture:
    """A mask [Y, X] that fades in from its own edge inwards, never above itself; the picture's border is no edge.

    Grey levels below 1/100 are black: a lossy file's black is not quite black.
    """
    allowed = np.asarray(mask > 0.01, np.uint8)
    width = max(2.0, min(mask.shape) * FEATHER)
    if allowed.all():
        return np.asarray(mask, np.float32)
    inside = cv2.distanceTransform(cv2.copyMakeBorder(allowed, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 5)
    ramp = np.clip(inside[1:-1, 1:-1] / width, 0, 1).astype(np.float32)
    return np.where(allowed > 0, np.minimum(mask, ramp), 0).astype(np.float32)
