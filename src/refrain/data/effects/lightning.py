"""Lightning: jagged arcs that crackle along the subject's outline and leap off it, or strike it from the sky."""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.beam import bodies_of, drawn, halo_of, normals_of, shone, within
from refrain.data.effects.body import Body
from refrain.data.effects.effected import Effected, painted
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed

WORDING = Wording(
    known="add blue lightning around the subject",
    nouns=(
        "lightning",
        "lightning bolts",
        "electricity",
        "electric arcs",
        "crackling electricity",
        "a lightning outline",
        "thunderbolts",
        "electric sparks",
        "an electric discharge",
        "high voltage arcs",
        "lightning strikes",
    ),
    adjectives=("electrified", "electric", "charged with electricity", "full of lightning", "struck by lightning"),
    verbs=("crackle with electricity", "discharge lightning", "flash with lightning"),
    clauses=(
        "electrify {subject}",
        "let lightning run along the outline of {subject}",
        "make electricity crackle around {subject}",
        "strike {subject} with lightning",
    ),
    named={1: ("a lightning storm", "a thunderstorm of electric arcs"), -1: ("a few electric sparks",)},
    tails={
        "where": {
            "outline": ("along the outline", "on the edges", "all around the body", "running along the contour"),
            "above": ("from the sky", "from above", "striking from above", "out of the clouds", "from the top"),
        }
    },
    usual={"where": "outline"},
    about=("around {subject}", "on {subject}", "along the outline of {subject}", "over {subject}"),
)


@dataclass(frozen=True)
class Lightning:
    """Its colour, how strong it is, and where: along the "outline" of the subject or upon it from "above"."""

    colour: str = "blue"
    strength: str = "medium"
    where: str = "outline"


def draw(rng: np.random.Generator) -> Lightning:
    """Mostly along the outline; blue and purple oftener."""
    colour = str(rng.choice(["blue", "purple"] if rng.random() < 0.35 else list(COLOURS)))
    strength = str(rng.choice(["light", "medium", "medium", "heavy"]))
    return Lightning(colour, strength, str(rng.choice(["outline", "outline", "outline", "above"])))


def lightning(shot: Shot, seed: int, parameters: Lightning) -> Effected:
    """Every arc burns for two to four frames, then another leaps elsewhere; the subject is lit where they run."""
    size = shot.frames.shape[1:3]
    colour = light_of(parameters.colour)
    forks, strands, gain = {"light": (4, 2, 0.85), "medium": (8, 3, 1.0), "heavy": (14, 4, 1.25)}[parameters.strength]
    above = parameters.where == "above"

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now, bodies = shot.now(i), bodies_of(shot.mask(i))
        if not bodies:
            return picture, np.zeros(size, np.float32)
        paths: list[np.ndarray] = []
        bright: list[np.ndarray] = []
        for rank, (body, share) in enumerate(bodies):
            arcs = _strands(body, size, seed + rank, now, strands - above)
            arcs += _forks(body, size, seed + rank, now, round(forks * share))
            paths += [path for path, _ in arcs]
            bright += [level * share for _, level in arcs]
        core = drawn(size, paths, max(0.0065 * size[0], 0.5), bright)
        if above:
            core = np.maximum(core * 0.8, _bolt(bodies[0][0], size, seed, now))
        return shone(picture, core, halo_of(core, 0.022 * size[0]) * np.float32(gain), colour)

    return painted(shot.frames, paint)


def _jag(seed: int, cell: int, number: int, points: int, knots: int, closed: bool = False) -> np.ndarray:
    """A jagged line of `points` numbers about 0, of size one: broken lines of finer and finer steps, added up."""
    counts = [max(knots << octave, 2) for octave in range(3)]
    steps = 2 * hashed(seed, 307, number, cell, np.arange(sum(counts))) - 1
    total, along, first = np.zeros(points), np.linspace(0, 1, points), 0
    for octave, count in enumerate(counts):
        part = steps[first : first + count]
        part = np.append(part, part[0] if closed else 0.0)
        total += np.interp(along * count, np.arange(count + 1), part) * 0.62**octave
        first += count
    return total


def _burning(seed: int, number: int, now: float) -> tuple[int, float]:
    """Which life of arc `number` it is, and how brightly it burns: each lives two to four frames and fades in them."""
    start, length = hashed(seed, 301, number, np.arange(2))
    period = 2.0 + 2.0 * float(length)
    cell, age = divmod(now + float(start) * period, period)
    return int(cell), 1.0 - 0.45 * age / period


