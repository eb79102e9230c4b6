"""Likeness by features: what CLIP, DINO, PickScore and LAION's heads say of frames, in each meaning that was published.

Networks come from outside (`refrain.models.seeing`): anything that turns frames into features will do. Every scorer
names its weights in its id, `clip_t.caption@clip-vit-large-patch14-1a2b3c4d/strict`, because figures of two networks
cannot be compared. `compat` ones are offered with the very network of the published scorer only.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

from .scorer import Material, Scorer, Unscored

HELD = 6  # clips whose features are kept


class Features(NamedTuple):
    """Of frames: before and in the space that pictures share with words; float [T, D]."""

    pooled: np.ndarray
    shared: np.ndarray


class Reader(Protocol):
    """A network for pictures and words, such as CLIP."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def scale(self) -> float: ...
    def pictures(self, frames: np.ndarray) -> Any: ...
    def words(self, texts: Sequence[str]) -> np.ndarray: ...


class Looker(Protocol):
    """A network for pictures alone, such as DINO."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    def pictures(self, frames: np.ndarray) -> np.ndarray: ...


class Head(Protocol):
    """What is said of a picture from its features of length one."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    def scores(self, features: np.ndarray) -> np.ndarray: ...


class Remembered:
    """A network that remembers the clips that it saw last, so that several scorers cost one look."""

    def __init__(self, network: Any) -> None:
        self._network, self._held = network, OrderedDict[bytes, Any]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def pictures(self, frames: np.ndarray) -> Any:
        """What the network says of frames uint8 [T, Y, X, 3]."""
        key = hashlib.sha256(repr(frames.shape).encode() + np.ascontiguousarray(frames).tobytes()).digest()
        if key not in self._held:
            self._held[key] = self._network.pictures(frames)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]


def remembered(network: Any) -> Any:
    """The network, remembering; itself where it does so already."""
    return network if isinstance(network, Remembered) else Remembered(network)


# -- arithmetic: features float [T, D] ---------------------------------------------------------------------------------


def unit(features: np.ndarray) -> np.ndarray:
    """Features of length one, float64."""
    whole = features.astype(np.float64)
    return whole / np.maximum(np.linalg.norm(whole, axis=-1, keepdims=True), 1e-12)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """The mean cosine of features, row by row; one row may stand against many."""
    return float((unit(one) * unit(other)).sum(-1).mean())


def adjacent(features: np.ndarray, least: float = -1.0) -> float:
    """The mean cosine of every frame and the next, each cut at `least` from below."""
    _several(features)
    whole = unit(features)
    return float(np.maximum((whole[1:] * whole[:-1]).sum(-1), least).mean())


def adjacent_and_first(features: np.ndarray) -> float:
    """VBench's consistency: the mean of (cosine to the frame before + cosine to the first) / 2, both cut at 0."""
    _several(features)
    whole = unit(features)
    before, first = (whole[1:] * whole[:-1]).sum(-1), whole[1:] @ whole[0]
    return float(((np.maximum(before, 0) + np.maximum(first, 0)) / 2).mean())


def _several(features: np.ndarray) -> None:
    if len(features) < 2:
        raise Unscored("one frame has none beside it")


# -- scorers -----------------------------------------------------------------------------------------------------------


def clip_scorers(clip: Reader) -> tuple[Scorer, ...]:
    """CLIP-T and CLIP-I: strict of any CLIP, compat of the one that a benchmark used."""
    see, at = remembered(clip).pictures, clip.name

    def text(m: Material, every: int = 1) -> np.ndarray:
        shown = see(m.answer[::every]).shared
        return unit(shown) @ unit(clip.words([m.caption or ""]))[0]  # [T]

    def to(m: Material, frames: np.ndarray | None) -> float:
        assert frames is not None
        return alike(see(m.answer).shared, see(frames).shared)

    found = [
        Scorer(f"clip_t.caption@{at}/strict", "100·cos of frame and caption, mean over frames (EditVerse, IC-Effect)",
               "high", "edit", lambda m: 100 * float(text(m).mean()), ("caption",), apart=True),
        Scorer(f"clip_i.target@{at}/strict", "cos of answer and true answer, frame by frame (MagicBrush)", "high",
               "edit", lambda m: to(m, m.target), ("target",)),
        Scorer(f"clip_i.adjacent@{at}/strict", "cos of adjacent frames of the answer (IC-Effect's CLIP-I)", "high",
               "time", lambda m: adjacent(see(m.answer).shared), apart=True),
        Scorer(f"clip_i.source@{at}/strict", "cos of answer and source, frame by frame", "high", "likeness",
               lambda m: to(m, m.source)),
    ]  # fmt: skip
    if clip.kind == "L/14":
        found += [
            Scorer(f"clip.consistency.editverse@{at}/compat", "100·max(0, cos) of adjacent frames, features before the "
                   "projection", "high", "time", lambda m: 100 * adjacent(see(m.answer).pooled, 0), apart=True),
            Scorer(f"clip_t.five@{at}/compat", "max(0, 100·cos) of every 8th frame and caption", "high", "edit",
                   lambda m: 100 * float(np.maximum(text(m, 8), 0).mean()), ("caption",), apart=True),
        ]  # fmt: skip
    if clip.kind == "B/32":
        found += [
            Scorer(f"clip_t.magicbrush@{at}/compat", "cos of answer and caption, not times 100", "high", "edit",
                   lambda m: float(text(m).mean()), ("caption",), apart=True),
            Scorer(f"background.vbench@{at}/compat", "background consistency: (cos to the frame before + cos to the "
                   "first)/2, cut at 0", "high", "time", lambda m: adjacent_and_first(see(m.answer).shared),
                   apart=True),
        ]  # fmt: skip
    return tuple(found)


