"""One turn of a session: perhaps where, then how it will lie, then the picture; each is laid clean before the next.

Chain-of-editing of VINCIE (arXiv 2506.10941, Table 3: current mask, next mask, image). A mask is a picture, white where
something changes.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from .compose import Seen, Window, spots_of
from .glimpse import teller
from .motion import moved_on
from .regions import apart, joined
from .request import OnProgress
from .solve import Solver
from .turns import SAYING, Line, Question, Task

if TYPE_CHECKING:
    from .editor import Editor

CHAIN: tuple[Task, ...] = ("here", "there")
REACH = 0.01  # of the shorter side: how far a bound reaches beyond masks, whose edge is never certain


@dataclass(frozen=True, eq=False)
class InLine:
    """A turn that is asked in a line: what stands before it, and how it is asked.

    line:    all that came before. chain: predict both masks first.
    here:    a mask [T or 1, 1, Y, X] of where it changes, from the user, in place of a predicted one.
    within:  change nothing outside the masks.
    story:   of a story, the latents of its pictures before the one that stands.
    """

    line: Line
    chain: bool = False
    here: Tensor | None = None
    within: bool = False
    story: tuple[Tensor, ...] = ()


Masks = dict[Task, tuple[Tensor, Tensor]]
"""Of each mask its latents [1, C, T, Y, X], and the mask as a picture [T, 1, y, x] in 0..1 at the model's size."""


@dataclass(frozen=True, eq=False)
class Chained:
    """What a turn predicted: the question that asked for the picture, its latents [1, C, T, Y, X], and the masks."""

    question: Question
    latents: Tensor
    masks: Masks


def chain(
    instruction: str, seen: Seen, editor: "Editor", turn: InLine, words: tuple[Tensor, Tensor], solve: Solver,
    on_progress: OnProgress,
) -> Chained:  # fmt: skip
    """Predict what a turn asks for. words: states of the instruction and of the empty prompt."""
    line, masks = foreseen(instruction, seen, editor, turn, words[1], solve, on_progress)
    base = moved_on(editor.codec, (*turn.story, seen.full)) if editor.card.moves_on else seen.full
    question = line.ask(words[0], "picture", base, seen.references)
    whole, noise, parts = Window(0, seen.full.shape[2]), solve.noise(seen.full), apart(seen.spots)
    each: list[Tensor] = []
    for n, part in enumerate(parts):
        spots = (spots_of(part.spots, whole), spots_of(part.spots, whole, asked=False))
        tell = teller(on_progress, editor.codec, len(masks) * len(parts) + n, (len(masks) + 1) * len(parts))
        each.append(solve(question.row, words[1], noise, tell, spots))
    return Chained(question, joined(parts, each), masks)


def foreseen(
    instruction: str,
    seen: Seen,
    editor: "Editor",
    turn: InLine,
    unasked: Tensor,
    solve: Solver,
    on_progress: OnProgress,
) -> tuple[Line, Masks]:
    """Where the picture will change, and how the change will lie: the line with both laid, and the masks.

    Without a chain, the line as it was. unasked: states of the empty prompt.
    """
    line, masks = turn.line, Masks()
    for number, task in enumerate(CHAIN if turn.chain or turn.here is not None else (), 1):
        question = line.ask(editor.words.encode([SAYING[task].format(instruction)]), task)
        if task == "here" and turn.here is not None:
            latents = drawn(turn.here, seen, editor)
        else:
            tell = teller(on_progress, editor.codec, number - 1, len(CHAIN) + 1)
            latents = solve(question.row, unasked, solve.noise(seen.full, number), tell)
        masks[task] = latents, picture(latents, editor)
        line = question.answered(Seen(latents, None))
    return line, masks


def drawn(mask: Tensor, seen: Seen, editor: "Editor") -> Tensor:
    """The latents of a mask [T or 1, 1, Y, X] in 0..1 that the user gives."""
    _, _, frames, rows, columns = seen.full.shape
    size = (rows * editor.codec.pixels_per_latent, columns * editor.codec.pixels_per_latent)
    grey = F.interpolate(mask.float(), size, mode="area") * 2 - 1  # [T or 1, 1, y, x]
    count = (frames - 1) * editor.codec.frames_per_latent + 1
    grey = torch.cat([grey, grey[-1:].expand(count, -1, -1, -1)])[:count]
    return editor.codec.encode(grey.expand(-1, 3, -1, -1)[None].to(editor.device))


def picture(latents: Tensor, editor: "Editor") -> Tensor:
    """A mask's latents as a picture [T, 1, y, x] in 0..1."""
    return (editor.codec.decode(latents)[0].mean(dim=1, keepdim=True) / 2 + 0.5).float().cpu()


def within(chained: Chained, bound: Tensor | None, frames: int, size: tuple[int, int]) -> Tensor | None:
    """The bound [T, 1, Y, X] of a change: where the masks say, and where the user allows it."""
    if not chained.masks:
        return bound
    union = torch.stack([shown for _, shown in chained.masks.values()]).amax(0)[:frames]  # [T, 1, y, x]
    reach = max(1, round(REACH * min(union.shape[-2:])))
    wide = F.max_pool2d((union > 0.5).float(), 2 * reach + 1, stride=1, padding=reach)
    wide = F.interpolate(wide, size, mode="bilinear", align_corners=False)
    return wide if bound is None else wide * bound


def relaid(line: Line, words: dict[Task, Tensor], found: dict[Task, Seen], references: tuple[Tensor, ...]) -> Line:
    """The line after a turn that was answered before: what was found is laid, and nothing predicted."""
    for task in (*CHAIN, "picture"):
        if task in found:
            question = line.ask(words[task], task, references=references if task == "picture" else ())
            line = question.answered(found[task])
    return line
