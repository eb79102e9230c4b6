"""Where a turn would change its picture, and how the change would lie: predicted, and nothing asked."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from refrain.editing.chain import InLine, foreseen
from refrain.editing.compose import Seen
from refrain.editing.editor import Editor
from refrain.editing.request import Edit, OnProgress, require_understood
from refrain.editing.solve import Solver
from refrain.editing.turns import Task
from refrain.editing.walk import walk_of


@dataclass(frozen=True, eq=False)
class Where:
    """Masks [T, 1, Y, X] in 0..1, of the size and length of what would be edited.

    here: where the picture that stands changes. there: how the change lies afterwards.
    """

    here: Tensor
    there: Tensor


@torch.no_grad()
def where(request: Edit, seen: Seen, editor: Editor, turn: InLine, on_progress: OnProgress) -> Where:
    """The masks that a turn with a chain would predict from the same seed before its picture."""
    require_understood(request.instruction, editor.card, editor.vocabulary)
    clip, walk = request.source, walk_of(request, editor.card)
    solve = Solver(editor.denoiser, editor.card, walk, editor.attention, editor.offload)
    _, masks = foreseen(request.instruction, seen, editor, turn, editor.words.encode([""]), solve, on_progress)

    def shown(task: Task) -> Tensor:
        return F.interpolate(masks[task][1][: len(clip)], clip.size, mode="bilinear", align_corners=False).clamp(0, 1)

    return Where(shown("here"), shown("there"))
