"""Rendered scenes: a painted place, things moving through it, and a camera that looks at both.

`render_scene` is the only door. The place is painted once on a plate larger than the frame, small frames at twice
their resolution, so that motion is smooth. The first frames of a longer scene are those of a shorter one.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.noise import patch, tile
from refrain.data.repeat import spread
from refrain.data.scenes.colours import Grade, graded
from refrain.data.scenes.genres import GENRES, Place
from refrain.data.scenes.things import Thing, Wave, thing

MARGIN = 0.25  # of the frame's height, on every side of it on the plate


@dataclass(frozen=True)
class Scene:
    """A rendered clip. `subject` says how much of every pixel the moving things cover, `behind` is it without them."""

    frames: np.ndarray  # uint8 [T, Y, X, 3], RGB
    subject: np.ndarray  # float32 [T, Y, X] in 0..1
    genre: str
    behind: np.ndarray | None = None  # uint8 [T, Y, X, 3]


@dataclass(frozen=True)
class _Camera:
    x: Wave
    y: Wave
    turn: Wave
    zoom: Wave
    shake: tuple[Wave, Wave]

    @staticmethod
    def draw(rng: np.random.Generator, height: float) -> "_Camera":
        moves = rng.random() < 0.75
        pan = height * (MARGIN - 0.07) * moves
        shaken = height * 0.006 * (rng.random() < 0.3)
        slow = (45.0, 170.0)
        return _Camera(
            Wave.draw(rng, pan * rng.uniform(0.1, 1), slow),
            Wave.draw(rng, pan * rng.uniform(0, 0.6), slow),
            Wave.draw(rng, 0.05 * (rng.random() < 0.3), slow),
            Wave.draw(rng, 0.12 * (rng.random() < 0.5) * moves, slow),
            (Wave.draw(rng, shaken, (7, 25)), Wave.draw(rng, shaken, (7, 25))),
        )

    def views(self, frames: np.ndarray, plate: tuple[int, int], view: tuple[int, int]) -> np.ndarray:
        """For every frame the map from view pixels to plate pixels: float64 [T, 2, 3]."""
        scale = np.exp(-self.zoom.at(frames))
        turn = self.turn.at(frames)
        rows = np.stack([np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)], -1).reshape(-1, 2, 2)
        rows = rows * scale[:, None, None]
        x = plate[1] / 2 + self.x.at(frames) + self.shake[0].at(frames)
        y = plate[0] / 2 + self.y.at(frames) + self.shake[1].at(frames)
        middle = np.array([view[1] / 2, view[0] / 2])
        shift = np.stack([x, y], -1) - rows @ middle
        return np.concatenate([rows, shift[..., None]], -1)


def render_scene(seed: int, frames: int, size: tuple[int, int], behind: bool = False) -> Scene:
    """Render scene number `seed`: `frames` frames of `size` = (rows, columns). The same seed gives the same scene.

    behind: also render it without the moving things and their shadows; outside `subject` and shadows it is the same.
    """
    rng = np.random.default_rng((seed, 101))
    genre = str(rng.choice(list(GENRES)))
    over = 2 if min(size) <= 192 else 1
    view = (size[0] * over, size[1] * over)
    margin = int(np.ceil(view[0] * MARGIN))
    place = GENRES[genre](rng, (view[0] + 2 * margin, view[1] + 2 * margin))
    grade = Grade(rng)
    if rng.random() < 0.5:  # large soft patches of light and shade
        shade = patch(tile(-3.2, int(rng.integers(3))), rng, place.plate.shape[:2])  # type: ignore[arg-type]
        place.plate[:] *= np.exp(float(rng.uniform(0.05, 0.3)) * shade)[..., None]
    plate = np.round(graded(place.plate, grade) * 255).astype(np.uint8)
    things = _things(rng, place, view, grade)
    camera = _Camera.draw(rng, view[0])
    views = camera.views(np.arange(frames), plate.shape[:2], view)  # type: ignore[arg-type]
    near = None if place.near is None else _premultiplied(place.near, grade)
    lens = _Lens(rng, size)
    breeze = _Breeze(rng, size, genre in ("forest", "landscape", "leaves"))
    out = np.empty((frames, *size, 3), np.uint8)
    bare = np.empty_like(out) if behind else None
    subject = np.zeros((frames, *size), np.float32)
    for i in range(frames):
        seen = breeze(_seen(plate, views[i], view, size), i).astype(np.float32)
        grain = lens.grain(i, size)
        front = None
        if near is not None:
            front = _split(_seen(near, _parallax(views[i], plate.shape, 1.3), view, size))
        if bare is not None:
            bare[i] = lens(_behind_front(seen, front), grain)
        for one in things:
            _put(seen, subject[i], one, i, views[i], over)
        out[i] = lens(_behind_front(seen, front), grain)
        if front is not None:
            subject[i] *= front[1]
    return Scene(out, subject, genre, bare)


def _behind_front(seen: np.ndarray, front: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    """A frame [Y, X, 3] with what is nearest to the camera (its colours, and what is seen beside it) before it."""
    return seen if front is None else seen * spread(front[1]) + front[0]


def _split(rgba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A premultiplied picture uint8 [Y, X, 4] -> its colours [Y, X, 3], and how much is seen beside it, [Y, X] 0..1."""
    return cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), 1 - rgba[..., 3].astype(np.float32) / 255


