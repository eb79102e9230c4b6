"""The turns of a rendered session: seven kinds of edit, each a pure function from graph to graph.

A turn asks for one thing: `thing` is the key of the object it is about, `value` the new colour, size, cell, background
or look. `draw_turn` draws one that fits a graph and leaves nothing in doubt: what it is about can be seen before and
after, and the change shows.
"""

from dataclasses import dataclass, replace

import numpy as np

from refrain.data.sessions.graph import (
    ASKED,
    CELLS,
    COLOURS,
    FEWEST,
    GROUNDS,
    LOOKS,
    MOST,
    PATTERNS,
    SHAPES,
    SIZES,
    Background,
    Graph,
    Thing,
    hidden_colours,
)
from refrain.data.sessions.render import shares_seen

KINDS = ("add", "remove", "recolour", "resize", "move", "background", "restyle")
COLOURLESS = ("mono", "sepia")
SEEN = 0.7  # the share of a thing that is asked about that must be seen, before and after
_OTHERS = 0.4  # the share of every other thing that must be seen


@dataclass(frozen=True)
class GraphEdit:
    """What a turn does to a graph. thing: -1 where it is about no object. added: a new object, whose key is `thing`."""

    kind: str
    thing: int = -1
    value: str = ""
    added: Thing | None = None


def applied(graph: Graph, turn: GraphEdit) -> Graph:
    """The graph after a turn."""
    if turn.kind == "add":
        assert turn.added is not None
        return replace(graph, things=(*graph.things, turn.added))
    if turn.kind == "remove":
        return replace(graph, things=tuple(one for one in graph.things if one.key != turn.thing))
    if turn.kind == "background":
        return replace(graph, background=Background(turn.value, ASKED))
    if turn.kind == "restyle":
        return replace(graph, look=turn.value)
    if turn.kind == "move":
        (x, y) = CELLS[turn.value]
        return _changed(graph, turn.thing, x=x, y=y)
    return _changed(graph, turn.thing, **{{"recolour": "colour", "resize": "size"}[turn.kind]: turn.value})


def changed_masks(
    before: Graph, after: Graph, turn: GraphEdit, seen: tuple[dict, dict]
) -> tuple[np.ndarray, np.ndarray]:
    """Where a turn changes the picture before it, and what it covers afterwards, of the masks `seen` before and after.

    Both are shaped as the masks are, float32 in 0..1. An added object's place is its place afterwards; what is removed
    covers nothing afterwards; a background is all that no object covers; a look is everywhere.
    """
    was, now = seen
    like = next(iter(was.values()))
    if turn.kind == "restyle":
        return np.ones_like(like), np.ones_like(like)
    if turn.kind == "background":
        return _uncovered(was, like), _uncovered(now, like)
    if turn.kind == "add":
        return now[turn.thing], now[turn.thing]
    return was[turn.thing], now.get(turn.thing, np.zeros_like(like))


def draw_turn(rng: np.random.Generator, graph: Graph, kinds: tuple[str, ...] = KINDS) -> GraphEdit | None:
    """A turn of the first of these kinds that can be asked of the graph without doubt; None where none can."""
    for kind in kinds:
        options = _options(graph, kind)
        for choice in rng.permutation(len(options))[:8]:
            turn = _drawn(rng, graph, kind, options[int(choice)])
            if clear(graph, turn):
                return turn
    return None


def clear(graph: Graph, turn: GraphEdit) -> bool:
    """Whether what is asked about is seen before and after, and nothing else is hidden by it."""
    scenes = (graph, applied(graph, turn))
    shares = [(key, share) for scene in scenes for key, share in shares_seen(scene).items()]
    return all(share >= (SEEN if key == turn.thing else _OTHERS) for key, share in shares)


def nameable(graph: Graph, one: Thing) -> bool:
    """Whether words can tell this object from the others as they look now."""
    others = [other for other in graph.things if other.key != one.key]
    if graph.look in COLOURLESS:
        return all(other.shape != one.shape for other in others)
    return all((other.shape, other.colour) != (one.shape, one.colour) for other in others)


def _changed(graph: Graph, key: int, **values: object) -> Graph:
    things = tuple(replace(one, **values) if one.key == key else one for one in graph.things)  # type: ignore[arg-type]
    return replace(graph, things=things)


def _uncovered(masks: dict[int, np.ndarray], like: np.ndarray) -> np.ndarray:
    rest = np.ones_like(like)
    for mask in masks.values():
        rest = rest - mask
    return np.clip(rest, 0, 1)


def _options(graph: Graph, kind: str) -> list[tuple[int, str]]:
    """What a kind of turn could ask for: keys and values, all of them valid, some perhaps unclear."""
    colourless = graph.look in COLOURLESS
    if kind == "restyle":
        return [(-1, look) for look in (LOOKS[1:] if graph.look == "plain" else ("plain",))]
    if kind == "add":
        return [] if colourless or len(graph.things) >= MOST else [(-1, cell) for cell in graph.free]
    if kind == "background":
        used = {one.colour for one in graph.things}
        fitting = [g for g, hidden in GROUNDS.items() if g != graph.background.kind and not used & set(hidden)]
        return [] if colourless else [(-1, ground) for ground in fitting]
    if (kind == "recolour" and colourless) or (kind == "remove" and len(graph.things) <= FEWEST):
        return []
    named = [one for one in graph.things if nameable(graph, one)]
    return [(one.key, value) for one in named for value in _values(graph, kind, one)]


def _values(graph: Graph, kind: str, one: Thing) -> tuple[str, ...]:
    if kind == "remove":
        return ("",)
    if kind == "move":
        return graph.free
    if kind == "resize":
        names = tuple(SIZES)
        place = names.index(one.size)
        return names[max(place - 1, 0) : place] + names[place + 1 : place + 2]
    hidden = hidden_colours(graph.background)
    used = {other.colour for other in graph.things if other.shape == one.shape}
    return tuple(colour for colour in COLOURS if colour not in used and colour not in hidden)


def _drawn(rng: np.random.Generator, graph: Graph, kind: str, option: tuple[int, str]) -> GraphEdit:
    key, value = option
    if kind != "add":
        return GraphEdit(kind, key, value)
    used = {(one.shape, one.colour) for one in graph.things}
    hidden = hidden_colours(graph.background)
    looks = [(s, c) for s in SHAPES for c in COLOURS if c not in hidden and (s, c) not in used]
    shape, colour = looks[int(rng.integers(len(looks)))]
    pattern = PATTERNS[int(rng.integers(len(PATTERNS)))] if rng.random() < 0.5 else "plain"
    size = "medium" if rng.random() < 0.6 else str(rng.choice(["small", "big"]))
    x, y = CELLS[value]
    number = 1 + max((one.key for one in graph.things), default=-1)
    number = max(number, int(rng.integers(100, 2**31)))
    depth = min((one.depth for one in graph.things), default=1.0) / 2
    return GraphEdit(kind, number, value, Thing(number, shape, colour, pattern, size, x, y, depth))
