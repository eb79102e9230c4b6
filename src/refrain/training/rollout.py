"""A lesson as it would have gone had the model answered it: later turns meet what it drew itself, not the truth.

In use a turn edits the answer of the turn before, whose faults no true picture has. A model that learnt from true
pictures alone has never seen one (exposure bias: Bengio et al., arXiv 1506.03099; Huang et al., Self Forcing, arXiv
2506.08009). What is asked for is learnt from the truth all the same; the rest is to stay as it came, faults and all:
change what was asked, refrain from the rest.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from refrain.editing.compose import Seen, see_coarsely
from refrain.editing.cutout import MOST, colour_map, cut_out, is_look
from refrain.editing.matte import latent_matte, matte_of
from refrain.editing.turns import Line
from refrain.models.protocols import Codec
from refrain.models.wan.denoiser import WanDenoiser

from .lesson import Lesson, TaughtTurn

TOUCHED = 0.05  # by how much a latent of the true pictures differs, before and after, where a turn was to change it
VISIBLE = 0.1  # the same of a pixel, of 2 from black to white
GRADED = 0.015  # share of a true change that colours alone leave unexplained, up to which it is a look
FAINT = 0.05  # a fault of this size, of 2 from black to white, is put right by a look unseen
SMEAR, PLACE = 0.07, 0.12  # sides of the squares, of the shorter side, over which a fault is smeared, and is seen


@torch.no_grad()
def rolled_out(denoiser: WanDenoiser, codec: Codec, lesson: Lesson, generator: torch.Generator) -> Lesson:
    """The same questions, each asked of what the model answered to those before.

    It answers by one step of the solver from pure noise, without masks, and preserve puts back what it left alone, as
    in use. What the turn was to change is learnt from the truth (`asked_of`).
    """
    turns: list[TaughtTurn] = []
    memory = denoiser.card.rule != "full"
    line, true, stood = Line.begin(lesson.source, denoiser.card), lesson.source.full, lesson.source.full
    for number, turn in enumerate(lesson.turns, 1):
        wanted = turn.found["picture"].full
        taught = replace(turn, found={**turn.found, "picture": Seen(asked_of(codec, wanted, true, stood), None)})
        if number < len(lesson.turns):  # nobody sees the last answer
            question = line.ask(turn.words["picture"], "picture", stood, turn.references)
            row = denoiser.prepare(question.row, memory=memory)
            noise = torch.randn(stood.shape, generator=generator).to(stood)
            stood = preserved(codec, stood, noise - row.velocity(noise, 1.0))
            coarse = lesson.source.coarse
            came = Seen(stood, None if coarse is None else see_coarsely(codec, codec.decode(stood), denoiser.card))
            line, taught = question.answered(came), replace(taught, came=came)
        turns.append(taught)
        true = wanted
    denoiser.forget()  # what is remembered is of weights that are about to change
    return replace(lesson, turns=tuple(turns))


def asked_of(codec: Codec, wanted: Tensor, true: Tensor, stood: Tensor) -> Tensor:
    """What a turn is to make of what stood: of the truth what changes there, elsewhere what stood; all [B, C, T, Y, X].

    wanted, true: the true picture after the turn and before it. Whole latents change around a thing, so that what was
    drawn of it beyond its edge goes with it. Behind things pixels change: a latent is as large as half a thing, and
    what stands before a new background is to stay as it stood, with soft edges if it had any. A look changes all, and
    is one of what stood (`under_look`).
    """
    touched = (wanted - true).abs().amax(1, keepdim=True) > TOUCHED  # [B, 1, T, Y, X]
    whole = torch.where(touched, wanted, stood)
    after, before, now, drawn = (codec.decode(x) for x in (wanted, true, stood, whole))  # [B, t, 3, y, x]
    apart = after - before
    changed = apart.abs().amax(2, keepdim=True) > VISIBLE  # [B, t, 1, y, x]
    # what changes too little to be told from the codec's loss is changed all the same, on what stood; and what stays as
    # it was drawn does not pass through the codec once more, which would cost it its finest detail
    exact = whole + codec.encode(torch.where(changed, drawn, now + apart)) - codec.encode(drawn)
    behind = changed.float().mean((1, 2, 3, 4)) > MOST  # [B]
    asked = torch.where(behind[:, None, None, None, None], exact, whole)
    for n in behind.nonzero().flatten().tolist():
        look = under_look(after[n], before[n], now[n])
        if look is not None:
            asked[n] = wanted[n] + (codec.encode(look[None]) - codec.encode(after[n : n + 1]))[0]
    return asked


def under_look(after: Tensor, before: Tensor, now: Tensor) -> Tensor | None:
    """`now` under the look that is all the difference between `before` and `after`; all [T, 3, y, x]. None: it is more.

    A look is a map of colours, from the one to the other or back. The faults of `now` stay under it, for they are no
    matter of looks, but for those that nobody would miss: drawn a shade too dark, a thing has another colour in grey.
    """
    if not is_look(before, after, GRADED):
        return None
    there, _ = colour_map(before, after)
    fault = torch.einsum("tcyx,cd->tdyx", (now - before).double(), there).to(after)
    short = min(after.shape[2:])
    seen = smeared(smeared(smeared(fault, SMEAR * short), SMEAR * short).square().mean(1, keepdim=True), PLACE * short)
    faint = FAINT / seen.sqrt().clamp(min=FAINT)  # [T, 1, y, x]: 1 where it is not seen
    return after + fault * (1 - faint)


def smeared(picture: Tensor, side: float) -> Tensor:
    """Means over squares of about this many pixels: [T, C, y, x]."""
    reach = round(side / 2)
    return avg_pool2d(picture.float(), 2 * reach + 1, 1, reach, count_include_pad=False)


def preserved(codec: Codec, before: Tensor, after: Tensor) -> Tensor:
    """Latents [B, C, T, Y, X] after a turn, as in use: what stands before a new background is cut out, and where the
    turn left the picture alone, as its matte says, are those before."""
    grid = (after.shape[2], after.shape[3], after.shape[4])
    done: list[Tensor] = []
    for old, new in zip(before.split(1), after.split(1), strict=True):
        was = codec.decode(old)[0]
        new, now = cut_out(codec, new, was, codec.decode(new)[0])
        matte = matte_of(was.float(), now.float()).cpu()  # [T, 1, y, x]
        changed = latent_matte(matte, grid, codec.pixels_per_latent, codec.frames_per_latent)
        done.append(torch.where(changed.to(after.device), new, old))
    return torch.cat(done)
