"""The scene graph of a rendered session: what stands where before which background, in plain frozen records.

Places are shares of the frame's width and height, lengths shares of its shorter side, times frame numbers. A graph is
drawn from a seed alone; at which size and how long it is seen is the renderer's affair.
"""

from dataclasses import dataclass

import numpy as np

SHAPES = ("ball", "box", "triangle", "star", "ring", "heart", "cross")
PATTERNS = ("plain", "striped", "dotted", "checked")
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.86, 0.10, 0.12),
    "orange": (0.98, 0.50, 0.06),
    "yellow": (0.97, 0.88, 0.16),
    "green": (0.12, 0.66, 0.20),
    "blue": (0.12, 0.30, 0.90),
    "purple": (0.58, 0.20, 0.78),
    "pink": (0.98, 0.48, 0.72),
    "white": (0.95, 0.95, 0.95),
}
SIZES = {"small": 0.10, "medium": 0.135, "big": 0.18}  # radius
CELLS = {  # where the middle of a thing may be: (x, y)
    "top left": (0.2, 0.2), "top middle": (0.5, 0.2), "top right": (0.8, 0.2),
    "middle left": (0.2, 0.5), "centre": (0.5, 0.5), "middle right": (0.8, 0.5),
    "bottom left": (0.2, 0.8), "bottom middle": (0.5, 0.8), "bottom right": (0.8, 0.8),
}  # fmt: skip
GROUNDS: dict[str, tuple[str, ...]] = {  # backgrounds that can be asked for -> colours that do not show before them
    "sky": ("blue", "white"),
    "grass": ("green",),
    "sand": ("yellow", "orange"),
    "bricks": ("red", "orange"),
    "tiles": ("white",),
    "water": ("blue", "green"),
    "sunset": ("orange", "purple", "pink", "red"),
    "leaves": ("orange", "red", "yellow"),
}
WILD = ("gradient", "noise", "mosaic", "litter")  # backgrounds of no name, in any colours: only sources have them
LOOKS = ("plain", "mono", "sepia", "night")

THINGS = 4, 6  # fewest and most things of a source
MOST, FEWEST = 7, 3  # that a turn may leave
ASKED = 0  # seed of backgrounds and textures that a turn brings in: what is asked for always looks alike
_NAMED_SHARE = 0.5  # of sources with a background that has a name
_PAN, _ZOOM, _SWAY = (0.04, 0.13), (0.0, 0.14), 0.045  # how far the camera and the things go


@dataclass(frozen=True)
class Sway:
    """A smooth bounded path that is 0 at frame 0."""

    size: float = 0.0
    period: float = 100.0  # frames
    phase: float = 0.0

    def at(self, frame: float) -> float:
        """Where it is at a frame."""
        return float(self.size * (np.sin(2 * np.pi * frame / self.period + self.phase) - np.sin(self.phase)))


@dataclass(frozen=True)
class Camera:
    """How the view moves: pan in shorter sides, zoom as a logarithm. At frame 0 it shows places as they are."""

    x: Sway = Sway()
    y: Sway = Sway()
    zoom: Sway = Sway()


@dataclass(frozen=True)
class Background:
    """What everything stands before: one of GROUNDS or WILD."""

    kind: str
    seed: int


@dataclass(frozen=True)
class Thing:
    """One object. `key` stays the same through all turns of a session. depth: 0 is nearest, 1 farthest."""

    key: int
    shape: str
    colour: str
    pattern: str = "plain"
    size: str = "medium"
    x: float = 0.5
    y: float = 0.5
    depth: float = 0.5
    turn: float = 0.0  # radians
    sway: tuple[Sway, Sway] = (Sway(), Sway())  # x, y
    texture: int = ASKED

    @property
    def cell(self) -> str:
        """The cell that it stands in."""
        return min(CELLS, key=lambda c: (CELLS[c][0] - self.x) ** 2 + (CELLS[c][1] - self.y) ** 2)


@dataclass(frozen=True)
class Graph:
    """A whole scene: a background, a camera, things (no two of the same colour and shape, or in one cell), a look."""

    background: Background
    camera: Camera
    things: tuple[Thing, ...]
    look: str = "plain"

    def thing(self, key: int) -> Thing:
        """The thing of this key."""
        return next(one for one in self.things if one.key == key)

    @property
    def free(self) -> tuple[str, ...]:
        """The cells in which nothing stands."""
        taken = {one.cell for one in self.things}
        return tuple(cell for cell in CELLS if cell not in taken)


def draw_graph(seed: int) -> Graph:
    """The scene of a seed: 4 to 6 things in different cells, no two alike, all unlike the background."""
    rng = np.random.default_rng((seed, 211))
    background = Background(
        _one(rng, tuple(GROUNDS) if rng.random() < _NAMED_SHARE else WILD), int(rng.integers(2**31))
    )
    hidden = hidden_colours(background)
    colours = tuple(name for name in COLOURS if name not in hidden)
    cells = rng.permutation(list(CELLS))[: int(rng.integers(THINGS[0], THINGS[1] + 1))]
    things: list[Thing] = []
    for key, cell in enumerate(cells):
        used = {(one.shape, one.colour) for one in things}
        looks = [(s, c) for s in SHAPES for c in colours if (s, c) not in used]
        shape, colour = looks[int(rng.integers(len(looks)))]
        x, y = np.array(CELLS[str(cell)]) + rng.uniform(-0.03, 0.03, 2)
        things.append(
            Thing(
                key, shape, colour, _one(rng, PATTERNS), _one(rng, tuple(SIZES)), float(x), float(y),
                float(rng.uniform(0.1, 0.9)), float(rng.uniform(-0.25, 0.25)),
                (_sway(rng, _SWAY), _sway(rng, _SWAY)), int(rng.integers(1, 2**31)),
            )
        )  # fmt: skip
    camera = Camera(
        _sway(rng, float(rng.uniform(*_PAN))), _sway(rng, float(rng.uniform(*_PAN))),
        _sway(rng, float(rng.uniform(*_ZOOM))),
    )  # fmt: skip
    return Graph(background, camera, tuple(things))


def hidden_colours(background: Background) -> tuple[str, ...]:
    """The names of the colours in which a thing would not show before a background."""
    return GROUNDS.get(background.kind) or blending(wild_colours(background))


def wild_colours(background: Background) -> np.ndarray:
    """The main colours of a background of no name: float32 [3, 3], RGB in 0..1; muted, so that things show."""
    rng = np.random.default_rng((background.seed, 223))
    value, share = rng.uniform(0.25, 0.8, (3, 1)), rng.uniform(0.1, 0.45, (3, 1))
    pure = rng.random((3, 3))
    pure /= pure.max(1, keepdims=True)
    return (value * (1 - share + share * pure)).astype(np.float32)


def blending(colours: np.ndarray, near: float = 0.33) -> tuple[str, ...]:
    """The names of the colours that would not show before these [N, 3]."""
    return tuple(name for name, rgb in COLOURS.items() if np.abs(colours - np.array(rgb)).max(1).min() < near)


def _sway(rng: np.random.Generator, size: float) -> Sway:
    return Sway(size * float(rng.choice([-1, 1])), float(rng.uniform(60, 160)), float(rng.uniform(-0.9, 0.9)))


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
