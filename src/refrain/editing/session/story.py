"""What a story goes on from: its pictures so far, drawn in the session or filmed."""

from collections.abc import Callable

from refrain.editing.motion import FOLLOWED

from .state import State
from .turn import Tree, Turn


def shown(
    tree: Tree, turn: Turn, frame: int | None, seen: Callable[[Turn, int | None], State], most: int = FOLLOWED
) -> list[State]:
    """The last pictures of a story that stands on a turn, or on a frame of its clip; at most so many, oldest first.

    seen: the latents of a turn, or of one frame of it.
    """
    if frame is not None:
        return [seen(turn, number) for number in range(max(0, frame + 1 - most), frame + 1)]
    asked, before = turn.record.get("asked", {}), list[State]()
    if turn.parent is not None and asked.get("story") and most > 1:
        before = shown(tree, tree.turn(turn.parent), asked["frame"], seen, most - 1)
    return [*before, seen(turn, None)]
