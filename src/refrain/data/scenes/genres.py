"""Six kinds of place, each painted on a plate larger than the frame: forest, street, portrait, landscape, room, leaves.

Every painter takes the random stream and the plate's size and returns a `Place`. Measures are shares of the height.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.noise import patch, tile
from refrain.data.scenes.colours import colour, colours
from refrain.data.scenes.paint import Litter, fill, grain, leaves, surface

Size = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """A painted background, where its ground begins, and how things move in it."""

    plate: np.ndarray  # float32 [Y, X, 3] in 0..1
    near: np.ndarray | None = None  # float32 [Y, X, 4], premultiplied: things in front of everything, or None
    horizon: float = 0.5  # row of the horizon, share of the plate's height
    subjects: tuple[int, int] = (1, 3)  # fewest and most moving things
    largest: tuple[float, float] = (0.10, 0.28)  # their radius, share of the frame's height
    families: tuple[str, ...] = ("earth", "grey", "vivid", "dark", "light", "blue")


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def _between(rng: np.random.Generator, size: Size, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """A smooth vertical gradient [Y, X, 3] between two colours, bent a little."""
    share = np.linspace(0, 1, size[0], dtype=np.float32)[:, None, None] ** float(rng.uniform(0.6, 1.6))
    return np.repeat(top + (bottom - top) * share, size[1], axis=1).astype(np.float32)


def _sky(rng: np.random.Generator, size: Size) -> np.ndarray:
    """A sky [Y, X, 3]: clear, clouded, overcast or at sunset."""
    kind = rng.random()
    if kind < 0.45:
        top, bottom = colour(rng, "blue") * 0.9, colour(rng, "light")
    elif kind < 0.8:
        top, bottom = colour(rng, "grey", "light") * 0.9, colour(rng, "light")
    else:
        top, bottom = (
            colour(rng, "blue", "dark"),
            np.array([1.0, rng.uniform(0.5, 0.8), rng.uniform(0.3, 0.6)], np.float32),
        )
    sky = _between(rng, size, top, bottom)
    if rng.random() < 0.7:
        cloud = patch(tile(-3.0, int(rng.integers(3))), rng, size) * 0.8 + patch(tile(-2.0, 1), rng, size) * 0.2
        share = np.clip(cloud * rng.uniform(0.3, 1.2) - rng.uniform(-0.3, 0.8), 0, 1)[..., None]
        sky += (colour(rng, "light") - sky) * share * rng.uniform(0.4, 1.0)
    return sky


def _ground(plate: np.ndarray, rng: np.random.Generator, top: int, *families: str) -> None:
    """Ground from row `top` down, whose texture grows coarser towards the viewer."""
    rows, width = plate.shape[0] - top, plate.shape[1]
    if rows < 2:
        return
    soil = surface(rng, (rows, width), colour(rng, *families))
    depth = np.linspace(0.15, 1.0, rows, dtype=np.float32)
    field = tile(-1.8, int(rng.integers(3)))
    y = np.cumsum(1 / (depth * rows))[:, None] * 0.8
    x = (np.arange(width, dtype=np.float32)[None, :] / width - 0.5) / depth[:, None]
    rough = cv2.remap(
        field, ((x % 1) * 511).astype(np.float32), np.repeat((y % 1) * 511, width, 1).astype(np.float32), 1
    )
    plate[top:] = soil * (1 + rough[..., None] * float(rng.uniform(0.05, 0.3)))


def _ridge(rng: np.random.Generator, width: int, top: float, rough: float) -> np.ndarray:
    """The upper edge of a range of hills: float32 [X], rows."""
    line = patch(tile(float(rng.choice([-3.4, -2.6])), int(rng.integers(3))), rng, (1, width))[0]
    return (top + cv2.GaussianBlur(line[None], (0, 0), 1.0)[0] * rough).astype(np.float32)


def landscape(rng: np.random.Generator, size: Size) -> Place:
    """Sky, ranges of hills growing darker and greener towards the viewer, fields or water."""
    rows, width = size
    horizon = float(rng.uniform(0.35, 0.7))
    plate = _sky(rng, size)
    haze = plate[int(horizon * rows * 0.9)].mean(0)
    top = horizon * rows
    number = int(rng.integers(1, 5))
    for i in range(number):
        share = (i + 1) / number
        line = _ridge(rng, width, top - rows * 0.18 * (1 - share), rows * float(rng.uniform(0.015, 0.07)))
        hill = surface(rng, size, colour(rng, "green", "earth", "blue", "grey") * 0.8)
        hill += (haze - hill) * (0.6 * (1 - share))
        share_of = np.clip(np.arange(rows, dtype=np.float32)[:, None] - line[None] + 0.5, 0, 1)[..., None]
        plate += (hill - plate) * share_of
    _ground(plate, rng, int(top + rows * 0.03), "green", "earth", "green", "blue", "grey")
    for _ in range(int(rng.integers(0, 4))):  # bushes and stones on the ground
        leaves(plate, rng, Litter(("green", "earth", "grey"), 0.01, 0.06, 40), (horizon, horizon + 0.3))
    return Place(plate, horizon=horizon)


def forest(rng: np.random.Generator, size: Size) -> Place:
    """Foliage, trunks and undergrowth; sometimes trunks stand in front of everything."""
    rows, width = size
    plate = _between(rng, size, colour(rng, "light", "green"), colour(rng, "green", "dark"))
    season = ("green", "green", "earth") if rng.random() < 0.7 else ("earth", "vivid", "green", "grey")
    shapes = ("leaf", "leaf", "blob", "ellipse")
    leaves(plate, rng, Litter((*season, "dark"), 0.02, 0.14, 160, shapes), (0.0, 0.75))
    light = patch(tile(-3.0, int(rng.integers(3))), rng, size)[..., None]
    plate *= np.exp(0.45 * light)  # sun and shade
    leaves(plate, rng, Litter(season, 0.007, 0.06, int(rng.integers(200, 700)), shapes), (-0.05, 0.72))
    horizon = float(rng.uniform(0.55, 0.8))
    _ground(plate, rng, int(horizon * rows), "earth", "green", "dark")
    leaves(plate, rng, Litter(("green", "earth", "dark"), 0.006, 0.05, 260, ("leaf", "blob")), (horizon, 1.0))
    for _ in range(int(rng.integers(2, 9))):
        _trunk(plate, rng, rows * float(rng.uniform(0.01, 0.05)), rows * float(rng.uniform(horizon, horizon + 0.2)))
    grain(plate, rng, float(rng.uniform(0.05, 0.22)))
    near = None
    if rng.random() < 0.4:
        near = np.zeros((rows, width, 4), np.float32)
        for _ in range(int(rng.integers(1, 3))):
            _trunk(near, rng, rows * float(rng.uniform(0.03, 0.09)), rows * 1.1)
    return Place(plate, near, horizon)


def _trunk(plate: np.ndarray, rng: np.random.Generator, half: float, foot: float) -> None:
    """One tree trunk with bark and round shading, from above the plate down to row `foot`."""
    width = plate.shape[1]
    x = float(rng.uniform(0, width))
    lean = float(rng.normal(0, half))
    points = np.array([[x - half * 0.7 + lean, -4], [x + half * 0.7 + lean, -4], [x + half, foot], [x - half, foot]])
    left, right = max(int(points[:, 0].min()) - 2, 0), min(int(points[:, 0].max()) + 3, width)
    if right - left < 2:
        return
    bottom = min(int(foot) + 2, plate.shape[0])
    bark = surface(rng, (bottom, right - left), colour(rng, "earth", "dark", "grey"))
    bark *= 1 + 0.25 * patch(tile(-1.6, 2, 8), rng, bark.shape[:2])[..., None]  # type: ignore[arg-type]
    across = (np.arange(left, right, dtype=np.float32) - x) / max(half, 1)
    bark *= np.clip(1.05 - 0.35 * (across - 0.3) ** 2, 0.3, 1.2)[None, :, None]
    mask = np.zeros((bottom, right - left), np.uint8)
    cv2.fillPoly(mask, [np.round((points - [left, 0]) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    share = mask[..., None].astype(np.float32) / 255
    here = plate[:bottom, left:right]
    here[..., :3] += (
        (np.clip(bark, 0, 1) - here[..., :3]) * share if plate.shape[2] == 3 else bark * share - here[..., :3] * share
    )
    if plate.shape[2] == 4:
        here[..., 3:] += (1 - here[..., 3:]) * share


def street(rng: np.random.Generator, size: Size) -> Place:
    """Fronts of houses with rows of windows, a pavement and a road; boxes move along it."""
    rows, width = size
    horizon = float(rng.uniform(0.55, 0.72))
    plate = _sky(rng, size)
    x = float(-rng.uniform(0, 0.3) * rows)
    while x < width:
        wide = float(rng.uniform(0.18, 0.6) * rows)
        top = float(rng.uniform(-0.1, horizon - 0.08) * rows)
        wall = colour(rng, "grey", "earth", "light", "pastel", "dark")
        fill(plate, _box(x, top, x + wide, horizon * rows + 2), rng, wall)
        _windows(plate, rng, (x, top, x + wide, horizon * rows), wall)
        x += wide * float(rng.uniform(0.9, 1.15))
    _ground(plate, rng, int(horizon * rows), "grey", "grey", "dark", "earth")
    kerb = (horizon + float(rng.uniform(0.04, 0.12))) * rows
    fill(plate, _box(-2, kerb, width + 2, kerb + 0.012 * rows), rng, colour(rng, "light", "grey"))
    for _ in range(int(rng.integers(0, 4))):  # a tree or a sign before the fronts
        leaves(plate, rng, Litter(("green", "vivid", "earth"), 0.01, 0.05, 24), (horizon - 0.25, horizon))
    near = None
    if rng.random() < 0.3:
        near = np.zeros((rows, width, 4), np.float32)
        _trunk(near, rng, rows * float(rng.uniform(0.008, 0.03)), rows * 1.1)
    return Place(plate, near, horizon, families=("vivid", "grey", "dark", "light", "blue", "skin"))


def _windows(
    plate: np.ndarray, rng: np.random.Generator, front: tuple[float, float, float, float], wall: np.ndarray
) -> None:
    """Rows of windows on a front (left, top, right, bottom): dark, bright or reflecting."""
    left, top, right, bottom = front
    rows = plate.shape[0]
    step = float(rng.uniform(0.05, 0.12)) * rows
    wide, high = step * float(rng.uniform(0.35, 0.7)), step * float(rng.uniform(0.4, 0.8))
    panes = colours(rng, ("dark", "blue", "dark", "light"), 3)
    frame = np.clip(wall * rng.uniform(0.7, 1.5), 0, 1)
    for y in np.arange(top + step * 0.4, bottom - high, step):
        for x in np.arange(left + step * 0.4, right - wide, step * 1.05):
            pane = panes[int(rng.integers(3))] * rng.uniform(0.7, 1.1)
            edge, pad = np.array([x, y]), step * 0.06
            for colour_of, grow in ((frame, pad), (pane, 0.0)):
                corners = _box(edge[0] - grow, edge[1] - grow, edge[0] + wide + grow, edge[1] + high + grow)
                cv2.fillPoly(
                    plate, [np.round(corners * 16).astype(np.int32)], [float(v) for v in colour_of], cv2.LINE_8, 4
                )


def room(rng: np.random.Generator, size: Size) -> Place:
    """Flat walls, a floor, furniture with soft shadows, a window or a lamp: large quiet areas."""
    rows, width = size
    floor = float(rng.uniform(0.55, 0.85))
    wall = colour(rng, "light", "pastel", "grey", "earth")
    plate = _between(rng, size, wall * rng.uniform(0.7, 1.0), wall * rng.uniform(0.8, 1.1))
    plate *= 1 + 0.02 * patch(tile(-1.6, 0), rng, size)[..., None]
    if rng.random() < 0.7:
        _ground(plate, rng, int(floor * rows), "earth", "grey", "light")
    for _ in range(int(rng.integers(2, 9))):
        wide, high = (float(v) * rows for v in rng.uniform(0.05, 0.3, 2))
        x = float(rng.uniform(-0.1, 1.0)) * width
        on_floor = rng.random() < 0.6
        bottom = (floor + float(rng.uniform(0, 0.2))) * rows if on_floor else float(rng.uniform(0.2, floor)) * rows
        if on_floor:
            shadow = _box(x - wide * 0.15, bottom - high * 0.2, x + wide * 1.2, bottom + high * 0.12)
            fill(plate, shadow, rng, wall * 0.25, soft=rows * 0.02)
        fill(
            plate, _box(x, bottom - high, x + wide, bottom), rng, colour(rng, "earth", "grey", "dark", "vivid", "light")
        )
        if rng.random() < 0.6:
            inner = _box(x + wide * 0.12, bottom - high * 0.88, x + wide * 0.88, bottom - high * 0.3)
            fill(plate, inner, rng, colour(rng, "earth", "light", "blue", "dark", "vivid"))
    y, x = np.mgrid[0:rows, 0:width].astype(np.float32) / rows
    lamp = np.exp(-((y - rng.uniform(0, 0.6)) ** 2 + (x - rng.uniform(0, width / rows)) ** 2) / rng.uniform(0.1, 0.6))
    plate *= (rng.uniform(0.55, 0.9) + rng.uniform(0.2, 0.6) * lamp)[..., None]
    return Place(plate, horizon=floor, families=("skin", "vivid", "dark", "light", "earth"))


def portrait(rng: np.random.Generator, size: Size) -> Place:
    """One large thing before a background that is out of focus."""
    rows = size[0]
    plate = _between(rng, size, colour(rng, "grey", "green", "light", "blue"), colour(rng, "earth", "green", "dark"))
    families = [("green", "earth"), ("grey", "light", "dark"), ("blue", "grey"), ("vivid", "earth", "dark")]
    leaves(plate, rng, Litter(families[int(rng.integers(4))], 0.03, 0.5, 120))
    plate = cv2.GaussianBlur(plate, (0, 0), rows * float(rng.uniform(0.008, 0.04)))
    return Place(
        plate, horizon=1.0, subjects=(1, 2), largest=(0.30, 0.52), families=("skin", "earth", "grey", "dark", "light")
    )


def abstract(rng: np.random.Generator, size: Size) -> Place:
    """Dead leaves of every size and colour."""
    every = ("grey", "earth", "green", "blue", "skin", "dark", "light", "vivid", "pastel")
    families = tuple(str(v) for v in rng.choice(every, int(rng.integers(2, 6)), replace=False))
    plate = surface(rng, size, colour(rng, *families))
    leaves(
        plate,
        rng,
        Litter(families, float(rng.uniform(0.008, 0.03)), float(rng.uniform(0.2, 0.5)), int(rng.integers(150, 500))),
    )
    if rng.random() < 0.7:
        grain(plate, rng, float(rng.uniform(0.02, 0.15)))
    return Place(plate, horizon=1.0, families=every)


GENRES = {
    "forest": forest,
    "street": street,
    "portrait": portrait,
    "landscape": landscape,
    "room": room,
    "leaves": abstract,
}
