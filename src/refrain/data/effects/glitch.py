"""Glitch: a digital signal that breaks: colours slip apart, bands of rows jump aside, blocks go wrong, scan lines roll.

A faint disturbance is always there; bursts come and go, one in every sixteen frames.
"""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import Effected, painted, smooth
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import SIZE, hashed, tile

_CYCLE = 16  # frames from burst to burst
_HELD = 2.0  # frames that one disturbance is held
_POWER = {"light": 0.45, "medium": 0.8, "heavy": 1.25}
_BLOCKS = np.array([[0.1, 1.0, 0.9], [1.0, 0.15, 0.7], [1.0, 0.95, 0.2], [0.2, 0.4, 1.0]], np.float32)


@dataclass(frozen=True)
class Glitch:
    """How strong the disturbance is: "light", "medium" or "heavy"."""

    strength: str = "medium"


def draw(rng: np.random.Generator) -> Glitch:
    """Half of them medium."""
    return Glitch(str(rng.choice(["light", "medium", "medium", "heavy"])))


def glitch(shot: Shot, seed: int, parameters: Glitch) -> Effected:
    """Shift channels, roll bands of rows, spoil blocks and lay scan lines over all of it."""
    height, width = shot.frames.shape[1:3]
    power = _POWER[parameters.strength]
    rows = np.arange(height, dtype=np.float32)
    period = max(height / 110, 2.0)
    lines = 0.5 + 0.5 * np.cos(2 * np.pi * (rows + 0.25) / period)  # [Y]

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        level = power * _level(seed, now)
        beat = int(now // _HELD)
        jump = _jumps(height, width, seed, beat, level)  # [Y]
        slip = max(round(width * 0.018 * level * (0.6 + 0.8 * float(hashed(seed, 71, beat)))), 1)
        out = _shifted(picture, jump, slip)
        matte = np.repeat(np.where(jump != 0, 1.0, min(0.25 + 0.5 * level, 1.0))[:, None], width, 1)
        _spoil(out, matte, seed, beat, level)
        bar = smooth(np.abs((rows / height - now * 0.021) % 1.0 - 0.5), 0.10, 0.0)  # a bright bar that wanders down
        gain = (1 - min(0.20 + 0.16 * power, 0.5) * lines) * (1 + (0.10 + 0.22 * min(level, 1)) * bar)
        return np.minimum(out, 1) * gain.astype(np.float32)[:, None, None], matte

    return painted(shot.frames, paint)


def _level(seed: int, now: float) -> float:
    """How disturbed the signal is at frame `now`: a third between bursts, up to 1 within them."""
    cycle, age = divmod(now, _CYCLE)
    begins, lasts = hashed(seed, 72, int(cycle), np.arange(2))
    begins, lasts = 1 + 4 * begins, 6 + 4 * lasts
    when = np.asarray(age)
    up = smooth(when, begins - 1.0, begins + 0.6) * smooth(when, begins + lasts, begins + lasts - 2)
    return 0.34 + 0.66 * float(up)


def _jumps(height: int, width: int, seed: int, beat: int, level: float) -> np.ndarray:
    """How far every row is moved aside, in pixels: int [Y]."""
    u = hashed(seed, 73, beat, np.arange(9)[:, None], np.arange(4)[None])  # [9, 4]
    jump = np.zeros(height, int)
    for place, tall, far, lot in u:
        if lot < 0.75 * (level - 0.15):
            first = int(place * height)
            last = first + max(round((0.012 + 0.10 * tall * tall) * height), 1)
            jump[first:last] = round((far - 0.5) * 0.34 * width * min(level + 0.2, 1.2))
    return jump


def _shifted(picture: np.ndarray, jump: np.ndarray, slip: int) -> np.ndarray:
    """The picture with every row moved by its jump, red `slip` pixels further and blue as much less."""
    out = np.empty_like(picture)
    edges = [0, *(np.flatnonzero(np.diff(jump)) + 1).tolist(), len(jump)]
    for first, last in zip(edges, edges[1:], strict=False):
        for channel, more in enumerate((slip, 0, -slip)):
            out[first:last, :, channel] = np.roll(picture[first:last, :, channel], int(jump[first]) + more, axis=1)
    return out


def _spoil(picture: np.ndarray, matte: np.ndarray, seed: int, beat: int, level: float) -> None:
    """Overwrite some blocks with hard colours and some bands with noise, in place."""
    height, width = matte.shape
    for number in range(12):
        y, x, tall, wide, lot, kind = (float(v) for v in hashed(seed, 74, beat, number, np.arange(6)))
        if lot > 0.9 * (level - 0.3):
            continue
        tall = max(round(height * (0.015 + 0.035 * tall)), 1)
        wide = width if kind > 0.8 else max(round(height * (0.05 + 0.28 * wide)), 1)
        top, left = int(y * height), 0 if kind > 0.8 else int(x * width) - wide // 2
        block = picture[top : top + tall, max(left, 0) : left + wide]
        if kind > 0.6:  # noise, of a grain that the smallest frame shows as well
            grain = tile(-0.4, 71)[int(x * SIZE) :, int(y * 99) :]
            rows = np.arange(block.shape[0]) * 200 // max(height, 1) % grain.shape[0]
            columns = np.arange(block.shape[1]) * 130 // max(height, 1) % grain.shape[1]
            block[:] = block * 0.3 + np.clip(0.35 + 0.3 * grain[np.ix_(rows, columns)], 0, 0.9)[..., None]
        else:
            block[:] = np.round(block * 3) / 3 * 0.55 + 0.45 * _BLOCKS[int(kind / 0.6 * 4) % 4]
        matte[top : top + tall, max(left, 0) : left + wide] = 1


WORDING = Wording(
    known="make it glitch",
    nouns=(
        "glitch",
        "glitches",
        "digital glitches",
        "glitch effect",
        "digital interference",
        "digital distortion",
        "signal interference",
        "signal glitches",
        "glitch distortion",
    ),
    adjectives=("glitchy", "glitching", "glitched", "digitally distorted"),
    verbs=("glitch", "glitch out"),
    clauses=("make the {scene} glitch", "let the signal break up", "corrupt the {scene} with glitches"),
)