def _strands(
    body: Body, size: tuple[int, int], seed: int, now: float, count: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Arcs all around the outline, each brightest in a stretch that runs along it."""
    normals, points = normals_of(body.outline), len(body.outline)
    reach = 0.035 * min(body.height, 2 * body.width)
    inside = within(body.outline, size)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for k in range(count):
        cell, level = _burning(seed, k, now)
        away = reach * (0.35 + _jag(seed, cell, k, points + 1, 22, closed=True)[:-1])
        path = body.outline + normals * away[:, None]
        turn = float(hashed(seed, 303, k)) + now * (0.012 if k % 2 else -0.009)
        part = (np.arange(points) / points - turn) % 1.0
        stretch = 0.45 + 0.55 * (0.5 + 0.5 * np.cos(2 * np.pi * (1 + k % 2) * part))
        closed = np.concatenate([path, path[:1]])
        shine = level * stretch * inside * (1.0 if k == 0 else 0.75)
        found.append((closed, np.append(shine, shine[0])))
    return found


def _forks(body: Body, size: tuple[int, int], seed: int, now: float, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Arcs that leap off the outline, thinning out, each with a twig."""
    normals, inside = normals_of(body.outline), within(body.outline, size)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for k in range(count):
        cell, level = _burning(seed, 20 + k, now)
        u = hashed(seed, 305, k, cell, np.arange(4))
        root = int(u[0] * len(body.outline))
        length = (0.10 + 0.22 * u[1] ** 2) * min(body.height, 2 * body.width)
        angle = np.arctan2(normals[root, 1], normals[root, 0]) + 1.3 * (u[2] - 0.5)
        found.extend(
            _branch(body.outline[root], float(angle), float(length), (seed, 40 + k, cell), level * inside[root])
        )
    return found


def _branch(
    start: np.ndarray, angle: float, length: float, key: tuple[int, int, int], level: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """A jagged line from `start` with one twig; bright at its root."""
    ahead, side = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    along = np.linspace(0, 1, 25)
    away = _jag(key[0], key[2], key[1], 25, 4) * length * 0.16 * np.minimum(along * 6, 1)
    path = start + along[:, None] * length * ahead + away[:, None] * side
    twig_angle = 0.9 * (1 if key[1] % 2 else -1)
    turned = ahead * np.cos(twig_angle) + side * np.sin(twig_angle)
    bend = _jag(key[0], key[2], key[1] + 500, 13, 3) * length * 0.08 * along[::2]
    twig = path[11] + along[::2, None] * length * 0.45 * turned + bend[:, None] * side
    return [(path, level * (1 - 0.8 * along)), (twig, 0.6 * level * (1 - 0.9 * along[::2]))]


def _bolt(body: Body, size: tuple[int, int], seed: int, now: float) -> np.ndarray:
    """The strike from the sky, float32 [Y, X]: a thick jagged line from the upper edge to the subject, with twigs."""
    number = 90
    cell, level = _burning(seed, number, now)
    u = hashed(seed, 309, cell, np.arange(14))
    room = min(0.28 * size[0] - body.outline[0, 1], 0.35 * body.height)  # a bolt on a high head strikes further down
    goal = body.outline[0] + np.array([0.0, max(0.06 * body.height, room)])
    start = np.array([goal[0] + (u[0] - 0.5) * 0.7 * size[0], -0.04 * size[0]])
    length = float(np.linalg.norm(goal - start))
    along = np.linspace(0, 1, 65)
    ahead = (goal - start) / max(length, 1e-6)
    side = np.array([-ahead[1], ahead[0]])
    ease = np.minimum(np.minimum(along, 1 - along) * 8, 1)
    path = (
        start
        + along[:, None] * (goal - start)
        + (_jag(seed, cell, number, 65, 7) * ease)[:, None] * side * (0.012 * size[0] + 0.07 * length)
    )
    paths, bright = [path], [np.full(65, level)]
    for k in range(4):
        root = int(8 + 44 * u[1 + k])
        angle = float(np.arctan2(ahead[1], ahead[0]) + (0.55 + 0.5 * u[5 + k]) * (1 if k % 2 else -1))
        for twig, shine in _branch(path[root], angle, (0.2 + 0.35 * u[9 + k]) * length, (seed, 95 + k, cell), level):
            paths.append(twig)
            bright.append(shine * 0.8)
    main = drawn(size, paths[:1], max(0.013 * size[0], 0.7), bright[:1])
    return np.maximum(main, drawn(size, paths[1:], max(0.006 * size[0], 0.5), bright[1:]))
