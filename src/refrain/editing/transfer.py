"""How light and colour of the answer follow from the source: a local affine map, and what no map explains.

Near every pixel the answer is gain · source + bias, fitted at the model's size (He et al., Guided Image Filtering,
2013, with colour as guide) and applied at the source's size, so that fog on a large clip keeps the clip's own detail.
Where the picture is too plain to tell a gain, the fit leans on one map of the whole clip, scaled by how much detail is
left. Flakes, flames and sparkles are no map of the source: they enter the bias, and take gain away where they cover.

Pictures are [y, x, c] float32 in the planes' own colours (luma 0..1, chroma -½..½), as OpenCV likes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.floating[Any]]  # float32 in fact; NumPy's types lose count of it

BEND = np.array([1e-3, 3e-4, 3e-4], np.float32)  # variance of luma and chroma below which the fit leans on the prior
PLAIN = 1e-4  # energy of detail below which the share of detail that is left cannot be told
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # a symmetric 3 × 3 matrix, row after row


@dataclass(frozen=True)
class Look:
    """One map of the whole clip: colour -> gain @ colour + bias."""

    gain: Picture  # [3, 3]
    bias: Picture  # [3]

    def __call__(self, picture: Picture) -> Picture:
        return picture @ self.gain.T + self.bias


@dataclass(frozen=True)
class Map:
    """A map of its own for every pixel: colour -> gain @ colour + bias."""

    gain: Picture  # [y, x, 3, 3]
    bias: Picture  # [y, x, 3]

    def __call__(self, picture: Picture) -> Picture:
        return transform(self.gain, picture) + self.bias


def transform(gain: Picture, picture: Picture) -> Picture:
    """gain @ colour, pixel by pixel."""
    first, second, third = (gain[..., i] * picture[..., i : i + 1] for i in range(3))
    return first + second + third


def blur(picture: Picture, sigma: float) -> Picture:
    """A Gaussian of that many pixels, mirrored at the border."""
    done = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(done, np.float32).reshape(picture.shape)


def strength(picture: Picture) -> Picture:
    """How far from zero a colour is, [y, x, 1]."""
    return np.sqrt(np.square(picture).sum(axis=-1, keepdims=True))


def ramp(x: Picture, low: Picture | float, high: Picture | float) -> Picture:
    """0 below `low`, 1 above `high`, smooth between."""
    x = np.clip((x - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


# ---- one map of the whole clip


def look_of(before: Picture, after: Picture) -> Look:
    """The affine map that most pixels of `before` [n, y, x, 3] follow to `after`; Cauchy weights, close to identity."""
    step = max(1, int(np.sqrt(before.size / 3 / 20_000)))
    u = before[:, ::step, ::step].reshape(-1, 3).astype(np.float64)
    v = after[:, ::step, ::step].reshape(-1, 3).astype(np.float64)
    rows = np.concatenate([u, np.ones((len(u), 1))], axis=1)  # [N, 4]
    ridge = np.diag([1e-5, 1e-5, 1e-5, 0.0])
    weight: NDArray[np.float64] = np.ones(len(u))
    solved: NDArray[np.float64] = np.eye(4, 3)
    for _ in range(6):
        heavy = rows * weight[:, None]
        pull = ridge * weight.sum()
        own: NDArray[np.float64] = rows.T @ heavy + pull + 1e-9 * np.eye(4)
        cross: NDArray[np.float64] = heavy.T @ v + pull[:, :3]
        solved = np.asarray(np.linalg.solve(own, cross), np.float64)
        far = np.sqrt(np.square(v - rows @ solved).sum(axis=1))
        weight = 1 / (1 + np.square(far / max(0.03, 1.5 * float(np.median(far))))) ** 2
    return Look(solved[:3].T.astype(np.float32), solved[3].astype(np.float32))


# ---- a map for every pixel


def maps_of(before: Picture, after: Picture, look: Look, passes: int = 2) -> list[Map]:
    """A map for every pixel of every frame [n, y, x, 3], smooth in space and over three frames.

    What the first pass cannot explain (a flake in the window) hardly counts in the next. Both pictures are blurred a
    little first, so that an answer that is softer than the source does not pass for less contrast.
    """
    us, vs = [blur(u, 1) for u in before], [blur(v, 1) for v in after]
    details = [(g - blur(g, 2), v - blur(v, 2)) for g, v in ((look(u), v) for u, v in zip(us, vs))]
    weights = [np.ones((*u.shape[:2], 1), np.float32) for u in us]
    maps: list[Map] = []
    for last in reversed(range(passes)):
        shares = [left(m) for m in over_time([detail_moments(*d, w) for d, w in zip(details, weights)])]
        sums = over_time([moments(u, v, w) for u, v, w in zip(us, vs, weights)])
        maps = [solve(m, share[..., None] * look.gain) for m, share in zip(sums, shares)]
        if last:
            weights = [trust(strength(v - m(u))) for u, v, m in zip(us, vs, maps)]
    return [Map(blur(m.gain.reshape(*m.bias.shape[:2], 9), 1).reshape(m.gain.shape), blur(m.bias, 1)) for m in maps]


def over_time(sums: Sequence[Picture]) -> list[Picture]:
    """Each frame's sums with a half of its neighbours'."""
    last = len(sums) - 1
    return [0.5 * sums[n] + 0.25 * (sums[max(n - 1, 0)] + sums[min(n + 1, last)]) for n in range(last + 1)]


def trust(error: Picture) -> Picture:
    """How much a pixel counts, from what the map failed to explain there, against its surroundings."""
    scale = np.maximum(0.012, 1.5 * blur(error, 2.4))
    return 1 / np.square(1 + np.square(error / scale)) + 1e-3


def detail_moments(g: Picture, v: Picture, weight: Picture) -> Picture:
    """Weighted sums [y, x, 3] over a window: detail of the source with itself, with the answer's, and the weights."""
    own, cross = (g * g).sum(-1, keepdims=True), (g * v).sum(-1, keepdims=True)
    return blur(np.concatenate([weight * own, weight * cross, weight], axis=-1), 4)


