"""The row: segments in order. A segment is a run of tokens that share a kind and a beat.

Beats count predictions, not turns. Everything that is predicted stands on an even beat, together with the words and
references that ask for it; its clean copy stands on the odd beat after. Only a `target` is noisy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from refrain.errors import BadInput

from .position import Size

Kind = Literal["text", "source", "reference", "mask", "answer", "target"]


@dataclass(frozen=True, eq=False)
class Segment:
    """A run of L tokens. Two segments are the same only if they are the same object.

    positions: [L, 3], (t, y, x) that go into the rotary embedding, offsets included.
    canvas:    [L, 3], where the tokens lie on the target; `positions` unless given.
    content:   latents [B, C, T, Y, X], or states [B, L, W] for text; absent in a bare layout.
    base:      of a target: the clean latents [B, C, T, Y, X] that it will be a change of; absent means zero.
    """

    kind: Kind
    beat: int
    positions: Tensor
    canvas: Tensor = field(default=None)  # type: ignore[assignment]  # filled below
    content: Tensor | None = None
    base: Tensor | None = None

    def __post_init__(self) -> None:
        if self.canvas is None:  # pyright: ignore[reportUnnecessaryComparison]
            object.__setattr__(self, "canvas", self.positions)
        if self.positions.ndim != 2 or self.positions.shape != self.canvas.shape or self.positions.shape[1] != 3:
            raise BadInput(f"A segment needs positions and canvas [L, 3], not {tuple(self.positions.shape)}.")
        if self.base is not None and self.kind != "target":
            raise BadInput("Only a target has a base.")

    def __len__(self) -> int:
        return self.positions.shape[0]

    @property
    def noisy(self) -> bool:
        return self.kind == "target"

    @cached_property
    def size(self) -> Size:
        """Tokens along t, y, x, read from the canvas; the canvas must be a full box, columns fastest."""
        ordered = self.canvas.sort(dim=0).values  # [L, 3]
        t, y, x = (1 + int((ordered[1:, axis] > ordered[:-1, axis]).sum()) for axis in range(3))
        if t * y * x != len(self):
            raise BadInput(f"The canvas of this {self.kind} segment is not a box: {len(self)} tokens, {t}x{y}x{x}.")
        return t, y, x


@dataclass(frozen=True, eq=False)
class Sequence:
    """Segments in the order in which their tokens stand in the row."""

    segments: tuple[Segment, ...]

    def __init__(self, segments: "tuple[Segment, ...] | list[Segment]") -> None:
        object.__setattr__(self, "segments", tuple(segments))
        kept = set(map(id, self.segments))
        if len(kept) != len(self.segments):
            raise BadInput("A segment stands twice in this row; lay a copy of it instead.")

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __len__(self) -> int:
        """Tokens, all segments together."""
        return sum(len(segment) for segment in self.segments)

    def __add__(self, other: "Sequence") -> "Sequence":
        return Sequence(self.segments + other.segments)

    @property
    def targets(self) -> tuple[Segment, ...]:
        """All noisy segments, in order: one in use, and one a turn where a session is learnt."""
        return tuple(segment for segment in self.segments if segment.noisy)

    @property
    def target(self) -> Segment:
        """The one noisy segment."""
        targets = self.targets
        if len(targets) != 1:
            raise BadInput(f"This row holds {len(targets)} targets; exactly one was needed.")
        return targets[0]

    def without_words(self) -> "Sequence":
        """The segments that are tokens of the row on a host where words enter by cross-attention."""
        return Sequence(tuple(segment for segment in self.segments if segment.kind != "text"))

    def words(self, beat: int) -> Segment | None:
        """The words that speak on `beat`, or on the even beat before it for a finished answer."""
        asked = beat - beat % 2
        return next((s for s in self.segments if s.kind == "text" and s.beat == asked), None)

    def reworded(self, states: Tensor) -> "Sequence":
        """The same row with the words of the target's beat replaced (guidance drops only these); others stay."""
        beat = self.target.beat
        return Sequence(tuple(_said(s, states) if s.kind == "text" and s.beat == beat else s for s in self.segments))


def _said(segment: Segment, states: Tensor) -> Segment:
    length = states.shape[1]
    if length != len(segment):
        place = torch.arange(length, dtype=torch.float32)[:, None] * torch.tensor([1.0, 0.0, 0.0])
        return Segment(segment.kind, segment.beat, place, content=states)
    return replace(segment, content=states)
