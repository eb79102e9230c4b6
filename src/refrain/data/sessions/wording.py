"""The words of rendered sessions: what a turn asks for, said in many ways, how it is taken back, and captions.

An object is named by its colour and shape, or by its pattern and shape, or by its shape alone, always so that the name
fits exactly one object of the picture. `known_words` lists every word that can be said.
"""

import re

import numpy as np

from refrain.data.sessions.graph import COLOURS, GROUNDS, PATTERNS, SHAPES, SIZES, Graph, Thing
from refrain.data.sessions.phrases import (
    BACK,
    CELL_WORDS,
    FRAMES,
    GROUND_WORDS,
    LOOK_BACK,
    LOOK_CAPTIONS,
    LOOK_FRAMES,
    POLITE,
    SCENES,
    SIZE_WORDS,
)
from refrain.data.sessions.turns import COLOURLESS, GraphEdit, applied, nameable

LONGEST = 20  # words of a request


def instruction(rng: np.random.Generator, graph: Graph, turn: GraphEdit) -> str:
    """One wording of a turn, of what `graph` shows before it."""
    for _ in range(12):
        said = _filled(rng, _one(rng, _frames(graph, turn)), graph, turn)
        if rng.random() < 0.25:
            said = _one(rng, POLITE).replace("{said}", said)
        if len(said.split()) <= LONGEST:
            break
    return said


def inverse(rng: np.random.Generator, graph: Graph, turn: GraphEdit) -> str:
    """A wording of the way back, from what the turn made of `graph`; some of it ("bring it back") needs the history."""
    after = applied(graph, turn)
    if turn.kind == "add":
        return instruction(rng, after, GraphEdit("remove", turn.thing))
    if turn.kind == "restyle":
        frames = LOOK_BACK[turn.value] if graph.look == "plain" else LOOK_FRAMES[graph.look]
        return _scened(rng, _one(rng, frames))
    if turn.kind == "recolour" and rng.random() < 0.7:
        return instruction(rng, after, GraphEdit("recolour", turn.thing, graph.thing(turn.thing).colour))
    if turn.kind == "resize":
        return instruction(rng, after, GraphEdit("resize", turn.thing, graph.thing(turn.thing).size))
    frame = _one(rng, BACK[turn.kind])
    shown = graph if turn.kind == "remove" else after
    said = frame.replace("{thing}", name(rng, shown, shown.thing(turn.thing))) if "{thing}" in frame else frame
    return _scened(rng, said.replace("{colour}", graph.thing(turn.thing).colour if turn.thing >= 0 else ""))


def name(rng: np.random.Generator, graph: Graph, one: Thing) -> str:
    """Words that fit this object and no other of the graph: "the red ball", "the striped box"."""
    return f"the {_one(rng, names(graph, one))}"


def names(graph: Graph, one: Thing) -> tuple[str, ...]:
    """All names of an object that fit no other one; what they are chosen from, the usual ones several times."""
    others = [other for other in graph.things if other.key != one.key]
    colourless = graph.look in COLOURLESS
    found: list[str] = []
    if not colourless and nameable(graph, one):
        found += [f"{one.colour} {one.shape}"] * 4
        found += [f"{one.colour} {one.pattern} {one.shape}"] * (one.pattern != "plain")
    if all(other.shape != one.shape for other in others):
        found += [one.shape]
    if one.pattern != "plain" and all((other.pattern, other.shape) != (one.pattern, one.shape) for other in others):
        found += [f"{one.pattern} {one.shape}"]
    return tuple(found)


def fitting(graph: Graph, said: str) -> tuple[int, ...]:
    """The keys of all objects that a name fits."""
    words = set(said.split()) - {"the"}
    return tuple(one.key for one in graph.things if words <= {one.shape, one.colour, one.pattern})


def described(rng: np.random.Generator, one: Thing) -> str:
    """An object that is not there yet: "a big red striped ball"; of medium size and plain unless it is said."""
    words = [] if one.size == "medium" else [_one(rng, SIZE_WORDS[one.size])]
    looks = [one.colour] if one.pattern == "plain" else [one.colour, one.pattern]
    words += looks if rng.random() < 0.7 else looks[::-1]
    return _mended(" ".join(["a", *words, one.shape]))


def caption(rng: np.random.Generator, graph: Graph, most: int = 3) -> str:
    """What is seen: up to `most` objects, where they are, before what, under which look."""
    order = rng.permutation(len(graph.things))[:most]
    seen: list[str] = []
    for place in order:
        one = graph.things[int(place)]
        colour = "" if graph.look in COLOURLESS else f"{one.colour} "
        pattern = "" if one.pattern == "plain" else f"{one.pattern} "
        seen.append(_mended(f"a {colour}{pattern}{one.shape}"))
    words = GROUND_WORDS.get(graph.background.kind)
    said = " and ".join(seen) + (f" before {_one(rng, words)}" if words and graph.look not in COLOURLESS else "")
    return said if graph.look == "plain" else f"{said} {_one(rng, LOOK_CAPTIONS[graph.look])}"


def known_words() -> frozenset[str]:
    """Every word that these grammars can say."""
    said = [*POLITE, *SCENES, *SHAPES, *COLOURS, *PATTERNS, "a an the and before"]
    for many in (FRAMES, BACK, LOOK_FRAMES, LOOK_BACK, LOOK_CAPTIONS, CELL_WORDS, GROUND_WORDS, SIZE_WORDS):
        for phrases in many.values():
            said += phrases
    return frozenset(re.findall(r"[a-z]+", re.sub(r"\{\w+\}", " ", " ".join(said))))


def naming_words() -> frozenset[str]:
    """Words of which every request holds one, and polite nothings none: shapes, backgrounds, looks."""
    grounds = [words for many in GROUND_WORDS.values() for words in many]
    looks = [words for many in (LOOK_FRAMES, LOOK_BACK) for words in (one for said in many.values() for one in said)]
    plain = " ".join((*(said for many in FRAMES.values() for said in many), *POLITE, *SCENES)).split()
    return frozenset(
        {*SHAPES, *" ".join((*grounds, *looks)).split()}
        - {*plain, *"a an the to and in it its all like look back again old".split()}
    )


def _frames(graph: Graph, turn: GraphEdit) -> tuple[str, ...]:
    if turn.kind == "restyle":
        return LOOK_BACK[graph.look] if turn.value == "plain" else LOOK_FRAMES[turn.value]
    if turn.kind == "resize":
        order = tuple(SIZES)
        grows = order.index(turn.value) > order.index(graph.thing(turn.thing).size)
        return FRAMES["bigger" if grows else "smaller"]
    return FRAMES[turn.kind]


def _filled(rng: np.random.Generator, frame: str, graph: Graph, turn: GraphEdit) -> str:
    said = frame
    if "{thing}" in said:
        said = said.replace("{thing}", name(rng, graph, graph.thing(turn.thing)))
    if turn.added is not None:
        said = said.replace("{new}", described(rng, turn.added))
    if turn.value in CELL_WORDS:
        said = said.replace("{place}", _one(rng, CELL_WORDS[turn.value]))
    if turn.value in GROUNDS:
        said = said.replace("{ground}", _one(rng, GROUND_WORDS[turn.value]))
    return _scened(rng, _mended(said.replace("{colour}", turn.value)))


def _scened(rng: np.random.Generator, said: str) -> str:
    return said.replace("{scene}", _one(rng, SCENES))


def _mended(said: str) -> str:
    return re.sub(r"\ba (?=[aeiou])", "an ", said)


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
