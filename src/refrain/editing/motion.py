"""How a story goes on: the last picture, moved on as the ones before it moved.

A network that says a change says it of a base (`models.change`). What a moving camera shows next is no small change of
what it shows now: every edge is elsewhere. So the base of a story's next picture is the last one, each point of it
carried on along its path through the last pictures; what comes into sight, and what moves otherwise, is left to say.
Paths are found by optical flow (DIS, Kroeger et al., arXiv 1603.03590), which has no learnt part.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refrain.models.protocols import Codec

from .matte import pictures

FOLLOWED = 3  # pictures that a point is followed through: two say how fast it goes, three how that changes
MET = 0.4  # share of the squares between two pictures that flow leaves unexplained, from which on it is another shot
SMOOTH = 0.03  # of the shorter side, a sigma: where a thing and what lies behind it go apart, the picture would tear
SMALLEST = 16  # pixels of the shorter side that flow needs

Image = NDArray[np.uint8]  # [y, x, 3]
Flow = NDArray[np.floating[Any]]  # float32 [y, x, 2]: of each pixel how far (x, y) off it was in the picture before


@torch.no_grad()
def moved_on(codec: Codec, seen: Sequence[Tensor]) -> Tensor:
    """What the next picture of a story is a change of: latents [B, C, 1, Y, X].

    seen: latents of the story's pictures so far, the oldest first. The last of them, where nothing tells how it moves:
    where it is alone, where it is a clip, or where what came before it was another shot.
    """
    last = seen[-1]
    if len(seen) == 1 or last.shape[2] > 1:
        return last
    shown = [codec.decode(x)[:, 0] for x in seen[-FOLLOWED:]]  # [B, 3, y, x]
    done: list[Tensor] = []
    for n in range(len(last)):
        images = [np.round(255 * pictures(frame[n])).astype(np.uint8).transpose(1, 2, 0).copy() for frame in shown]
        found = carried_on(images)
        if found is None:
            done.append(last[n : n + 1])
            continue
        frame = torch.as_tensor(found).permute(2, 0, 1)[None, None].to(shown[-1]) / 127.5 - 1  # [1, 1, 3, y, x]
        done.append(codec.encode(frame).to(last))
    return torch.cat(done)


def carried_on(images: Sequence[Image]) -> Image | None:
    """The picture after the last of these; None where nothing tells how that moves. Edges go on beyond the frame."""
    flow = flow_to(images[-1], images[-2]) if len(images) > 1 else None
    if flow is None:
        return None
    before = flow_to(images[-2], images[-3]) if len(images) > 2 else None
    if before is not None:
        flow = 2 * flow - warped(before, flow)  # as much faster again as it has become
    smooth: Flow = np.asarray(cv2.GaussianBlur(flow, (0, 0), SMOOTH * min(flow.shape[:2])), np.float32)
    return warped(images[-1], smooth)


def flow_to(image: Image, before: Image) -> Flow | None:
    """Where every pixel of a picture was in the one before it; None where flow does not explain the picture."""
    if min(image.shape[:2]) < SMALLEST:
        return None
    greys = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (image, before)]
    flow: Flow = _finder().calc(greys[0], greys[1], None)
    return flow if squares(warped(before, flow), image) < MET * squares(before, image) else None


def _finder() -> Any:
    """DIS at its medium preset, to the pixel."""
    medium: int = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    finder: Any = cv2.DISOpticalFlow.create(medium)
    finder.setFinestScale(0)
    return finder


def warped(what: Any, flow: Flow) -> Any:
    """What [y, x, ...] lies where flow leads from every pixel."""
    rows, columns = flow.shape[:2]
    x = flow[..., 0] + np.arange(columns, dtype=np.float32)
    y = flow[..., 1] + np.arange(rows, dtype=np.float32)[:, None]
    return cv2.remap(what, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def squares(one: Image, other: Image) -> float:
    """The sum of the squares of their difference."""
    return float(np.square(one.astype(np.float32) - other.astype(np.float32)).sum())
