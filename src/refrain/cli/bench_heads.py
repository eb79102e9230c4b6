"""What attention is measured on: a row of a source and a target of the same clip, and heads that behave like real ones.

Random normal numbers would say nothing: no tile is like its mean, nothing is worth choosing. These heads are made of
what heads of video models are made of, places and things, on real three-dimensional grids. Each kind is one function of
the places and of a seed; source and target show the same scene, the target with more noise.
"""

import math
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.sequence import Segment, Sequence, grid

Size = tuple[int, int, int]
KINDS = ("smooth", "local", "content", "copy")


@dataclass(frozen=True)
class Sizes:
    """Tokens (t, y, x) of the target and of the source beside it."""

    target: Size
    context: Size

    def __str__(self) -> str:
        sides = (f"{math.prod(s):,} ({'x'.join(map(str, s))})" for s in (self.target, self.context))
        return " + ".join(sides)


def size_of(text: str) -> Size:
    """`8192` or `8x32x32` -> (8, 32, 32); a number becomes the box that is most like a clip, wide rather than long."""
    parts = text.lower().replace("×", "x").split("x")
    if not all(part.strip().isdecimal() for part in parts) or len(parts) not in (1, 3) or min(map(int, parts)) < 1:
        raise BadInput(f"Tokens are a number such as 8192, or frames x rows x columns such as 8x32x32, not {text!r}.")
    if len(parts) == 3:
        return (int(parts[0]), int(parts[1]), int(parts[2]))
    count = int(parts[0])
    if count > 10**6:
        raise BadInput(f"{count} tokens are more than are measured here: at most a million.")
    planes = [(t, count // t) for t in range(1, count + 1) if count % t == 0]
    boxes = [(t, y, plane // y) for t, plane in planes for y in range(1, math.isqrt(plane) + 1) if plane % y == 0]
    return min(boxes, key=lambda box: abs(math.log(box[2] / box[1])) + abs(math.log(4 * box[0] / box[1])))


def row_of(sizes: Sizes) -> Sequence:
    """The source, clean, then the target; a source of another size is laid over the whole canvas of the target."""
    target, context = grid(*sizes.target), grid(*sizes.context)
    shrink = torch.tensor([a / b for a, b in zip(sizes.target, sizes.context)])
    canvas = (context + 0.5) * shrink - 0.5  # [L, 3]
    return Sequence([Segment("source", 0, context, canvas=canvas), Segment("target", 0, target)])


def heads_of(
    row: Sequence, kinds: Ordered[str], width: int, seed: int = 0, device: str = "cpu"
) -> tuple[Tensor, Tensor, Tensor]:
    """q, k, v [1, L, H, D], float32, of the whole row: one head for each of `kinds`.

    smooth:  logits are a smooth function of both places; everybody looks at large regions (a diffuse head).
    local:   a token looks at what lies near it, in its own segment and in the other.
    content: a token looks at all tokens of the thing that it belongs to; things drift through the frames.
    copy:    a target token looks at the source token at its own place; source tokens at themselves.
    """
    place = torch.cat([segment.canvas for segment in row]).to(device)  # [L, 3]
    clean = torch.cat([torch.full((len(s), 1), float(not s.noisy)) for s in row]).to(device)  # [L, 1]
    heads = [_head(kind, place, clean, _Draw(width, seed * 1000 + n, device)) for n, kind in enumerate(kinds)]
    q, k, v = (torch.stack(parts, dim=1)[None] for parts in zip(*heads))  # [1, L, H, D]
    return q, k, v


class _Draw:
    """Random functions of a place, of one width and one stream of numbers."""

    def __init__(self, width: int, seed: int, device: str) -> None:
        self.width, self.draw = width, torch.Generator(device).manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.draw, device=self.draw.device)

    def even(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.draw, device=self.draw.device)

    def field(self, place: Tensor, reach: float) -> Tensor:
        """A smooth function [L, D] of unit variance that changes over about `reach` tokens, and over half in time."""
        waves = 96
        rates = self.normal(3, waves) / reach * place.new_tensor([2.0, 1.0, 1.0])[:, None]
        phases = 2 * math.pi * self.even(waves)
        return (place @ rates + phases).cos() @ self.normal(waves, self.width) * (2 / waves) ** 0.5

    def near(self, place: Tensor, reach: float) -> Tensor:
        """Features [L, D] whose product is D exp(-distance² / 2 reach²), about, as rotary embeddings make them."""
        angles = place @ (self.normal(3, self.width // 2) / reach)
        return torch.cat([angles.cos(), angles.sin()], dim=-1)[:, : self.width] * 2**0.5

    def mapped(self, x: Tensor) -> Tensor:
        """A random linear map of x [L, D], as values are of the states that keys are made of too."""
        return x @ self.normal(self.width, self.width) * self.width**-0.5

    def things(self, place: Tensor, count: int) -> Tensor:
        """[L, D] of unit variance, equal for all tokens of one of `count` things, which drift through the frames."""
        low, high = place.amin(0), place.amax(0)
        middle = low + self.even(count, 3) * (high - low)
        drift = self.normal(count, 2) * 0.3  # rows and columns a frame
        where = middle[:, 1:] + drift * (place[:, :1] - low[0])[:, None]  # [L, things, 2]
        nearest = (place[:, None, 1:] - where).square().sum(-1).argmin(-1)
        return self.normal(count, self.width)[nearest]


def _head(kind: str, place: Tensor, clean: Tensor, draw: _Draw) -> tuple[Tensor, Tensor, Tensor]:
    """q, k, v [L, D] of one head."""
    scale, said = draw.width**-0.5, draw.field(place, 3.0)
    match kind:
        case "smooth":
            feature = draw.field(place, 8.0)
            q, k, v = 2.0 * draw.field(place, 8.0), feature, said + draw.mapped(feature)
        case "local":
            feature = draw.near(place, 1.5)
            q, k, v = 9.0 * scale * feature, feature, said
        case "content":
            feature = draw.things(place, 24)
            q, k, v = 7.0 * scale * feature, feature, said + draw.mapped(feature)
        case "copy":
            feature = draw.near(place, 0.6)
            q, k, v = 12.0 * scale * feature, feature * (0.5 + 0.5 * clean), said
        case _:
            raise BadInput(f"A head is one of {', '.join(KINDS)}, not {kind!r}.")
    noise = 0.5 - 0.3 * clean
    q, k = (x + noise * draw.normal(*x.shape) for x in (q, k))
    return q, k, v + 0.5 * draw.normal(*v.shape)
