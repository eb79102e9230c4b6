"""Compositions: two reference pictures of one object each, a background, and words that say which object goes where."""

from dataclasses import dataclass, replace

import numpy as np

from refrain.data.sessions.graph import (
    COLOURS,
    GROUNDS,
    PATTERNS,
    SHAPES,
    WILD,
    Background,
    Camera,
    Graph,
    Thing,
    hidden_colours,
)
from refrain.data.sessions.phrases import COMPOSE, SIDES
from refrain.data.sessions.render import render

_PLACES = {"left": (0.27, 0.5), "right": (0.73, 0.5), "top": (0.5, 0.27), "bottom": (0.5, 0.73)}


@dataclass(frozen=True)
class Composition:
    """One question with two references. All pictures are uint8 [1, Y, X, 3], RGB.

    source: the bare background. references: pictures <1> and <2>. frames: the true answer. swapped: what it would be
    with the references exchanged. sides: where the objects of <1> and of <2> go, of left, right, top and bottom.
    masks: float32 [1, Y, X], where they stand in the answer. graphs: of source, <1>, <2>, answer and swapped answer.
    """

    instruction: str
    source: np.ndarray
    references: tuple[np.ndarray, np.ndarray]
    frames: np.ndarray
    swapped: np.ndarray
    sides: tuple[str, str]
    masks: tuple[np.ndarray, np.ndarray]
    graphs: tuple[Graph, Graph, Graph, Graph, Graph]


def draw_composition(seed: int, size: tuple[int, int]) -> Composition:
    """Composition number `seed` at `size` = (rows, columns). Swapping the references changes the true answer."""
    rng = np.random.default_rng((seed, 239))
    ground = Background(_one(rng, tuple(GROUNDS) if rng.random() < 0.5 else WILD), int(rng.integers(2**31)))
    first, second = _things(rng, ground)
    one, other = ("left", "right") if rng.random() < 0.6 else ("top", "bottom")
    sides = (one, other) if rng.random() < 0.5 else (other, one)
    bare = Graph(ground, Camera(), ())
    shown = [Graph(_plain(rng, one), Camera(), (replace(one, size="big"),)) for one in (first, second)]
    whole, swapped = (_composed(bare, pair, sides) for pair in ((first, second), (second, first)))
    order = (0, 1) if rng.random() < 0.5 else (1, 0)  # which is spoken of first
    said = _one(rng, COMPOSE)
    for slot, place, which in (("{first}", "{here}", order[0]), ("{second}", "{there}", order[1])):
        said = said.replace(slot, f"<{which + 1}>").replace(place, _one(rng, SIDES[sides[which]]))
    answer = render(whole, size)
    pictures = [render(graph, size).frames for graph in (bare, *shown, swapped)]
    masks = (answer.masks[0], answer.masks[1])
    graphs = (bare, shown[0], shown[1], whole, swapped)
    return Composition(said, pictures[0], (pictures[1], pictures[2]), answer.frames, pictures[3], sides, masks, graphs)


def composed_words() -> frozenset[str]:
    """Every word that a composition can be asked in, without the references' numbers."""
    said = " ".join((*COMPOSE, *(words for many in SIDES.values() for words in many)))
    return frozenset(word for word in said.split() if word.isalpha())


def _things(rng: np.random.Generator, ground: Background) -> tuple[Thing, Thing]:
    """Two things of different shapes and colours that show before the background."""
    colours = [colour for colour in COLOURS if colour not in hidden_colours(ground)]
    picked = rng.permutation(colours)[:2]
    shapes = rng.permutation(SHAPES)[:2]
    first, second = (
        Thing(key, str(shapes[key]), str(picked[key]), _one(rng, PATTERNS), "big", texture=int(rng.integers(1, 2**31)))
        for key in (0, 1)
    )
    return first, second


def _plain(rng: np.random.Generator, one: Thing) -> Background:
    """A plain ground before which the thing shows."""
    while True:
        ground = Background("gradient", int(rng.integers(2**31)))
        if one.colour not in hidden_colours(ground):
            return ground


def _composed(bare: Graph, things: tuple[Thing, Thing], sides: tuple[str, str]) -> Graph:
    placed = [
        replace(one, key=key, x=_PLACES[side][0], y=_PLACES[side][1])
        for key, (one, side) in enumerate(zip(things, sides, strict=True))
    ]
    return replace(bare, things=tuple(placed))


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
