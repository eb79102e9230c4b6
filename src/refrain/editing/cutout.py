"""What stands before a new background keeps the edges that it had.

A model draws in cells of many pixels, and where a thing ends within one it draws the end softly, or eats into the
thing. Where a turn replaces most of a picture and leaves the rest, a pixel either stays or is replaced. How far it went
on the way to the new background says roughly which; to the pixel the picture before says it, which has the edges (He et
al., Guided Image Filtering, 2013, each pixel weighed by how far both backgrounds are apart).
"""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from refrain.models.protocols import Codec

from .matte import pictures
from .preserve import BLOCK
from .transfer import Picture, blur, moments, over_time, solve, strength

MOST = 0.5  # share of the pixels from which on what is behind things is replaced, or all
CHANGED = 0.08  # from black to white: a pixel that surely changed
MURMUR = 0.05  # the same, of a pixel that stays, and of two backgrounds that cannot be told apart
AROUND = 4  # sigma in pixels, over which the new background is taken for even where it is not drawn whole
WINDOW = 2.4  # the same, over which edges are looked for (`transfer.moments`)
NEAR = 6  # pixels from what stays, over which a model may have drawn the new background half
WHOLE = 0.9  # of the way, from which on it is drawn whole
STAYS, GOES = 0.55, 0.7  # of the way, seen by the edges: up to the one a pixel stays, from the other on it is replaced
UNTOUCHED, GONE = 0.25, 0.75  # of the way, as the model drew it: up to the one a pixel stays; between, it is halfway
BETWEEN = 1.8  # pixels halfway, for each that stays, from which on this is no cut
LEFT = 0.02  # share of pixels that stay, below which nothing does
FAR, LEAST = 0.25, 1e-4  # square from which two backgrounds are no farther apart, and what a pixel weighs at least
GRADED = 0.03  # share of a change that a map of colours leaves unexplained, up to which it is a look
HUELESS = 0.005  # share of the squares of a picture's colours, around their mean, that is the codec's loss


@torch.no_grad()
def cut_out(codec: Codec, latents: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """An answer, latents [1, C, t, Y, X] and frames [T, 3, y, x] in [-1, 1], with things cut out of the picture before.

    before: its frames. The answer as it is where it does not replace a background.
    """
    cut = recut(before, after)
    if cut is None:
        return latents, after
    # as a difference, so that what is as it was does not pass through the codec once more
    latents = latents + codec.encode(cut[None]) - codec.encode(after[None])
    return latents, codec.decode(latents)[0]


def recut(before: Tensor, after: Tensor) -> Tensor | None:
    """`after` with the edges of `before` around what stays; frames [T, 3, y, x] in [-1, 1].

    None where it is no new background: where less changes, nothing stays, or light and colour alone do.
    """
    if after.shape != before.shape or before.ndim != 4:
        raise ValueError(f"before {list(before.shape)} and after {list(after.shape)} must be frames of one shape")
    us, vs = pictures(before), pictures(after)
    if (np.abs(vs - us).max(axis=1) > MURMUR).mean() <= MOST or is_look(before, after):
        return None
    grounds = [background(u, v) for u, v in zip(us, vs)]
    ways = [way_of(u, v, ground) for u, v, ground in zip(us, vs, grounds)]
    shares = np.stack(ways)
    stays, halfway = (shares < UNTOUCHED).mean(), ((shares > UNTOUCHED) & (shares < GONE)).mean()
    if stays < LEFT or halfway > BETWEEN * stays:
        return None
    done = [laid(*each) for each in zip(us, vs, grounds, ways, edges(us, grounds, ways))]
    return torch.as_tensor(np.stack(done) * 2 - 1).to(after)


def background(before: Picture, after: Picture) -> Picture:
    """The new background everywhere [3, y, x], from where it surely is; pictures [3, y, x] in 0..1."""
    surely = (np.abs(after - before).max(axis=0) > CHANGED).astype(np.uint8)
    there = np.asarray(cv2.erode(surely, np.ones((3, 3), np.uint8)), np.float32)[None]
    return blur(after * there, AROUND) / (blur(there, AROUND) + LEAST)


def way_of(before: Picture, after: Picture, ground: Picture) -> Picture:
    """How far every pixel went on the way to the new background, [1, y, x] in 0..1; 1 where there is no way to go.

    What is too thin for a thing is a line of the new background that looks like the old one.
    """
    way = np.clip((strength(after - before) + MURMUR) / (strength(ground - before) + MURMUR), 0, 1)
    return np.asarray(cv2.morphologyEx(way[0], cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.float32)[None]


def laid(before: Picture, after: Picture, ground: Picture, way: Picture, goes: Picture) -> Picture:
    """One picture: what stays of `before`, elsewhere `after`; near what stays the new background where half drawn."""
    near = cv2.dilate((goes[0] < 1).astype(np.uint8), np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)) > 0
    new = np.where(near & (way < WHOLE), way * after + (1 - way) * ground, after)
    return (1 - goes) * before + goes * new


def edges(before: Picture, grounds: list[Picture], ways: list[Picture]) -> Iterator[Picture]:
    """The ways [1, y, x] as the colours of `before` [T, 3, y, x] tell them all around: 0 stays, 1 is replaced."""
    for start in range(0, len(ways), BLOCK):
        first, last = max(0, start - 1), min(len(ways), start + BLOCK + 1)  # neighbours in time are looked at
        sums = over_time([
            moments(u, np.repeat(way, 3, axis=0), np.minimum(np.square(ground - u).sum(0, keepdims=True), FAR) + LEAST)
            for u, ground, way in zip(before[first:last], grounds[first:last], ways[first:last])
        ])  # fmt: skip
        for n in range(start, min(len(ways), start + BLOCK)):
            found = solve(sums[n - first], np.zeros((3, 3, *before.shape[2:]), np.float32))
            gain = blur(found.gain[0], WINDOW)  # all three channels of the answer are the way
            way = (gain * before[n]).sum(0, keepdims=True) + blur(found.bias[:1], WINDOW)
            yield np.clip((way - STAYS) / (GOES - STAYS), 0, 1)


def is_look(before: Tensor, after: Tensor, unexplained: float = GRADED) -> bool:
    """Whether colours alone explain a change of frames [T, 3, y, x], all but a share: from the one, or back."""
    return min(colour_map(before, after)[1], colour_map(after, before)[1]) <= unexplained


def colour_map(one: Tensor, other: Tensor) -> tuple[Tensor, float]:
    """The linear part [3, 3] of the affine map that brings colours of `one` nearest to those of `other`.

    one, other: [T, 3, y, x]. And the share of the squares of their difference that it leaves. Of a grey picture the
    codec's loss has a hue now and then; it says nothing of colours.
    """
    points = [x.double().transpose(0, 1).flatten(1) for x in (one, other)]  # [3, T * y * x]
    (a, b), apart = (x - x.mean(1, keepdim=True) for x in points), (points[0] - points[1]).square().sum()
    there = torch.pinverse(a @ a.T, HUELESS) @ (a @ b.T)
    return there, float((there.T @ a - b).square().sum() / apart)
