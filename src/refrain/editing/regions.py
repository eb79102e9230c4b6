"""Parts of a clip in which effects work, as tokens; and which effects are drawn apart from each other."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.media import Clip
from refrain.models.wan.hearing import Spot

from .compose import PATCH, Window
from .request import Edit, EffectUse
from .walk import stretch


def region(
    size: tuple[int, int, int],
    box: tuple[float, float, float, float] | None,
    frames: tuple[float, float] | None,
    frames_per_latent: int,
) -> Tensor | None:
    """Tokens [T, Y, X] within a box (shares of the frame) and a stretch of frames; None where both are None.

    A token belongs to it by its middle, so that regions side by side share none; a region holds one at least.
    """
    if box is None and frames is None:
        return None
    x0, y0, x1, y1 = box or (0.0, 0.0, 1.0, 1.0)
    inside = torch.zeros(size, dtype=torch.bool)
    inside[_moments(size[0], frames, frames_per_latent), _cells(size[1], y0, y1), _cells(size[2], x0, x1)] = True
    return inside


def frames_of(use: EffectUse, source: Clip, first: int, last: int) -> tuple[float, float] | None:
    """The frames of the stretch first .. last in which an effect works, counted from its first; None: all.

    Raises BadInput for a time outside the stretch.
    """
    if use.span is None:
        return None
    begin, end = stretch(source, *use.span)
    if max(begin, first) >= min(end, last):
        seconds = "{:g} s to {:g} s".format(*use.span)
        raise BadInput(f"The effect {Path(use.path).name} is for {seconds}, outside the stretch that is edited.")
    return max(begin, first) - first, math.inf if end >= last else end - first


@dataclass(frozen=True, eq=False)
class Part:
    """Effects that are drawn together: spots of all, where those of other parts are nowhere.

    tokens: bool [T, Y / 2, X / 2], what of the answer is taken; None: all of it.
    """

    spots: tuple[Spot, ...]
    tokens: Tensor | None = None


def apart(spots: tuple[Spot, ...]) -> tuple[Part, ...]:
    """Effects whose regions share a token are one part, all others are parts of their own; the rest of the clip, if
    there are several, is a part without any. An effect without a region is in every part.

    Side by side in one target, tokens of one region attend to those of another, and one effect quieted the other.
    """
    groups: list[tuple[set[int], Tensor]] = []
    for n, spot in enumerate(spots):
        if spot.tokens is not None:
            mine, tokens = {n}, spot.tokens
            for other, there in [group for group in groups if bool((group[1] & spot.tokens).any())]:
                mine, tokens = mine | other, tokens | there
            groups = [group for group in groups if not group[0] & mine] + [(mine, tokens)]
    if len(groups) < 2:
        return (Part(spots),)
    rest = ~torch.stack([tokens for _, tokens in groups]).any(dim=0)
    groups += [(set[int](), rest)] if bool(rest.any()) else []
    return tuple(Part(tuple(_kept(n, spot, mine) for n, spot in enumerate(spots)), tokens) for mine, tokens in groups)


def passes(parts: tuple[Part, ...], cuts: list[Window]) -> list[list[int]]:
    """For every window, and every part, the part that draws it there: itself, or one that comes to the same.

    As long as nothing of their own has begun, all parts are one and the same edit. -1: from here on nothing of the part
    is taken any more, so it is not drawn.
    """
    one = [0] * len(parts)  # who drew each part's windows so far: those with the same number are the same until now
    found: list[list[int]] = []
    for window in cuts:
        by: list[int] = []
        first: dict[tuple[int, tuple[bool, ...]], int] = {}
        for n, part in enumerate(parts):
            here = (s.tokens[window.start : window.stop] for s in part.spots if s.tokens is not None)
            begun = one[n], tuple(bool(tokens.any()) for tokens in here)
            needed = part.tokens is None or bool(part.tokens[window.start :].any())
            by.append(first.setdefault(begun, n) if needed else -1)
        found.append(by)
        one = by
    return found


def joined(parts: tuple[Part, ...], each: list[Tensor]) -> Tensor:
    """Of every part's latents [1, C, T, Y, X] what is taken of them."""
    answer = each[0]
    for part, latents in zip(parts[1:], each[1:]):
        assert part.tokens is not None
        here = part.tokens.repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)  # [T, Y, X]
        answer = torch.where(here.to(latents.device), latents, answer)
    return answer


def count_passes(
    request: Edit, size: tuple[int, int, int], frames_per_latent: int, cuts: list[Window]
) -> tuple[int, ...]:
    """How often each window is drawn for the effects of a request, on tokens [T, Y, X]; no weights are read."""
    first, last = stretch(request.source, request.start, request.stop)
    uses = [use for use in request.effects if use.weight]
    when = (frames_of(use, request.source, first, last) for use in uses)
    spots = tuple(Spot("", region(size, use.box, at, frames_per_latent)) for use, at in zip(uses, when))
    return tuple(len(set(by) - {-1}) for by in passes(apart(spots), cuts))


def _kept(number: int, spot: Spot, mine: set[int]) -> Spot:
    """A spot as it is in its own part; in another, it is nowhere."""
    return spot if spot.tokens is None or number in mine else replace(spot, tokens=torch.zeros_like(spot.tokens))


def _cells(count: int, start: float, stop: float) -> slice:
    first = min(round(start * count), count - 1)
    return slice(first, max(first + 1, round(stop * count)))


def _moments(count: int, frames: tuple[float, float] | None, each: int) -> slice:
    """Latent 0 is the first frame, latent n > 0 the `each` frames that end with frame n * each."""
    if frames is None:
        return slice(0, count)
    middles = [0.0, *(n * each - (each - 1) / 2 for n in range(1, count))]
    within = [n for n, middle in enumerate(middles) if frames[0] <= middle < frames[1]]
    nearest = min(-(-int(frames[0]) // each), count - 1)
    return slice(within[0], within[-1] + 1) if within else slice(nearest, nearest + 1)
