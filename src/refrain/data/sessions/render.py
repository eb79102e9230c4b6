"""Rendering a scene graph: frames and the exact mask of every thing, at any size and at any moments.

Things are laid over the background from the farthest to the nearest. Where a thing's mask is 0 the frame does not
depend on it, to the bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from refrain.data.effects.effected import luma_of
from refrain.data.sessions.bodies import ROOM, body
from refrain.data.sessions.graph import SIZES, Graph, Thing
from refrain.data.sessions.grounds import margin_of, plate

SEPIA = np.array([1.06, 0.88, 0.64], np.float32)
NIGHT = np.array([0.48, 0.52, 0.78], np.float32)
_PARALLAX = 0.35  # how much farther the nearest things move with the camera than the background


@dataclass(frozen=True)
class Rendered:
    """What a graph looks like."""

    frames: np.ndarray  # uint8 [T, Y, X, 3], RGB
    masks: dict[int, np.ndarray]  # key of a thing -> float32 [T, Y, X]: how much of every pixel is seen to be it


def render(graph: Graph, size: tuple[int, int], moments: Sequence[int] = (0,)) -> Rendered:
    """Frames of `size` = (rows, columns) at the given frame numbers; one moment makes a picture."""
    frames = np.empty((len(moments), *size, 3), np.uint8)
    masks = {one.key: np.zeros((len(moments), *size), np.float32) for one in graph.things}
    for n, moment in enumerate(moments):
        seen = _backdrop(graph, size, moment)
        _lay(graph, size, moment, seen, {key: mask[n] for key, mask in masks.items()})
        frames[n] = np.round(looked(seen, graph.look) * 255)
    return Rendered(frames, masks)


def shares_seen(graph: Graph, size: tuple[int, int] = (64, 64)) -> dict[int, float]:
    """Key of a thing -> how much of it is not hidden behind others, in the frame at moment 0."""
    bare = tuple(replace(one, colour="red", pattern="plain", texture=0) for one in graph.things)  # bodies are kept
    masks = {one.key: np.zeros(size, np.float32) for one in bare}
    whole = _lay(replace(graph, things=bare), size, 0, None, masks)
    return {key: float(mask.sum()) / max(whole.get(key, 0.0), 1.0) for key, mask in masks.items()}


def looked(picture: np.ndarray, look: str) -> np.ndarray:
    """A picture [..., 3] in 0..1 under a look, pixel by pixel."""
    if look == "plain":
        return np.clip(picture, 0, 1)
    luma = luma_of(picture)[..., None]
    if look == "mono":
        return np.clip(np.repeat(luma, 3, -1), 0, 1)
    if look == "sepia":
        return np.clip(luma * SEPIA, 0, 1)
    pale = luma + (picture - luma) * np.float32(0.8)
    return np.clip(pale * NIGHT, 0, 1)


def _view(graph: Graph, moment: int) -> tuple[float, float, float]:
    """Pan (x, y, in shorter sides) and magnification of the camera."""
    camera = graph.camera
    return camera.x.at(moment), camera.y.at(moment), float(np.exp(camera.zoom.at(moment)))


def _backdrop(graph: Graph, size: tuple[int, int], moment: int) -> np.ndarray:
    """The background as the camera sees it: float32 [Y, X, 3]."""
    behind, margin = plate(graph.background, size), margin_of(size)
    x, y, zoom = _view(graph, moment)
    if (x, y, zoom) == (0, 0, 1):
        return behind[margin : margin + size[0], margin : margin + size[1]].copy()
    middle = np.array([size[1] - 1, size[0] - 1]) / 2
    shift = margin + middle * (1 - 1 / zoom) + np.array([x, y]) * min(size)
    matrix = np.array([[1 / zoom, 0, shift[0]], [0, 1 / zoom, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(behind, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)


def _lay(
    graph: Graph, size: tuple[int, int], moment: int, seen: np.ndarray | None, masks: dict[int, np.ndarray]
) -> dict[int, float]:
    """Lay all things over `seen` [Y, X, 3], the farthest first, and write what is seen of each into its mask [Y, X].

    Returns how many pixels each would cover if nothing stood before it.
    """
    laid: dict[int, float] = {}
    for one in sorted(graph.things, key=lambda thing: -thing.depth):
        here, rgba = _placed(graph, one, size, moment)
        if rgba is None:
            continue
        cover = rgba[..., 3]
        if seen is not None:
            seen[here] = seen[here] * (1 - cover[..., None]) + rgba[..., :3]
        for below in laid:
            masks[below][here] *= 1 - cover
        masks[one.key][here] = cover
        laid[one.key] = float(cover.sum())
    return laid


def _placed(
    graph: Graph, one: Thing, size: tuple[int, int], moment: int
) -> tuple[tuple[slice, slice], np.ndarray | None]:
    """Where a thing is in the frame and its body there, premultiplied [y, x, 4]; None where it is out of sight."""
    short, over = min(size), 2 if min(size) <= 192 else 1
    pan_x, pan_y, zoom = _view(graph, moment)
    near = 1 + _PARALLAX * (1 - one.depth)
    x = (one.x - 0.5) * size[1] / short + one.sway[0].at(moment) - pan_x * near
    y = (one.y - 0.5) * size[0] / short + one.sway[1].at(moment) - pan_y * near
    place = np.array([size[1], size[0]]) / 2 + np.array([x, y]) * (zoom * short)
    radius = SIZES[one.size] * short
    whole = max(round(radius * over), 4)
    made = body(one.shape, one.colour, one.pattern, one.texture, whole)
    scale = zoom * radius * over / whole
    reach = radius * zoom * ROOM * 1.42
    low = np.maximum(np.floor(place - reach).astype(int), 0)
    high = np.minimum(np.ceil(place + reach).astype(int), [size[1], size[0]])
    here = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
    wide, tall = (high - low).tolist()
    if wide < 1 or tall < 1:
        return here, None
    cos, sin = np.cos(one.turn) * scale, np.sin(one.turn) * scale
    linear = np.array([[cos, -sin], [sin, cos]])
    half = (made.shape[0] - 1) / 2
    shift = (place - low) * over - 0.5 - linear @ np.array([half, half])
    rgba = cv2.warpAffine(made, np.concatenate([linear, shift[:, None]], 1), (wide * over, tall * over))
    if over > 1:
        rgba = cv2.resize(rgba, (wide, tall), interpolation=cv2.INTER_AREA)
    return here, np.clip(rgba, 0, 1)
