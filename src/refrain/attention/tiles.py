"""Tiles: a row's tokens, cut into small boxes of one segment each, so that a tile is a place and not a strip.

Neighbours in space and time have like keys; sixty of them in a box of 3 x 5 x 4 are described by their mean far better
than sixty of a raster row. A tile never holds tokens of two segments, and no tile is longer than `SLOTS`.
"""

import math
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.sequence import Segment

SLOTS = 64
Box = tuple[int, int, int]
Cut = Box | int | None
"""A box (t, y, x), a run of so many tokens in raster order, or None: the best box for each segment."""


@lru_cache(maxsize=256)
def best_box(size: Box, slots: int = SLOTS) -> Box:
    """The box of at most `slots` tokens that fills its slots best and reaches least far, for a grid of `size`.

    A step in time counts as two in space: a latent frame stands for four frames, and what moves is elsewhere by then.
    """

    def worth(box: Box) -> float:
        count = [-(-n // b) for n, b in zip(size, box)]
        fill = size[0] * size[1] * size[2] / (count[0] * count[1] * count[2] * slots)
        radius = sum(w * (b * b - 1) / 12 for w, b in zip((4, 1, 1), box)) ** 0.5  # of a full box, rms
        return fill / (1 + radius)

    t, y, x = (range(1, min(n, slots) + 1) for n in size)
    boxes = (box for box in product(t, y, x) if box[0] * box[1] * box[2] <= slots)
    return max(boxes, key=lambda box: (worth(box), box))  # of equals the largest


@dataclass(frozen=True, eq=False)
class Tiles:
    """The tokens of some segments (L of them, in row order) as N tiles of at most S tokens.

    order:   [N, S] the token in each slot; the tile's first token where the slot is empty.
    lengths: [N] tokens in each tile, which fill its first slots.
    back:    [L] the slot, counted through all tiles, in which each token lies.
    segment: [N] the number of the tile's segment in the row.
    place:   [N, 3] where the tile lies among the tiles of its segment.
    centre:  [N, 3] the mean canvas place of its tokens.
    which:   [N] the tile's segment, counted among those that are cut here.
    runs:    how many tiles each of these segments has; they stand together, in row order.
    """

    order: Tensor
    lengths: Tensor
    back: Tensor
    segment: Tensor
    place: Tensor
    centre: Tensor
    which: Tensor
    runs: tuple[int, ...]

    def __len__(self) -> int:
        return self.order.shape[0]

    @property
    def slots(self) -> int:
        return self.order.shape[1]

    @property
    def filled(self) -> Tensor:
        """[N, S] which slots hold a token."""
        return torch.arange(self.slots, device=self.order.device) < self.lengths[:, None]

    def lay(self, x: Tensor) -> Tensor:
        """Tokens [B, L, H, D] -> [B, H, N, S, D]; empty slots repeat the first token of their tile."""
        laid = x.index_select(1, self.order.flatten())  # [B, N S, H, D]
        return laid.reshape(len(x), *self.order.shape, *x.shape[2:]).movedim(3, 1).contiguous()

    def unlay(self, x: Tensor) -> Tensor:
        """[B, H, N, S, D] -> tokens [B, L, H, D]."""
        return x.flatten(2, 3).index_select(2, self.back).transpose(1, 2)

    def to(self, device: torch.device) -> "Tiles":
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "runs"}
        return Tiles(**moved, runs=self.runs)


def tiles_of(segments: Ordered[Segment], numbers: Ordered[int], cut: Cut) -> Tiles:
    """Cut segments `numbers`, whose tokens stand one after another in this order, into tiles."""
    order: list[Tensor] = []
    place: list[Box] = []
    runs: list[int] = []
    start = 0
    for number in numbers:
        parts = _cut(segments[number], cut)
        order += [tokens + start for tokens, _ in parts]
        place += [where for _, where in parts]
        runs.append(len(parts))
        start += len(segments[number])
    lengths = torch.tensor([len(tokens) for tokens in order])
    slots = int(lengths.max())
    padded = torch.stack([torch.cat([t, t[:1].expand(slots - len(t))]) for t in order])  # [N, S]
    filled = torch.arange(slots) < lengths[:, None]
    back = torch.empty(start, dtype=torch.long)
    back[padded[filled]] = filled.flatten().nonzero().flatten()
    canvas = torch.cat([segments[n].canvas.float().cpu() for n in numbers])  # [L, 3]
    centre = (canvas[padded] * filled[..., None]).sum(1) / lengths[:, None]
    which = torch.arange(len(runs)).repeat_interleave(torch.tensor(runs))  # [N]
    return Tiles(padded, lengths, back, torch.tensor(numbers)[which], torch.tensor(place), centre, which, tuple(runs))


def _cut(segment: Segment, cut: Cut) -> list[tuple[Tensor, Box]]:
    """The tokens (numbers within the segment) of every tile, and the tile's place; parts of an axis differ by one."""
    if segment.kind == "text" or isinstance(cut, int):
        runs = torch.split(torch.arange(len(segment)), cut if isinstance(cut, int) else SLOTS)
        return [(run, (0, 0, n)) for n, run in enumerate(runs)]
    size = segment.size
    box = best_box(size) if cut is None else cut
    numbers = torch.arange(len(segment)).reshape(size)
    found: list[tuple[Tensor, Box]] = []
    for t, frames in enumerate(numbers.tensor_split(-(-size[0] // box[0]), dim=0)):
        for y, rows in enumerate(frames.tensor_split(-(-size[1] // box[1]), dim=1)):
            for x, part in enumerate(rows.tensor_split(-(-size[2] // box[2]), dim=2)):
                found.append((part.flatten(), (t, y, x)))
    return found


def checked(cut: Cut) -> Cut:
    """A cut that can be made; BadInput for one that is empty or longer than the slots."""
    sides = (1, 1, 1) if cut is None else (1, 1, cut) if isinstance(cut, int) else tuple(cut)
    whole = len(sides) == 3 and all(isinstance(side, int) and side >= 1 for side in sides)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not whole or math.prod(sides) > SLOTS:
        raise BadInput(f"A tile is a box (t, y, x) of 1 to {SLOTS} tokens, or a run of so many; not {cut}.")
    return cut
