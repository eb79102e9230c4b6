"""A lesson of a story: every picture is a change of the last one, moved on as those before it moved.

In use the pictures before are those that were filmed or those that the model drew itself. Which way a story goes no
single picture tells, so its second picture is always the true one; the model's own stand from the third on.
"""

from dataclasses import replace

import torch

from refrain.editing.compose import Seen, see_coarsely
from refrain.editing.motion import moved_on
from refrain.editing.turns import Line
from refrain.models.protocols import Codec
from refrain.models.wan.denoiser import WanDenoiser

from .lesson import Lesson, TaughtTurn


@torch.no_grad()
def told_on(
    denoiser: WanDenoiser, codec: Codec, lesson: Lesson, generator: torch.Generator, own: bool = False
) -> Lesson:
    """The same questions, as they are asked in a story; the answers to learn are the true ones.

    own: from the third picture on they follow what the model drew, by one step of the solver from pure noise.
    """
    card, memory = denoiser.card, denoiser.card.rule != "full"
    turns: list[TaughtTurn] = []
    line, seen = Line.begin(lesson.source, card), [lesson.source.full]
    for number, turn in enumerate(lesson.turns, 1):
        base = moved_on(codec, seen) if card.moves_on else None
        taught = replace(turn, base=base)
        if own and number < len(lesson.turns):  # nobody sees the last answer
            question = line.ask(turn.words["picture"], "picture", seen[-1] if base is None else base, turn.references)
            if number > 1:
                row = denoiser.prepare(question.row, memory=memory)
                noise = torch.randn(seen[-1].shape, generator=generator).to(seen[-1])
                drawn = noise - row.velocity(noise, 1.0)
                coarse = None if lesson.source.coarse is None else see_coarsely(codec, codec.decode(drawn), card)
                taught = replace(taught, came=Seen(drawn, coarse))
            line = question.answered(taught.after)
        turns.append(taught)
        seen.append(taught.after.full)
    denoiser.forget()  # what is remembered is of weights that are about to change
    return replace(lesson, turns=tuple(turns))
