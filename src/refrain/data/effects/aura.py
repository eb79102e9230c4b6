"""Aura: a giant of light in the subject's shape towers behind it, with rays around it and wisps that rise from it."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.body import Body, body_of
from refrain.data.effects.effected import Effected, lit, luma_of, painted, smooth
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed, sample, tile
from refrain.data.repeat import rowed, spread

_IN = 12.0  # frames in which the giant rises


@dataclass(frozen=True)
class Aura:
    """The colour of the light, its strength ("light", "medium", "heavy") and the giant's size ("small" to "big")."""

    colour: str = "golden"
    strength: str = "medium"
    size: str = "medium"


def draw(rng: np.random.Generator) -> Aura:
    """Every colour, golden more often."""
    return Aura(
        "golden" if rng.random() < 0.2 else str(rng.choice(list(COLOURS))),
        str(rng.choice(["light", "medium", "medium", "heavy"])),
        str(rng.choice(["small", "medium", "medium", "big"])),
    )


def aura(shot: Shot, seed: int, parameters: Aura) -> Effected:
    """The giant grows out of the subject within twelve frames, then breathes slowly; the subject hides its middle."""
    rows, columns = shot.frames.shape[1:3]
    step = max(rows // 160, 1)
    small = (max(rows // step, 1), max(columns // step, 1))
    power = {"light": 0.6, "medium": 1.0, "heavy": 1.6}[parameters.strength]
    colour = rowed(light_of(parameters.colour), columns)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = cv2.resize(shot.mask(i), small[::-1], interpolation=cv2.INTER_AREA)
        body = body_of(mask)
        if body is None:
            return picture, np.zeros((rows, columns), np.float32)
        face = luma_of(cv2.resize(picture, small[::-1], interpolation=cv2.INTER_AREA))
        light = _giant(mask, face, body, seed, parameters.size, shot.now(i)) * np.float32(power)  # [y, x, 2]
        near = cv2.GaussianBlur(mask, (0, 0), max(0.02 * body.height, 0.5))
        light *= np.clip(1.25 - 1.25 * near * mask, 0, 1)[..., None]  # the subject hides it, but its outline is lit
        glow, core = cv2.split(cv2.resize(light, (columns, rows), interpolation=cv2.INTER_LINEAR))
        beside = 1 - 0.7 * shot.mask(i)
        glow, core = np.maximum(glow * beside - 0.008, 0), core * beside
        matte = np.sqrt(np.minimum(glow + core, 1))
        dim = picture * spread(1 - 0.5 * np.minimum(glow, 1))  # light shows on a bright scene too
        added = spread(glow) * colour + spread(core) * (0.35 + 0.65 * colour)
        return lit(dim, 1.3 * added), matte

    return painted(shot.frames, paint)


def _giant(mask: np.ndarray, face: np.ndarray, body: Body, seed: int, size: str, now: float) -> np.ndarray:
    """The light of the giant: float32 [y, x, 2], coloured and nearly white. `face`: brightness of the frame [y, x]."""
    grown = float(smooth(np.array(now), -3.0, _IN))
    usual = {"small": 1.45, "medium": 1.8, "big": 2.3}[size]
    scale = (1 + (usual - 1) * grown) * (1 + 0.020 * np.sin(now * 0.14))
    tall, x = body.height * scale, body.middle[0]
    foot = max(body.top + body.height, tall + 0.03 * len(mask))  # its head stays in the frame
    way = np.array([[scale, 0, x * (1 - scale)], [0, scale, foot - scale * (body.top + body.height)]])
    lines = np.clip(face * (0.5 / (float((face * mask).sum() / mask.sum()) + 0.02)), 0, 1.2) * mask
    warped = cv2.warpAffine(np.stack([mask, lines], -1), way, mask.shape[::-1], flags=cv2.INTER_LINEAR)
    inside = cv2.GaussianBlur(warped[..., 0], (0, 0), max(0.008 * tall, 0.5))
    wide = cv2.GaussianBlur(inside, (0, 0), max(0.035 * tall, 0.6))
    edge = np.clip(inside * (1 - wide) * 4.4, 0, 1) ** 1.2  # brightest just within the outline
    up = (foot - np.arange(mask.shape[0], dtype=np.float32))[:, None] / tall  # 0 at the foot, 1 at the giant's top
    across = (np.arange(mask.shape[1], dtype=np.float32)[None] - np.float32(x)) / tall
    a, b, c = hashed(seed, 81, np.arange(3))
    wisps = sample(tile(-3.0, 8, 2.5, 4), up * 0.42 - now * 0.008 + a, across * 0.42 + b)
    wisps = np.clip(0.55 + 0.45 * wisps, 0, 1.5)
    beams = _beams(up - 0.62, across, c, now) * (1 - inside)
    halo = cv2.GaussianBlur(inside, (0, 0), max(0.09 * tall, 0.8)) * (1 - 0.6 * inside)
    glow = inside * (0.10 + 0.25 * wisps) + 0.55 * warped[..., 1] + 0.9 * edge + halo * (0.25 + 0.6 * wisps) + beams
    core = 0.75 * edge * (0.6 + 0.6 * wisps) + 0.22 * warped[..., 1] ** 2
    return (np.stack([glow, core], -1) * (smooth(up, -0.02, 0.35) * grown)[..., None]).astype(np.float32)


def _beams(up: np.ndarray, across: np.ndarray, phase: float, now: float) -> np.ndarray:
    """Rays from behind the giant's chest, in its heights from there, that turn into one another slowly: [y, x]."""
    turn = np.arctan2(across, up) * (1 / (2 * np.pi))
    rays = sample(tile(-2.0, 11, 1.0, 9), np.full_like(turn, phase + now * 0.0012), 0.35 * turn + phase)
    return 0.5 * smooth(rays, 0.0, 1.8) * smooth(np.hypot(across, up), 1.15, 0.2)


WORDING = Wording(
    known="add a giant aura behind the subject",
    nouns=(
        "a giant aura", "a mystical aura", "an aura", "a mystical giant aura", "a giant spirit", "a giant phantom",
        "a towering aura", "a giant silhouette of light", "a divine aura", "a towering spirit", "a huge spirit",
        "a giant avatar",
    ),
    adjectives=("mystical", "divine"),
    clauses=(
        "let a giant spirit tower behind {subject}", "let a giant phantom rise behind {subject}",
        "summon a giant spirit behind {subject}", "wrap {subject} in an aura",
    ),
    about=("behind {subject}", "behind {subject}", "around {subject}", "above {subject}", "of {subject}"),
)  # fmt: skip