def dino_scorers(dino: Looker, wide: Looker | None = None) -> tuple[Scorer, ...]:
    """Likeness and consistency by DINO. wide: the same network as VBench shows it frames, whole and at 224 pixels."""
    see, at = remembered(dino).pictures, dino.name

    def to(m: Material, frames: np.ndarray | None) -> float:
        assert frames is not None
        return alike(see(m.answer), see(frames))

    found = [
        Scorer(f"dino.target@{at}/strict", "cos of answer and true answer, frame by frame (MagicBrush: v1 S/16)",
               "high", "edit", lambda m: to(m, m.target), ("target",)),
        Scorer(f"dino.adjacent@{at}/strict", "cos of adjacent frames of the answer", "high", "time",
               lambda m: adjacent(see(m.answer)), apart=True),
        Scorer(f"dino.source@{at}/strict", "cos of answer and source, frame by frame", "high", "likeness",
               lambda m: to(m, m.source)),
    ]  # fmt: skip
    if dino.kind == "v2 base":
        found += [
            Scorer(f"dino.consistency.editverse@{at}/compat", "100·max(0, cos) of adjacent frames", "high", "time",
                   lambda m: 100 * adjacent(see(m.answer), 0), apart=True),
        ]  # fmt: skip
    who = {"v1 B/16": "vbench", "v1 S/16": "ivebench"}.get(dino.kind)
    if who and wide:
        found += [
            Scorer(f"subject.{who}@{at}/compat", "subject consistency: (cos to the frame before + cos to the first)/2, "
                   "cut at 0", "high", "time", lambda m: adjacent_and_first(wide.pictures(m.answer)), apart=True),
        ]  # fmt: skip
    return tuple(found)


def shrunk(frames: np.ndarray, side: int = 672) -> np.ndarray:
    """Frames whose longer side is at most `side`, by the area of their pixels."""
    scale = side / max(frames.shape[1:3])
    size = max(1, round(frames.shape[2] * scale)), max(1, round(frames.shape[1] * scale))
    return frames if scale >= 1 else np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in frames])


def pick_scorers(pick: Reader) -> tuple[Scorer, ...]:
    """PickScore: how well a picture pleases as an answer to its caption."""
    see, at = remembered(pick).pictures, pick.name

    def value(m: Material, small: bool) -> float:
        frames = shrunk(m.answer) if small else m.answer
        return pick.scale * alike(see(frames).shared, pick.words([m.caption or ""]))

    told = "scale·cos of frame and caption, mean over frames"
    return (
        Scorer(f"pick.caption@{at}/strict", told, "high", "edit", partial(value, small=False), ("caption",), True),
        Scorer(f"pick.editverse@{at}/compat", f"{told}, frames shrunk to 672 pixels first", "high", "edit",
               partial(value, small=True), ("caption",), True),
    )  # fmt: skip


def aesthetic_scorers(clip: Reader, head: Head) -> tuple[Scorer, ...]:
    """LAION's aesthetic score of CLIP L/14's features of length one. Raises Unscored through another CLIP."""
    see, at = remembered(clip).pictures, head.name

    def value(m: Material) -> float:
        if clip.kind != "L/14":
            raise Unscored(f"the aesthetic head reads CLIP L/14, not {clip.name}")
        return float(head.scores(unit(see(m.answer).shared).astype(np.float32)).mean())

    found = [
        Scorer(f"aesthetic.v{head.version}@{at}/strict", "LAION's aesthetic head, 0 to 10, mean over frames", "high",
               "looks", value, apart=True),
    ]  # fmt: skip
    if head.version == 1:
        found += [
            Scorer(f"aesthetic.vbench@{at}/compat", "the same over 10", "high", "looks", lambda m: value(m) / 10,
                   apart=True),
        ]  # fmt: skip
    return tuple(found)
