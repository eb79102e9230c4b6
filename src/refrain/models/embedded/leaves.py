"""Dead-leaves clips with 1/f textures: what rendered scenes lack, fine texture that moves slowly or not at all.

The codec's basis follows the statistics of the clips it is fitted to; these stand beside the scenes in its fit.
(Lee, Mumford and Huang, "Occlusion models for natural images", 2001.)
"""

import cv2
import numpy as np

PLATE = 512  # side of the painted place; a thing's plate is half of that
THING = PLATE // 2


def leaves_clip(seed: int, frames: int, size: int) -> np.ndarray:
    """Clip number `seed`: uint8 [frames, size, size, 3], RGB; `size` at most 160."""
    rng = np.random.default_rng((seed, 211))
    still = rng.random() < 0.35
    pan = np.zeros(2) if still else rng.normal(0, 1.5, 2) * rng.exponential(1)
    zoom, shake = (0.0, 0.0) if still else (rng.normal(0, 0.004), rng.exponential(0.4))
    ground = _painted(rng, PLATE, int(rng.choice([0, 20, 200, 1000])))
    things = [_Thing(rng, 2 * size) for _ in range(rng.integers(0, 7))]
    grain, light, contrast = rng.exponential(0.006), rng.uniform(0.3, 0.6), rng.uniform(0.6, 1.2)
    out = np.empty((frames, size, size, 3), np.uint8)
    place = np.zeros(2)
    for number in range(frames):
        place = place + pan + rng.normal(0, shake, 2)
        time = number - frames / 2
        picture = _placed(ground, size + place, 0.0, 1.15 + zoom * time, 2 * size)  # at twice the size
        for moving in things:
            picture = moving.over(picture, place, time)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        picture = (picture - 0.5) * contrast + light + rng.normal(0, grain, picture.shape)
        out[number] = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    return out


class _Thing:
    """A painted blob with a path, a spin and a growth."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.plate = _painted(rng, THING, int(rng.choice([0, 10, 100])))
        shape = np.zeros((THING, THING), np.float32)
        outline = _outline(rng, int(rng.integers(4, 20)), np.array([THING / 2, THING / 2]), rng.uniform(20, 90))
        cv2.fillPoly(shape, [outline], 1.0, cv2.LINE_AA, 4)
        self.matte = cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.5, 2))
        angle, speed = rng.uniform(0, 2 * np.pi), rng.exponential(3) * (rng.random() < 0.8)
        self.start, self.speed = rng.uniform(0, side, 2), speed * np.array([np.cos(angle), np.sin(angle)])
        self.spin, self.growth, self.phase = rng.normal(0, 0.02), rng.normal(0, 0.006), rng.uniform(0, 2 * np.pi)

    def over(self, picture: np.ndarray, camera: np.ndarray, time: float) -> np.ndarray:
        """The picture with this thing before it."""
        place = self.start + camera + self.speed * (time + 0.5 * np.sin(0.5 * time + self.phase))
        side, turn, scale = len(picture), self.spin * time, 1 + self.growth * time
        matte = _placed(self.matte, place, turn, scale, side, cv2.BORDER_CONSTANT)[..., None]
        return picture + (_placed(self.plate, place, turn, scale, side) - picture) * matte


def _placed(
    plate: np.ndarray, place: np.ndarray, turn: float, scale: float, side: int, border: int = cv2.BORDER_REFLECT
) -> np.ndarray:
    """`plate` turned (radians) and scaled about its middle, which lies at `place` = (x, y) of a square picture."""
    middle = len(plate) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), float(np.degrees(turn)), scale)
    matrix[:, 2] += place - middle
    return cv2.warpAffine(plate, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)


def _painted(rng: np.random.Generator, side: int, leaves: int) -> np.ndarray:
    """Leaves of one palette over each other, under a 1/f texture: float32 [side, side, 3], mostly in 0..1."""
    plate = np.empty((side, side, 3), np.float32)
    plate[:] = _colour(rng)
    base, likeness = _colour(rng), rng.uniform(0.2, 0.9)
    for _ in range(leaves):
        radius = min(side * 0.35, 3 * rng.pareto(1.3) + 2)
        outline = _outline(rng, int(rng.integers(3, 12)), rng.uniform(0, side, 2), radius)
        colour = np.clip(likeness * base + (1 - likeness) * _colour(rng) + rng.normal(0, 0.1), 0, 1)
        cv2.fillPoly(plate, [outline], colour.tolist(), cv2.LINE_AA, 4)
    if rng.random() < 0.5:
        plate = cv2.GaussianBlur(plate, (0, 0), rng.uniform(0.4, 3))
    strength = rng.uniform(0.3, 1)
    luma = _noise(rng, side, rng.uniform(0.7, 1.6), 1) * rng.uniform(0.02, 0.2)
    chroma = _noise(rng, side, rng.uniform(1, 2), 3) * rng.uniform(0, 0.06)
    return plate + (luma + chroma) * np.float32(strength)


def _noise(rng: np.random.Generator, side: int, slope: float, planes: int) -> np.ndarray:
    """Noise with a 1/f^slope amplitude spectrum and deviation 1: float32 [side, side, planes]."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    shape = (planes, *frequency.shape)
    noise = np.fft.irfft2((rng.normal(size=shape) + 1j * rng.normal(size=shape)) / frequency**slope, s=(side, side))
    return (noise / noise.std((1, 2), keepdims=True)).transpose(1, 2, 0).astype(np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A mostly grey colour [3]."""
    return np.clip(rng.beta(1.2, 1.5) + rng.normal(0, 0.13, 3) * rng.uniform(0.2, 1.5), 0, 1)


def _outline(rng: np.random.Generator, corners: int, middle: np.ndarray, radius: float) -> np.ndarray:
    """An uneven blob as a polygon in sixteenths of a pixel: int32 [corners, 2]."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = radius * (1 + rng.uniform(-0.4, 0.4, corners))
    points = np.stack([np.cos(angles), np.sin(angles) * rng.uniform(0.3, 1)], 1) * reach[:, None]
    turn = rng.uniform(0, np.pi)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return ((points @ matrix.T + middle) * 16).astype(np.int32)