def left(m: Picture) -> Picture:
    """The share of detail that is left [y, x, 1]: 1 where nothing can be told, 0 under an opaque thing."""
    plain = PLAIN * m[..., 2:]
    return np.clip((m[..., 1:2] + plain) / (m[..., :1] + plain), 0, 1.5)


def moments(u: Picture, v: Picture, weight: Picture) -> Picture:
    """Weighted sums over a window [y, x, 22]: weight, u, v, u·u (6), u·v (9)."""
    own = [u[..., i : i + 1] * u[..., j : j + 1] for i, j in PAIRS]
    cross = [u[..., i : i + 1] * v for i in range(3)]
    return blur(weight * np.concatenate([np.ones_like(weight), u, v, *own, *cross], axis=-1), 2.4)


def solve(m: Picture, prior: Picture) -> Map:
    """The map that fits a window's sums, leaning on the gain `prior` [y, x, 3, 3] by BEND."""
    m = m / m[..., :1]
    u, v = m[..., 1:4], m[..., 4:7]
    own = np.stack([m[..., 7 + k] - u[..., i] * u[..., j] for k, (i, j) in enumerate(PAIRS)])  # [6, y, x]
    own[[0, 3, 5]] += BEND[:, None, None]
    cross = m[..., 13:].reshape(*m.shape[:2], 3, 3) - u[..., :, None] * v[..., None, :]
    cross = cross + BEND[:, None] * np.swapaxes(prior, -1, -2)
    gain = np.swapaxes(inverse(own) @ cross, -1, -2)
    return Map(gain, v - transform(gain, u))


def inverse(m: Picture) -> Picture:
    """The inverse [y, x, 3, 3] of a symmetric matrix given as its six entries [6, y, x]."""
    a, b, c, d, e, f = m
    p, q, r, s, t, w = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
    return (np.stack([p, q, r, q, s, t, r, t, w], axis=-1) / (a * p + b * q + c * r)[..., None]).reshape(*a.shape, 3, 3)


# ---- what no map explains


def unexplained(error: Picture, picture: Picture) -> tuple[Picture, Picture]:
    """`error` without what is only lost detail of `picture`, and that detail's strength; each [y, x, 1].

    A softer picture differs from a sharp one by minus a part of its detail. The part (0..1) that explains most is taken
    off, pixel by pixel.
    """
    detail = picture - blur(picture, 2)
    part = -(error * detail).sum(-1, keepdims=True) / (np.square(detail).sum(-1, keepdims=True) + 1e-8)
    return strength(error + np.clip(part, 0, 1) * detail), strength(detail)


def noise_of(errors: Sequence[Picture]) -> float:
    """The grain of what is not explained, robustly (median of the fine part of luma), between 2 and 8 grey levels."""
    fine = [float(np.median(np.abs(e[..., :1] - blur(e[..., :1].copy(), 1.5)))) for e in errors]
    return float(np.clip(3 * np.median(fine), 0.01, 0.03))


def with_structure(maps: Sequence[Map], before: Picture, after: Picture) -> list[Map]:
    """The maps, with new things laid in: added where they are faint, replacing where they are strong."""
    errors = [v - m(u) for m, u, v in zip(maps, before, after)]
    noise = noise_of(errors)
    done: list[Map] = []
    for m, u, v, error in zip(maps, before, after, errors):
        rest, detail = unexplained(error, transform(m.gain, u))
        floor = 2 * noise + 0.3 * blur(detail, 1.5)
        new = ramp(blur(rest, 0.6), floor, 2 * floor)
        grown = np.asarray(cv2.dilate(new, np.ones((3, 3), np.uint8)), np.float32)
        new = blur(grown.reshape(new.shape), 0.7)
        cover = new * ramp(blur(strength(error), 0.6), 0.06, 0.3)
        bias = (1 - cover) * (m.bias + new * error) + cover * v
        done.append(Map(m.gain * (1 - cover)[..., None], bias))
    return done