def _premultiplied(near: np.ndarray, grade: Grade) -> np.ndarray:
    alpha = near[..., 3:]
    rgb = graded(near[..., :3] / np.maximum(alpha, 1e-3), grade) * alpha
    return np.round(np.concatenate([rgb, alpha], -1) * 255).astype(np.uint8)


def _parallax(matrix: np.ndarray, plate: tuple[int, ...], factor: float) -> np.ndarray:
    """The same view of a nearer layer, whose shift from the middle of the plate is `factor` times as large."""
    moved = matrix.copy()
    middle = np.array([plate[1] / 2, plate[0] / 2])
    moved[:, 2] = matrix[:, 2] + (factor - 1) * 0.5 * (matrix[:, 2] + matrix[:, :2] @ middle * 0 - middle * 0.25)
    return moved


def _seen(plate: np.ndarray, matrix: np.ndarray, view: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(plate, matrix, (view[1], view[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return seen if view == size else cv2.resize(seen, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def _things(rng: np.random.Generator, place: Place, view: tuple[int, int], grade: Grade) -> list[Thing]:
    """The moving things of a place, each with its path; they stand on the ground where there is one."""
    out = []
    rows, columns = place.plate.shape[:2]
    for _ in range(int(rng.integers(place.subjects[0], place.subjects[1] + 1))):
        radius = view[0] * float(rng.uniform(*place.largest))
        sprite, cover = thing(rng, radius, place.families, grade)
        x = columns * float(rng.uniform(0.3, 0.7))
        if place.horizon < 1:
            y = min(rows * (place.horizon + float(rng.uniform(-0.05, 0.2))), rows * 0.78)
        else:
            y = rows * float(rng.uniform(0.4, 0.65))
        reach = view[0] * float(rng.uniform(0.03, 0.45)) * (0.4 if place.subjects[1] == 2 else 1.0)
        path = (
            Wave.draw(rng, reach, (50, 160)),
            Wave.draw(rng, reach * float(rng.uniform(0.05, 0.5)), (40, 140)),
            Wave.draw(rng, float(rng.uniform(0, 0.35)), (40, 160)),
            Wave.draw(rng, float(rng.uniform(0, 0.2)), (50, 160)),
        )
        out.append(Thing(sprite, cover, (x, y), path))
    return out


def _put(seen: np.ndarray, subject: np.ndarray, one: Thing, frame: int, matrix: np.ndarray, over: int) -> None:
    """Lay one thing over a frame [Y, X, 3] (0..255) and add its cover to `subject` [Y, X]; only its box is touched."""
    when = np.array([frame], np.float64)
    dx, dy, turn, log = (float(wave.at(when)[0]) for wave in one.path)
    side = one.sprite.shape[0]
    cos, sin = np.cos(turn) * np.exp(log), np.sin(turn) * np.exp(log)
    inverse = cv2.invertAffineTransform(matrix)  # plate -> view
    local = np.array([[cos, -sin], [sin, cos]])
    linear = inverse[:, :2] @ local  # sprite -> view
    place = inverse[:, :2] @ np.array([one.centre[0] + dx, one.centre[1] + dy]) + inverse[:, 2]
    reach = side * 0.71 * float(np.sqrt(abs(np.linalg.det(linear))))
    low = np.maximum(np.floor((place - reach) / over).astype(int), 0)
    high = np.minimum(np.ceil((place + reach) / over).astype(int), [seen.shape[1], seen.shape[0]])
    wide, tall = (high - low).tolist()
    if wide < 1 or tall < 1:
        return
    shift = place - linear @ np.array([side / 2, side / 2]) - low * over
    forward = np.concatenate([linear, shift[:, None]], 1)
    box = (wide * over, tall * over)
    rgba = cv2.warpAffine(one.sprite, forward, box)
    cover = cv2.warpAffine(one.cover, forward, box)
    if over > 1:
        rgba = cv2.resize(rgba, (wide, tall), interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, (wide, tall), interpolation=cv2.INTER_AREA)
    here = np.s_[low[1] : high[1], low[0] : high[0]]
    colours, beside = _split(rgba)
    seen[here] *= spread(beside)
    seen[here] += colours
    subject[here] = np.maximum(subject[here], cover.astype(np.float32) / 255)


class _Breeze:
    """Some backgrounds are not rigid: leaves, grass and water sway by a small, slowly changing displacement."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], outdoors: bool) -> None:
        self.strength = outdoors * size[0] * float(rng.choice([0.0, rng.uniform(0.002, 0.007)]))
        self.waves = [Wave.draw(rng, 1.0, (12, 50)) for _ in range(2)]
        smooth = tile(-3.4, 4, 1.0, 6)
        self.fields = [patch(smooth, rng, size) for _ in range(2)]
        rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
        self.grid = (columns, rows)

    def __call__(self, seen: np.ndarray, frame: int) -> np.ndarray:
        if not self.strength:
            return seen
        a, b = (np.float32(wave.at(np.array([frame]))[0] * self.strength) for wave in self.waves)
        x = self.grid[0] + a * self.fields[0] + b * self.fields[1]
        y = self.grid[1] + np.float32(0.5) * (b * self.fields[0] - a * self.fields[1])
        return cv2.remap(seen, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


class _Lens:
    """What a lens and a sensor add: a little blur, a vignette, grain that is new in every frame."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        self.blur = float(rng.choice([0.0, 0.0, rng.uniform(0.4, 0.9)])) * max(size[0] / 256, 0.6)
        self.noise = float(rng.choice([0.0, 0.0, rng.uniform(1, 5)]))
        self.seed = int(rng.integers(2**31))
        y = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, size[1], dtype=np.float32)[None, :]
        fall = float(rng.choice([0.0, rng.uniform(0, 0.3)]))
        self.vignette = None if fall == 0 else spread(1 - fall * (x**2 + y**2) / 2)

    def grain(self, frame: int, size: tuple[int, int]) -> np.ndarray | None:
        """What the sensor adds to a frame, whatever is seen in it: float32 [Y, X, 3], or None."""
        if not self.noise:
            return None
        rng = np.random.default_rng((self.seed, frame))
        white = tile(-0.3, 0)
        own = cv2.merge([patch(white, rng, size) for _ in range(3)])
        own *= 0.6
        own += spread(patch(white, rng, size) * 0.8)
        own *= self.noise
        return own

    def __call__(self, seen: np.ndarray, grain: np.ndarray | None) -> np.ndarray:
        """A frame float32 [Y, X, 3], 0..255, as the camera stores it: uint8."""
        if self.vignette is not None:
            seen = seen * self.vignette
        if self.blur:
            seen = cv2.GaussianBlur(seen, (0, 0), self.blur)
        if grain is not None:
            seen = seen + grain
        return np.asarray(cv2.convertScaleAbs(np.maximum(seen, 0)), np.uint8)  # rounds and saturates
