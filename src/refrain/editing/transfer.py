"""How light and colour of the answer follow from the source: a local affine map, and what no map explains.

Near every pixel the answer is gain · source + bias, fitted at the model's size (He et al., Guided Image Filtering,
2013, with colour as guide) and applied at the source's size, so that fog on a large clip keeps the clip's own detail.
Where the picture is too plain to tell a gain, the fit leans on one map of the whole clip, scaled by how much detail is
left. Flakes, flames and sparkles are no map of the source: they enter the bias, and take gain away where they cover.

Pictures are [c, y, x] float32 in the planes' own colours (luma 0..1, chroma -½..½).
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
        return transform(self.gain[:, :, None, None], picture) + self.bias[:, None, None]


@dataclass(frozen=True)
class Map:
    """A map of its own for every pixel: colour -> gain @ colour + bias."""

    gain: Picture  # [3, 3, y, x]
    bias: Picture  # [3, y, x]

    def __call__(self, picture: Picture) -> Picture:
        return transform(self.gain, picture) + self.bias


def transform(gain: Picture, picture: Picture) -> Picture:
    """gain [3, 3, y, x] @ colour [3, y, x], pixel by pixel."""
    return gain[:, 0] * picture[0] + gain[:, 1] * picture[1] + gain[:, 2] * picture[2]


def blur(picture: Picture, sigma: float) -> Picture:
    """A Gaussian of that many pixels over [c, y, x], mirrored at the border."""
    done = np.empty(picture.shape, np.float32)
    for new, old in zip(done, picture):
        new[:] = cv2.GaussianBlur(old, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return done


def strength(picture: Picture) -> Picture:
    """How far from zero a colour is, [1, y, x]."""
    return np.sqrt(np.square(picture).sum(axis=0, keepdims=True))


def ramp(x: Picture, low: Picture | float, high: Picture | float) -> Picture:
    """0 below `low`, 1 above `high`, smooth between."""
    x = np.clip((x - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


# ---- one map of the whole clip


def look_of(before: Picture, after: Picture) -> Look:
    """The affine map that most pixels of `before` [n, 3, y, x] follow to `after`; Cauchy weights, close to identity."""
    step = max(1, int(np.sqrt(before.size / 3 / 20_000)))
    u, v = (np.moveaxis(p[:, :, ::step, ::step], 1, -1).reshape(-1, 3).astype(np.float64) for p in (before, after))
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
    """A map for every pixel of every frame [n, 3, y, x], smooth in space and over three frames.

    What the first pass cannot explain (a flake in the window) hardly counts in the next. Both pictures are blurred a
    little first, so that an answer that is softer than the source does not pass for less contrast.
    """
    us, vs = [blur(u, 1) for u in before], [blur(v, 1) for v in after]
    details = [(g - blur(g, 2), v - blur(v, 2)) for g, v in ((look(u), v) for u, v in zip(us, vs))]
    weights = [np.ones((1, *u.shape[1:]), np.float32) for u in us]
    maps: list[Map] = []
    for last in reversed(range(passes)):
        shares = [left(m) for m in over_time([detail_moments(*d, w) for d, w in zip(details, weights)])]
        sums = over_time([moments(u, v, w) for u, v, w in zip(us, vs, weights)])
        maps = [solve(m, share * look.gain[:, :, None, None]) for m, share in zip(sums, shares)]
        if last:
            weights = [trust(strength(v - m(u))) for u, v, m in zip(us, vs, maps)]
    return [Map(blur(m.gain.reshape(9, *m.bias.shape[1:]), 1).reshape(m.gain.shape), blur(m.bias, 1)) for m in maps]


def over_time(sums: Sequence[Picture]) -> list[Picture]:
    """Each frame's sums with a half of its neighbours'."""
    last = len(sums) - 1
    return [0.5 * sums[n] + 0.25 * (sums[max(n - 1, 0)] + sums[min(n + 1, last)]) for n in range(last + 1)]


def trust(error: Picture) -> Picture:
    """How much a pixel counts, from what the map failed to explain there, against its surroundings."""
    scale = np.maximum(0.012, 1.5 * blur(error, 2.4))
    return 1 / np.square(1 + np.square(error / scale)) + 1e-3


def detail_moments(g: Picture, v: Picture, weight: Picture) -> Picture:
    """Weighted sums [3, y, x] over a window: detail of the source with itself, with the answer's, and the weights."""
    own, cross = (g * g).sum(0, keepdims=True), (g * v).sum(0, keepdims=True)
    return blur(np.concatenate([weight * own, weight * cross, weight]), 4)


