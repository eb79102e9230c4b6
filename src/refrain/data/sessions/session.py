"""Rendered sessions: a source and several turns, with words, exact answers and exact masks, all from one number.

The same seed gives the same session; pictures are rendered when they are looked at, and then kept.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refrain.data.sessions.graph import Graph, draw_graph
from refrain.data.sessions.render import Rendered, render
from refrain.data.sessions.turns import COLOURLESS, KINDS, GraphEdit, applied, changed_masks, draw_turn
from refrain.data.sessions.wording import caption, instruction, inverse
from refrain.errors import BadInput


@dataclass(frozen=True)
class State:
    """What a session looks like at one moment of its making: a graph at a size and length."""

    graph: Graph
    size: tuple[int, int]  # rows, columns
    length: int  # frames, 1 for a picture

    @cached_property
    def rendered(self) -> Rendered:
        """Frames uint8 [T, Y, X, 3] and, by the key of each object, masks float32 [T, Y, X]."""
        return render(self.graph, self.size, range(self.length))

    @property
    def frames(self) -> np.ndarray:
        """uint8 [T, Y, X, 3], RGB."""
        return self.rendered.frames


@dataclass(frozen=True)
class RenderedTurn:
    """One turn: what is asked, and the truth. Frame numbers run alike in all turns of a session."""

    turn: GraphEdit  # what changes
    instruction: str  # the request
    inverse: str  # a request for the way back; may speak of the history ("bring the red ball back")
    caption: str  # what is seen afterwards
    before: State
    after: State

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return self.turn.kind

    @property
    def frames(self) -> np.ndarray:
        """The true answer: uint8 [T, Y, X, 3]."""
        return self.after.frames

    @property
    def mask_now(self) -> np.ndarray:
        """Current segmentation: where the picture before is edited, float32 [T, Y, X]; an added object's place."""
        return self._masks[0]

    @property
    def mask_next(self) -> np.ndarray:
        """Next segmentation: what the edited thing covers afterwards, float32 [T, Y, X]; 0 where it is gone."""
        return self._masks[1]

    @property
    def changed(self) -> np.ndarray:
        """Where the frames may differ at all: bool [T, Y, X]; outside they are equal to the bit."""
        return (self.mask_now > 0) | (self.mask_next > 0)

    @cached_property
    def _masks(self) -> tuple[np.ndarray, np.ndarray]:
        seen = (self.before.rendered.masks, self.after.rendered.masks)
        return changed_masks(self.before.graph, self.after.graph, self.turn, seen)


@dataclass(frozen=True)
class RenderedSession:
    """A source and its turns, each of which edits the state that the turn before left."""

    seed: int
    source: State
    turns: tuple[RenderedTurn, ...]

    @property
    def frames(self) -> np.ndarray:
        """The source: uint8 [T, Y, X, 3]."""
        return self.source.frames


def draw_session(
    seed: int, turns: int, size: tuple[int, int], length: int = 1, kinds: tuple[str, ...] = KINDS
) -> RenderedSession:
    """Session number `seed`, of `turns` turns, at `size` = (rows, columns), `length` frames (1: a picture).

    Kinds of turn take turns: no kind comes again before most others were asked. Words and edits depend on the seed
    alone, not on size or length; more turns continue fewer. kinds: those of `KINDS` that are asked for, as far as they
    can be. Raises BadInput for sizes below 32 pixels.
    """
    if min(size) < 32 or length < 1 or turns < 0:
        raise BadInput(f"A session has frames of 32 pixels or more, not {turns} turns of {length} frames of {size}.")
    rng = np.random.default_rng((seed, 233))
    state = State(draw_graph(seed), size, length)
    source, made, waiting = state, [], list[str]()
    while len(made) < turns:
        waiting += [str(kind) for kind in rng.permutation(kinds) if kind not in waiting]
        wanted = list(waiting)
        if state.graph.look in COLOURLESS and rng.random() < 0.6:
            wanted = ["restyle", *wanted]
        turn = draw_turn(rng, state.graph, tuple(dict.fromkeys((*wanted, *KINDS))))
        if turn is None:
            raise AssertionError(f"session {seed} has no turn after {len(made)}")
        if turn.kind in waiting:
            waiting.remove(turn.kind)
        after = State(applied(state.graph, turn), size, length)
        asked = instruction(rng, state.graph, turn)
        made.append(RenderedTurn(turn, asked, inverse(rng, state.graph, turn), caption(rng, after.graph), state, after))
        state = after
    return RenderedSession(seed, source, tuple(made))


def shown(mask: np.ndarray) -> np.ndarray:
    """A mask [T, Y, X] in 0..1 as a picture, grey uint8 [T, Y, X, 3], white where it is 1."""
    return np.repeat(np.round(mask.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=-1)
