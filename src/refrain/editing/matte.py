"""Where an answer differs from its source: a soft matte that is empty where only the codec and the model murmur.

Two views of the difference are taken. The fine one finds flakes and sparkles: it leaves out lost detail and needs more
where the source is busy. The coarse one finds light and colour too faint for the first. What is surely changed is a
seed; what may be changed belongs to it when a seed is near, in space or time; the rest is noise. The matte then grows
rather than shrinks, so that a flake of one pixel stays.
"""

from typing import cast

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .transfer import Picture, blur, look_of, over_time, strength, unexplained

Flags = NDArray[np.uint8]  # 0 or 1

GREY = 1 / 255
REACH = 12  # pixels over which a seed takes in what may be changed
WIDE = 3  # sigma of the coarse view, in pixels
GROW = 3  # pixels by which what was found grows before its edge is softened
FAINT = 0.1  # the coarse view counts no more than this of a pixel's change, so that a flake does not fill it
WHOLE = 0.9  # a matte that covers more than this covers everything


def matte_of(before: Tensor, after: Tensor) -> Tensor:
    """How much of every pixel is changed, soft, [T, 1, y, x] in 0..1, from frames [T, 3, y, x] in [-1, 1].

    Exactly 0 outside the edge of what changed; 1 everywhere when light or colour changed as a whole.
    """
    if after.shape != before.shape or before.ndim != 4:
        raise ValueError(f"before {list(before.shape)} and after {list(after.shape)} must be frames of one shape")
    fine, busy, coarse = views(before, after)
    seeds, perhaps = split(fine, 0.3 * busy, *floor(fine, 1, 5, 6))
    wide_seeds, wide_perhaps = split(coarse, 0 * coarse, *floor(coarse, 0.75, 2, 5.5))
    changed = hysteresis(seeds, perhaps) | hysteresis(wide_seeds, wide_perhaps)  # [T, y, x]
    if changed.any() and (changed.mean() > WHOLE or is_of_the_whole(before, after)):
        return torch.ones_like(before[:, :1])
    matte = np.stack([feathered(frame) for frame in changed]) if changed.any() else changed.astype(np.float32)
    return torch.as_tensor(matte)[:, None].to(before)  # [T, 1, y, x]


def latent_matte(matte: Tensor, grid: tuple[int, int, int], pixels: int = 8, frames: int = 4) -> Tensor:
    """Which latents [t, Y, X] may hold change, from the matte [T, 1, y, x] of the pixels: bool, False is untouched.

    A latent covers `frames` frames (the first one alone) of `pixels` × `pixels`; where the matte ends before the grid,
    its edge goes on, as padding does. One latent around the matte counts as touched: its neighbours write into it.
    """
    t, y, x = grid
    missing = max(0, 1 + (t - 1) * frames - len(matte))
    whole = torch.cat([matte, matte[-1:].expand(missing, -1, -1, -1)])[: 1 + (t - 1) * frames, 0]
    down, right = max(0, y * pixels - whole.shape[-2]), max(0, x * pixels - whole.shape[-1])
    whole = F.pad(whole[None], (0, right, 0, down), mode="replicate")[:, :, : y * pixels, : x * pixels]
    cells = F.max_pool2d(whole[0], pixels)  # [T, Y, X]
    later = cells[1:].reshape(t - 1, frames, y, x).amax(dim=1)  # [t - 1, Y, X]
    return F.max_pool2d(torch.cat([cells[:1], later]), 3, stride=1, padding=1) > 0


def views(before: Tensor, after: Tensor) -> tuple[Picture, Picture, Picture]:
    """The fine difference, how busy the source is, and the coarse difference: each [T, y, x], 1 is black to white."""
    fine: list[Picture] = []
    busy: list[Picture] = []
    wide: list[Picture] = []
    for u, v in ((pictures(p), pictures(q)) for p, q in zip(before, after)):
        rest, detail = unexplained(blur(v - u, 0.6), u)
        fine.append(strength(rest)[0] / np.sqrt(3))
        busy.append(blur(strength(detail), 1.5)[0] / np.sqrt(3))
        wide.append(blur(np.clip(rest, -FAINT, FAINT), WIDE))
    coarse = [np.sqrt(np.square(d).mean(0)) for d in over_time(wide)]
    return np.stack(fine), np.stack(busy), np.stack(coarse)


def pictures(frames: Tensor) -> Picture:
    """Frames [..., 3, y, x] in [-1, 1] as pictures in 0..1."""
    return (frames.detach().float().cpu().numpy() + 1) / 2


def floor(view: Picture, low: float, high: float, times: float) -> tuple[float, float]:
    """What surely is a change, and what may be one: so many `times` the noise of a view, and half of that.

    The noise is measured at the median and held within `low` .. `high` grey levels: the upper bound is for edits of the
    whole picture, whose median is no noise.
    """
    noise = float(np.clip(1.3 * np.median(view), low * GREY, high * GREY))
    return times * noise, times * noise / 2


def split(view: Picture, busy: Picture, sure: float, maybe: float) -> tuple[Flags, Flags]:
    """Seeds and what may belong to them; more is asked where the source is busy."""
    return (view > sure + busy).astype(np.uint8), (view > maybe + busy / 2).astype(np.uint8)


def hysteresis(seeds: Flags, perhaps: Flags) -> Flags:
    """Of `perhaps`, what a seed reaches within REACH steps, to a neighbour in space or the same place in time."""
    found = seeds & perhaps
    if not found.any():
        return found
    for _ in range(REACH):
        near: Flags = np.stack([cv2.dilate(f, np.ones((3, 3), np.uint8)) for f in found]).astype(np.uint8)
        near[1:] |= found[:-1]
        near[:-1] |= found[1:]
        grown = cast(Flags, near & perhaps)
        if np.array_equal(grown, found):
            break
        found = grown
    return found


def feathered(changed: Flags) -> Picture:
    """A soft matte [y, x] that is 1 on what changed and falls to exact 0 around it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GROW + 1, 2 * GROW + 1))
    core = cv2.dilate(changed, disc).astype(np.float32)
    soft = cv2.blur(cv2.blur(core, (5, 5)), (3, 3))  # reaches 3 pixels to both sides, no further
    return np.where(soft < 1e-4, 0, np.clip(soft, 0, 1)).astype(np.float32)


def is_of_the_whole(before: Tensor, after: Tensor) -> bool:
    """Whether one change of light or colour explains the whole clip, also where it happens to change little."""
    frames = np.unique(np.linspace(0, len(before) - 1, 8).astype(int))
    u, v = pictures(before[frames]), pictures(after[frames])
    look = look_of(u, v)
    moved = np.stack([blur(q - p, WIDE) for p, q in zip(u, v)])  # [n, 3, y, x]
    wanted = np.stack([blur(look(p) - p, WIDE) for p in u])
    moved_by, off_by = (np.sqrt(np.square(d).mean(1)) for d in (moved, moved - wanted))
    explained = float((off_by <= np.maximum(0.5 * moved_by, 5 * GREY)).mean())
    return explained > 0.97 and float((np.sqrt(np.square(wanted).mean(1)) > 6 * GREY).mean()) > 0.25
