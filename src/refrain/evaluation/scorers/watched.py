"""What networks say of a clip as a whole: ViCLIP whether it is what its caption says, AMT-S whether it moves smoothly.

Networks come from outside (`refrain.models.seeing`), as those of `seen`. ViCLIP was trained on whole frames squeezed to
a square, in ImageNet's normalisation, and `strict` shows it those; EditVerse and VBench show it the middle of frames in
CLIP's normalisation, each another eight of them, and `compat` follows them.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np

from .scorer import Material, Scorer, Unscored
from .seen import alike

SMALLEST = 113  # pixels of a side that AMT needs


class Watcher(Protocol):
    """A network for clips of `frames` frames, and words, such as ViCLIP."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def frames(self) -> int: ...
    def clip(self, frames: np.ndarray, shown: Literal["own", "editverse", "vbench"]) -> np.ndarray: ...
    def words(self, texts: Sequence[str]) -> np.ndarray: ...


class Between(Protocol):
    """A network that guesses the pictures between pictures, in 0..255, such as AMT-S."""

    @property
    def name(self) -> str: ...
    def between(self, frames: np.ndarray) -> np.ndarray: ...


# -- which frames are shown --------------------------------------------------------------------------------------------


def middles(length: int, many: int) -> list[int]:
    """The frame in the middle of each of `many` equal shares of a clip; a short clip shows frames twice."""
    return [(2 * n + 1) * length // (2 * many) for n in range(many)]


def beginnings(length: int, many: int) -> list[int]:
    """The first frame of each share, as EditVerse takes them."""
    return [n * length // many for n in range(many)]


def vbench_middles(length: int, many: int) -> list[int]:
    """VBench's: the middle of each share in whole frames, rounded down; of a short clip all, and the last again."""
    shares = min(many, length)
    edges = [n * length // shares for n in range(shares + 1)]
    found = [(low + high - 1) // 2 for low, high in zip(edges, edges[1:])]
    return found + [found[-1]] * (many - shares)


# -- scorers -----------------------------------------------------------------------------------------------------------


def viclip_scorers(viclip: Watcher) -> tuple[Scorer, ...]:
    """Clip and caption in ViCLIP's space: strict of any ViCLIP, compat of the L/14 that the benchmarks used."""
    at = viclip.name

    def value(m: Material, shown: Literal["own", "editverse", "vbench"]) -> float:
        which = {"own": middles, "editverse": beginnings, "vbench": vbench_middles}[shown]
        clip = viclip.clip(m.answer[which(len(m.answer), viclip.frames)], shown)
        return alike(clip, viclip.words([m.caption or ""]))

    found = [
        Scorer(f"viclip.caption@{at}/strict", "100·cos of clip and caption, 8 frames in the middle of their shares, "
               "whole (IC-Effect's ViCLIP-T)", "high", "edit", lambda m: 100 * value(m, "own"), ("caption",),
               apart=True),
    ]  # fmt: skip
    if viclip.kind == "L/14":
        found += [
            Scorer(f"viclip.editverse@{at}/compat", "100·cos, the first frames of shares, cropped to their middle",
                   "high", "edit", lambda m: 100 * value(m, "editverse"), ("caption",), apart=True),
            Scorer(f"viclip.vbench@{at}/compat", "overall consistency and temporal style: cos, frames cropped to their "
                   "middle", "high", "edit", lambda m: value(m, "vbench"), ("caption",), apart=True),
        ]  # fmt: skip
    return tuple(found)


def amt_scorers(amt: Between) -> tuple[Scorer, ...]:
    """VBench's motion smoothness: how well every second frame is guessed from its neighbours by AMT-S."""
    at = amt.name
    told = "motion smoothness: (255 − mean error of every second frame, guessed from its neighbours) / 255"

    def value(m: Material, cut: bool) -> float:
        frames = m.answer[: (len(m.answer) - 1) // 2 * 2 + 1]  # what has a frame on either side is guessed
        if len(frames) < 3:
            raise Unscored(f"a clip of {len(m.answer)} frames is too short; 3 are needed")
        if min(frames.shape[1:3]) < SMALLEST:
            raise Unscored(f"AMT needs {SMALLEST} pixels or more, not {frames.shape[2]}x{frames.shape[1]}")
        guessed = m.own.once(f"between by {at}", lambda: amt.between(frames[::2]))
        levels = np.floor(guessed) if cut else guessed.round()
        return (255 - float(np.abs(levels - frames[1::2]).mean(dtype=np.float64))) / 255

    return (
        Scorer(f"smoothness.amt@{at}/strict", told, "high", "time", lambda m: value(m, False), apart=True),
        Scorer(f"smoothness.vbench@{at}/compat", f"{told}; guesses are cut to whole levels, not rounded", "high",
               "time", lambda m: value(m, True), apart=True),
    )  # fmt: skip
