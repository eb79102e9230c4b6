"""The line of turns that a model remembers: laid as turns are answered, laid again when a folder is opened.

What lies on the disk is enough: words, latents of states, of masks and of references. Nothing is predicted again.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor

from refrain.editing.chain import relaid
from refrain.editing.compose import Seen
from refrain.editing.turns import SAYING, Line, Task

from .state import State
from .turn import Tree, Turn

if TYPE_CHECKING:
    from refrain.editing.editor import Editor

DUMMY = "keep it as it is"  # what a dummy turn asks

Lines = dict[int, Line]
"""By turn, the line that ends with it."""


def serves(editor: "Editor", state: State) -> bool:
    """Whether turns are asked as a line: the checkpoint knows of several, and a clip fits into one of its windows.

    A longer clip is edited from the state before it, without the turns before that.
    """
    return bool(editor.card.turns) and state.full.shape[2] <= editor.card.window


def begun(tree: Tree, seen: Seen, editor: "Editor") -> Line:
    """The line that begins with this source; where the session has a dummy turn, with that behind it."""
    line = Line.begin(seen, editor.card)
    if not tree.turns[0].record.get("dummy"):
        return line
    return line.ask(editor.words.encode([DUMMY]), "picture", seen.full).answered(seen)


def told(line: Line, shown: Sequence[Seen], words: str, editor: "Editor") -> Line:
    """A line that began with the first of these pictures, as if these words had been asked and the others had come."""
    said = editor.words.encode([words])
    for last, one in pairwise(shown):
        line = line.ask(said, "picture", last.full).answered(one)
    return line


def line_of(
    tree: Tree, number: int, editor: "Editor", held: Lines, states: Callable[[Turn], State],
    pictures: Callable[[Turn], tuple[Tensor, ...]], filmed: Callable[[Turn], tuple[Seen, ...]],
) -> Line:  # fmt: skip
    """The line that ends with a turn; `held` keeps what was laid.

    states, pictures: the latents of a turn, and of its references. filmed: the frames that its story goes on from.
    """
    turn = tree.turn(number)
    if number not in held:
        asked, state = turn.record.get("asked", {}), states(turn)
        seen = state.seen((), editor.device)
        if turn.parent is None or asked.get("frame") is not None:
            shown = (*filmed(turn), seen)
            held[number] = told(begun(tree, shown[0], editor), shown, turn.words, editor)
        else:
            before = line_of(tree, turn.parent, editor, held, states, pictures, filmed)
            found: dict[Task, Seen] = {"picture": seen}
            found |= {task: Seen(mask.to(editor.device), None) for task, mask in state.masks.items()}
            said: dict[Task, Tensor] = {task: editor.words.encode([SAYING[task].format(turn.words)]) for task in found}
            held[number] = relaid(before, said, found, pictures(turn))
    return held[number]
