"""What one forward pass was given: its noise time, and its row of tokens as segments, read from what the host is called
with and never inferred from the number of tokens.

The hosts were trained with everybody seeing everybody, so the rule is `full`; kinds tell pictures apart, so that tiles
that lie at one place are exact for each other.
"""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from refrain.attention import Plan
from refrain.sequence import Segment, Sequence, full, grid


class Part(NamedTuple):
    """A run of tokens of the host's row: pictures or frames of `size` (t, y, x), rastered; or `size[0]` words."""

    kind: Literal["text", "target", "source"]
    size: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Given:
    """One forward pass.

    t:     its noise time, 0 to 1; the greatest of them where samples or tokens differ, so that `dense_time` is heeded.
    plans: one for the whole batch; or, with `kept`, one for each sample.
    kept:  for each sample the tokens [K] of the host's row that its plan holds; the rest is padding, seen by nobody.
    """

    t: float
    plans: tuple[Plan, ...]
    kept: tuple[Tensor, ...] | None = None


def noise_time(timestep: Tensor, unit: float = 1.0) -> float:
    """The greatest noise time of a tensor of timesteps that run from 0 to `unit`."""
    return float(timestep.max()) / unit


@lru_cache(maxsize=16)
def plan_of(parts: tuple[Part, ...]) -> Plan:
    """The plan of a row of parts; made once per layout. Sources lie stretched over the (first) target."""
    canvas = next(part.size for part in parts if part.kind == "target")
    return Plan.of(Sequence([_segment(part, canvas) for part in parts]), full)


def words(count: int) -> tuple[Part, ...]:
    """`count` words as a part; nothing where there are none."""
    return (Part("text", (count, 1, 1)),) if count else ()


def _segment(part: Part, canvas: Ordered[int]) -> Segment:
    places = grid(*part.size)  # [L, 3]
    if part.kind != "source" or part.size == canvas:
        return Segment(part.kind, 0, places)
    stretch = torch.tensor([whole / own for whole, own in zip(canvas, part.size)])
    return Segment(part.kind, 0, places, canvas=(places + 0.5) * stretch - 0.5)
