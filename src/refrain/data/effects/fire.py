"""Fire: tongues of flame that rise from an edge or from the subject, dark red above and pale yellow below."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.body import body_of
from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed, sample, tile
from refrain.data.repeat import rowed, spread

# heat -> linear light of the flame (red, green, blue), and how much of the scene it hides
_HEAT = np.array([0.0, 0.12, 0.28, 0.45, 0.65, 0.85, 1.0])
_LIGHT = np.array(
    [
        [0.00, 0.000, 0.000],
        [0.05, 0.004, 0.000],
        [0.34, 0.028, 0.002],
        [0.85, 0.160, 0.010],
        [1.05, 0.420, 0.030],
        [1.10, 0.740, 0.140],
        [1.10, 0.980, 0.520],
    ]
)
_COVER = np.array([0.0, 0.12, 0.50, 0.80, 0.92, 0.97, 1.0])


WORDING = Wording(
    known="set flames rising from the bottom",
    nouns=(
        "fire", "fire", "flames", "flames", "burning flames", "blazing fire", "flame", "burning fire",
        "fire and flames",
    ),
    adjectives=("burning", "on fire", "fiery", "in flames", "flaming", "full of fire", "full of flames", "blazing"),
    verbs=("burn", "burn", "catch fire", "go up in flames", "blaze"),
    clauses=("set it on fire", "set the {scene} on fire", "set everything on fire", "burn it", "burn the {scene}"),
    named={-1: ("a few flames", "a small fire"), 1: ("an inferno", "inferno", "a blaze", "a sea of flames")},
    tails={
        "where": {
            "below": ("from below", "from the bottom", "at the bottom", "along the bottom", "rising from the ground"),
            "left": ("on the left", "on the left side", "at the left", "from the left", "from the left side"),
            "right": ("on the right", "on the right side", "at the right", "from the right", "from the right side"),
            "subject": ("on {subject}", "around {subject}", "all over {subject}", "rising from {subject}"),
        }
    },
    usual={"where": "below"},
)  # fmt: skip


@dataclass(frozen=True)
class Fire:
    """How much ("light", "medium", "heavy") and where it burns ("below", "left", "right", "subject")."""

    amount: str = "medium"
    where: str = "below"


def draw(rng: np.random.Generator) -> Fire:
    """A third along the whole lower edge, a third on the subject."""
    return Fire(
        str(rng.choice(["light", "medium", "medium", "heavy"])),
        str(rng.choice(["below", "below", "left", "right", "subject", "subject"])),
    )


def fire(shot: Shot, seed: int, parameters: Fire) -> Effected:
    """Flames hide and outshine the scene in linear light; their flicker warms what is around them.

    Raises BadInput where the subject is to burn and nobody said where it is.
    """
    height, width = shot.frames.shape[1:3]
    size = (max(height // 2, 2), max(width // 2, 2))
    steps = np.linspace(0, 1, 256)
    columns = [np.interp(steps, _HEAT, _LIGHT[:, c]) for c in range(3)] + [np.interp(steps, _HEAT, _COVER)]
    palette = np.stack(columns, -1).astype(np.float32)  # [256, 4]
    a, b = hashed(seed, 43, np.arange(2)) * 2 * np.pi
    warm = rowed(np.array([0.88, 0.26, -0.16], np.float32), width)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        flicker = np.float32(1 + 0.10 * np.sin(now * 0.55 + a) + 0.07 * np.sin(now * 0.23 + b))
        if parameters.where == "subject":
            mask = cv2.resize(shot.mask(i), size[::-1], interpolation=cv2.INTER_LINEAR)
            heat = _heat_on(mask, seed, parameters, now)
        else:
            heat = _heat(size, width / height, seed, parameters, now)
        flames = palette[(heat * 255).astype(np.uint8)]  # [y, x, 4]
        around = cv2.resize(flames, (max(size[1] // 4, 1), max(size[0] // 4, 1)), interpolation=cv2.INTER_AREA)
        around = cv2.GaussianBlur(around, (0, 0), max(height * 0.0125, 0.3)) * flicker
        over = cv2.resize(flames, (width, height), interpolation=cv2.INTER_LINEAR)
        spill = cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR)
        near, cover = (cv2.extractChannel(part, 3) for part in (spill, over))
        lit = picture * picture * (1 + spread(near) * warm)
        lit += cv2.cvtColor(spill, cv2.COLOR_RGBA2RGB) * np.float32(0.10)
        lit += (cv2.cvtColor(over, cv2.COLOR_RGBA2RGB) - lit) * spread(cover)
        return np.sqrt(np.maximum(lit, 0)), np.maximum(cover, near * 0.6)

    return painted(shot.frames, paint)


def _heat(size: tuple[int, int], aspect: float, seed: int, parameters: Fire, now: float) -> np.ndarray:
    """Heat of the flames at frame `now`, 0..1: float32 [y, x]; noise rises through a profile hot at the root."""
    rows, columns = size
    up = ((rows - np.arange(rows, dtype=np.float32) - 0.5) / rows)[:, None]  # height above the lower edge
    x = ((np.arange(columns, dtype=np.float32) + 0.5) / columns * aspect)[None, :]
    a, b, c, d = hashed(seed, 41, np.arange(4))
    tall = {"light": 0.30, "medium": 0.46, "heavy": 0.66}[parameters.amount]
    reach = x / aspect if parameters.where == "left" else 1 - x / aspect
    share = np.ones_like(x) if parameters.where == "below" else 1.35 * (1 - smooth(reach, 0.12, 0.60))
    tongues, fine = tile(-3.4, 8, 2.0, 7), tile(-3.4, 12, 1.5, 14)
    turmoil, row = tile(-3.4, 9, 1.0, 3), tile(-3.0, 10, 1.0, 3)
    rise = now * 0.0180  # heights a frame
    lick = sample(turmoil, up * 0.5 + a + rise * 0.35, x * 0.5 + b + now * 0.0010) * (0.010 + 0.08 * up)
    body = sample(tongues, (up + rise) * 0.45 + c, (x + lick) * 0.45 + d)
    body += 0.32 * sample(fine, (up + rise * 1.2) * 0.45 + a, (x + 1.5 * lick) * 0.45 + b)
    swell = sample(row, np.full_like(x, now * 0.0040 + a), x * 0.35 + b)  # how high it burns here, now
    level = up / np.maximum(tall * share * (1 + 0.22 * swell), 1e-3)  # 0 at the root, 1 at the usual height
    heat = 0.92 - 0.72 * level + body * (0.14 + 0.20 * np.minimum(level, 1.0))
    heat *= smooth(level, 1.5, 0.85) * np.minimum(share, 1.0) ** 0.3
    return np.clip(heat, 0, 1).astype(np.float32)


def _heat_on(mask: np.ndarray, seed: int, parameters: Fire, now: float) -> np.ndarray:
    """Heat of the flames of a burning subject, 0..1: float32 [y, x], in the coordinates of its body.

    They lick over the body, most of all at its outline, and rise above every part of it.
    """
    body = body_of(mask)
    if body is None:
        return np.zeros_like(mask)
    tall, much = {"light": (0.30, -0.12), "medium": (0.50, 0.0), "heavy": (0.80, 0.12)}[parameters.amount]
    unit = float(np.sqrt(body.height * max(body.width, 0.5 * body.height)))  # the size of the subject, in pixels
    y, x = np.arange(mask.shape[0], dtype=np.float32)[:, None], np.arange(mask.shape[1], dtype=np.float32)[None, :]
    up, x = (np.float32(body.top + body.height) - y) / np.float32(unit), (x - np.float32(body.middle[0])) / unit
    a, b, c, d = hashed(seed, 47, np.arange(4))
    rise = now * 0.040  # sizes a frame
    lick = sample(tile(-3.4, 9, 1.0, 3), up * 0.40 + a + rise * 0.16, x * 0.40 + b)
    tongues = sample(tile(-3.4, 8, 2.0, 7), (up + rise) * 0.20 + c, x * 0.30 + 0.012 * lick + d)
    tongues += 0.25 * sample(tile(-3.4, 12, 1.5, 14), (up + rise * 1.2) * 0.22 + a, x * 0.30 + 0.018 * lick + b)
    swell = sample(tile(-3.0, 10, 1.0, 3), np.full_like(x, now * 0.0045 + a), x * 0.45 + b)  # how high it burns here
    level = _above(mask, unit, lick) / np.maximum(tall * (1 + 0.30 * swell), 0.05)
    inner = smooth(cv2.GaussianBlur(mask, (0, 0), max(0.07 * unit, 0.5)), 0.55, 1.0) * mask
    heat = 0.72 + much * (1 - 0.6 * inner) - 0.52 * level - 0.40 * inner
    heat += tongues * (0.22 + 0.12 * np.minimum(level, 1.0))
    heat *= smooth(level, 1.6, 0.8)
    return np.clip(heat, 0, 1).astype(np.float32)


def _above(mask: np.ndarray, unit: float, lick: np.ndarray) -> np.ndarray:
    """How far above the subject every pixel is, in units (pixels), where the air sways: float32 [y, x], 3 at most."""
    wide = max(0.02 * unit, 0.4)
    spread = cv2.GaussianBlur(mask, (0, 0), wide)
    above = np.empty_like(mask)
    level = np.full(mask.shape[1], 3.0, np.float32)
    for row in reversed(range(len(mask))):
        level = np.where(spread[row] > 0.3, 0, level + 1 / unit)
        above[row] = level
    above = np.minimum(above, 3)
    rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]].astype(np.float32)
    columns += (lick * (0.015 + 0.12 * np.minimum(above, 0.8)) * unit).astype(np.float32)
    above = cv2.remap(above, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.GaussianBlur(above, (0, 0), wide)