def left(m: Picture) -> Picture:
    """The share of detail that is left [1, y, x]: 1 where nothing can be told, 0 under an opaque thing."""
    plain = PLAIN * m[2:]
    return np.clip((m[1:2] + plain) / (m[:1] + plain), 0, 1.5)


def moments(u: Picture, v: Picture, weight: Picture) -> Picture:
    """Weighted sums over a window [22, y, x]: weight, u, v, u·u (6), u·v (9)."""
    own = [u[i : i + 1] * u[j : j + 1] for i, j in PAIRS]
    cross = [u[i] * v for i in range(3)]
    return blur(weight * np.concatenate([np.ones_like(weight), u, v, *own, *cross]), 2.4)


def solve(m: Picture, prior: Picture) -> Map:
    """The map that fits a window's sums, leaning on the gain `prior` [3, 3, y, x] by BEND."""
    m = m[1:] / m[:1]
    u, v = m[:3], m[3:6]
    own = np.stack([m[6 + k] - u[i] * u[j] for k, (i, j) in enumerate(PAIRS)])  # [6, y, x]
    own[[0, 3, 5]] += BEND[:, None, None]
    back = inverse(own)
    gain = np.zeros_like(prior)
    for i in range(3):  # gain[:, n] = sum over i of back[n, i] * cross[i]
        cross = m[12 + 3 * i : 15 + 3 * i] - u[i] * v + BEND[i] * prior[:, i]  # [3, y, x], of u_i with v
        for n in range(3):
            gain[:, n] += back[n][i] * cross
    return Map(gain, v - transform(gain, u))


def inverse(m: Picture) -> Sequence[Sequence[Picture]]:
    """The inverse, rows of planes [y, x], of a symmetric 3 × 3 matrix given as its six entries [6, y, x]."""
    a, b, c, d, e, f = m
    p, q, r, s, t, w = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
    scale = 1 / (a * p + b * q + c * r)
    p, q, r, s, t, w = p * scale, q * scale, r * scale, s * scale, t * scale, w * scale
    return (p, q, r), (q, s, t), (r, t, w)


# ---- what no map explains


def unexplained(error: Picture, picture: Picture) -> tuple[Picture, Picture]:
    """`error` [3, y, x] without what is only lost detail of `picture`, and all of that detail.

    A softer picture differs from a sharp one by minus a part of its detail. The part (0..1) that explains most is taken
    off, pixel by pixel.
    """
    detail = picture - blur(picture, 2)
    part = -(error * detail).sum(0, keepdims=True) / (np.square(detail).sum(0, keepdims=True) + 1e-8)
    return error + np.clip(part, 0, 1) * detail, detail


def noise_of(errors: Sequence[Picture]) -> float:
    """The grain of what is not explained, robustly (median of the fine part of luma), between 2 and 8 grey levels."""
    fine = [float(np.median(np.abs(e[:1] - blur(e[:1], 1.5)))) for e in errors]
    return float(np.clip(3 * np.median(fine), 0.01, 0.03))


def with_structure(maps: Sequence[Map], before: Picture, after: Picture) -> list[Map]:
    """The maps, with new things laid in: added where they are faint, replacing where they are strong."""
    errors = [v - m(u) for m, u, v in zip(maps, before, after)]
    noise = noise_of(errors)
    done: list[Map] = []
    for m, u, v, error in zip(maps, before, after, errors):
        rest, detail = unexplained(error, transform(m.gain, u))
        floor = 2 * noise + 0.3 * blur(strength(detail), 1.5)
        new = ramp(blur(strength(rest), 0.6), floor, 2 * floor)
        new = blur(np.asarray(cv2.dilate(new[0], np.ones((3, 3), np.uint8)), np.float32)[None], 0.7)
        cover = new * ramp(blur(strength(error), 0.6), 0.06, 0.3)
        done.append(Map((1 - cover) * m.gain, (1 - cover) * (m.bias + new * error) + cover * v))
    return done
