"""Freeze: frost creeps in from the borders, or up the subject from its foot, and leaves pale blue ice behind.

It begins at once, is through after some thirty frames and then holds. Frost on everything lies on the picture as on a
window; ice on the subject moves with it.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from refrain.data.effects.body import body_of, box_of
from refrain.data.effects.effected import Effected, luma_of, painted, smooth
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import SIZE, hashed, sample, tile
from refrain.data.repeat import looked_up, rowed, spread

_THROUGH = 30.0  # frames until it holds
_POWER = {"light": 0.62, "medium": 0.85, "heavy": 1.0}
# brightness of what freezes -> its colour in ice
_STEPS = np.array([0.0, 0.35, 0.7, 1.0])
_ICE = np.array([[0.07, 0.16, 0.30], [0.32, 0.54, 0.76], [0.68, 0.87, 0.97], [0.97, 1.0, 1.0]])

_FROST = np.array([0.92, 0.98, 1.0], np.float32)


@dataclass(frozen=True)
class Freeze:
    """What freezes ("everywhere", "subject") and how hard ("light", "medium", "heavy")."""

    where: str = "everywhere"
    strength: str = "medium"


def draw(rng: np.random.Generator) -> Freeze:
    """Half of them the subject alone."""
    return Freeze(str(rng.choice(["everywhere", "subject"])), str(rng.choice(["light", "medium", "medium", "heavy"])))


def freeze(shot: Shot, seed: int, parameters: Freeze) -> Effected:
    """Turn what the frost has reached to ice. Raises BadInput where the subject is to freeze and nobody said where."""
    height, width = shot.frames.shape[1:3]
    power = _POWER[parameters.strength]
    places = hashed(seed, 81, np.arange(2))
    lookup = np.stack([np.interp(np.linspace(0, 1, 256), _STEPS, _ICE[:, c]) for c in range(3)], -1).astype(np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if parameters.where == "everywhere":  # nothing moves but the front
        inward: np.ndarray = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x)) / max(
            min(height, width) / 2, 1
        )
        grain = _Grain.at((y + 0.5) / height, (x + 0.5) / height, places)
        border = np.asarray(-0.9 * inward + 0.16 * grain.rough)
        thick = power * (0.25 + 0.75 * smooth(inward, 0.9, 0.05))

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        share = min(max(shot.now(i) + 2.0, 0.0) / _THROUGH, 1.0)
        share = share * (1.6 - 0.6 * share)  # fast at first
        if parameters.where == "everywhere":
            front = np.asarray(border + (share * (0.35 + 0.75 * power) - 0.1))
            return _iced(picture, front, power, grain, thick, lookup)
        body = body_of(shot.mask(i))
        matte = np.zeros((height, width), np.float32)
        if body is None:
            return picture, matte
        box = box_of(body.mask)
        here = _Grain.at((y[box] - body.top) / body.height * 0.8, (x[box] - body.left) / body.height * 0.8, places)
        front = (y[box] - body.top) / body.height + 0.13 * here.rough + (share * 1.65 - 1.25)
        iced, frozen = _iced(picture[box], front, power, here, np.float32(0.75 * power), lookup)
        cover = body.mask[box]
        picture[box] += (iced - picture[box]) * spread(cover)
        matte[box] = frozen * cover
        return picture, matte

    return painted(shot.frames, paint)


@dataclass(frozen=True)
class _Grain:
    """What ice looks like at every pixel: how rough its front is, how bright its facets and their edges are."""

    rough: np.ndarray
    facet: np.ndarray
    edge: np.ndarray

    @staticmethod
    def at(v: np.ndarray, u: np.ndarray, places: np.ndarray) -> "_Grain":
        """Read the tiles at places (v, u), in heights of what freezes."""
        a, b = (np.float32(p) for p in places)
        rough = sample(tile(-2.9, 81), v * 0.7 + a, u * 0.7 + b)
        facets, edges = _crystals()
        bend = np.float32(0.012)
        facet = sample(facets, v * 0.8 + a + bend * rough, u * 0.8 + b)
        edge = sample(edges, v * 0.8 + a + bend * rough, u * 0.8 + b)
        needles = sample(edges, v * 2.3 + b, u * 1.7 + a + bend * rough)
        return _Grain(rough, facet, np.maximum(edge, 0.6 * needles))


def _iced(
    picture: np.ndarray,
    front: np.ndarray,
    power: float,
    grain: _Grain,
    thick: np.ndarray | np.float32,
    lookup: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The picture as ice where the front (0 at its edge) has passed, bright at the edge; and how frozen it is."""
    frozen = smooth(front, 0.0, 0.06) * min(0.55 + 0.5 * power, 1.0)
    rim = smooth(np.abs(front - 0.02), 0.04, 0.0)
    bright = luma_of(picture) * 0.80 + 0.12 + (grain.facet - 0.5) * (0.06 + 0.12 * thick)
    ice = looked_up(lookup, np.asarray(cv2.convertScaleAbs(np.maximum(bright, 0), alpha=255), np.uint8))  # [Y, X, 3]
    white, frost = thick * (0.55 * grain.edge + 0.22 * grain.facet * grain.facet), rowed(_FROST, ice.shape[1])
    ice += (frost - ice) * spread(white)
    ice = picture + (ice - picture) * spread(frozen)
    return ice + (frost - ice) * spread(0.85 * rim), np.maximum(frozen, rim)


@lru_cache(maxsize=1)
def _crystals() -> tuple[np.ndarray, np.ndarray]:
    """Facets (one brightness with a slope each) and their edges, 0..1: two periodic float32 [SIZE, SIZE]."""
    u = hashed(83, np.arange(150)[:, None], np.arange(4)[None])  # [150, 4]
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
    first, second = np.full_like(x, 9), np.full_like(x, 9)
    facet = np.zeros_like(x)
    for py, px, bright, turn in u.astype(np.float32):
        dy, dx = (y - py + 0.5) % 1 - 0.5, (x - px + 0.5) % 1 - 0.5
        angle = turn * 2 * np.pi
        along, across = dy * np.cos(angle) + dx * np.sin(angle), dx * np.cos(angle) - dy * np.sin(angle)
        far = np.hypot(along * 0.55, across * 1.25)  # long crystals, each its own way
        nearer = far < first
        second = np.where(nearer, first, np.minimum(second, far))
        facet = np.where(nearer, np.clip(0.15 + 0.7 * bright + 3.0 * along, 0, 1), facet)
        first = np.minimum(first, far)
    edge = np.exp(-(((second - first) / 0.006) ** 2))
    return cv2.GaussianBlur(facet, (0, 0), 0.8), edge.astype(np.float32)


WORDING = Wording(
    known="freeze everything",
    nouns=("frost", "ice", "ice crystals", "frost crystals", "icy frost", "a layer of ice", "a coat of frost"),
    adjectives=("frozen", "icy", "frosty", "frosted", "frozen over", "iced over"),
    verbs=("freeze", "freeze over", "ice over", "frost over"),
    clauses=("freeze the {scene}", "freeze everything", "turn it all to ice"),
    tails={
        "where": {
            "everywhere": ("everywhere", "all over the {scene}", "over everything", "from the borders"),
            "subject": ("on {subject}", "all over {subject}", "only on {subject}", "up {subject} from below"),
        }
    },
    usual={"where": "everywhere"},
)
