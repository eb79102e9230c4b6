"""What a model is taught: flow matching on the target of a row, and on nothing else.

The row is laid by `editing.compose`, as in use, and the same `Row.output` predicts; training cannot drift from use.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from refrain.attention import Dense, Spec
from refrain.editing.compose import Seen, Window, compose, see
from refrain.errors import BadInput, Unsupported
from refrain.flow import draw_times, noised, velocity_target
from refrain.models.change import saying
from refrain.models.protocols import Card, Codec
from refrain.models.wan.denoiser import WanDenoiser
from refrain.sequence import Sequence

USUAL = 3  # floors: about the power of the change of one thing, as a mean over the picture


@dataclass(frozen=True)
class Weighing:
    """How much of what a change lacks counts.

    What counts is its share of the change's own power: of a small thing as of a whole background. floor: above 0, added
    to the power, so that a change of nothing does not count without end. worth: [C], of each channel of the latents,
    what a unit of it is worth in squares of pixels (`LinearCodec.worth`); None: all the same.

    Under a change of more than `USUAL` floors, places that were to stay weigh more, as the square of how much more it
    is: a thing before a new background is a small share of all that changes, and no small fault. All this is meant for
    noise times near 1, where nothing of the change shows through the noise.
    """

    floor: float
    worth: Tensor | None = None

    def of(self, apart: Tensor, change: Tensor) -> Tensor:
        """Weighed: square errors `apart` of a change, both [B, C, T, Y, X]."""
        worth = 1.0 if self.worth is None else self.worth.to(apart)[:, None, None, None]  # [C, 1, 1, 1]
        power = (worth * change.square()).mean(1, keepdim=True)  # [B, 1, T, Y, X]
        whole = power.mean((1, 2, 3, 4), keepdim=True)  # [B, 1, 1, 1, 1]
        stays = power.maximum((USUAL * self.floor) ** 2 / whole)
        return (worth * apart * (whole / stays).clamp(min=1) / (whole + self.floor)).mean()


@dataclass(frozen=True)
class Batch:
    """Pairs of clips: frames [B, T, 3, Y, X] in [-1, 1], words [B, N, W], and the window of them that is learnt."""

    source: Tensor
    target: Tensor
    words: Tensor
    window: Window


@dataclass(frozen=True)
class Encoded:
    """Pairs as latents: a source as it was seen, the target clean [B, C, T, Y, X], words [B, N, W], the window learnt.

    ids: which pairs they are, so that a loss that is no number can be told by name.
    """

    seen: Seen
    clean: Tensor
    words: Tensor
    window: Window
    ids: tuple[str, ...] = ()

    def to(self, place: torch.device | str, dtype: torch.dtype | None = None) -> "Encoded":
        """The same pairs on another device, or in another dtype."""
        full, clean, words = (x.to(place, dtype) for x in (self.seen.full, self.clean, self.words))
        coarse = None if self.seen.coarse is None else self.seen.coarse.to(place, dtype)
        pictures = tuple(picture.to(place, dtype) for picture in self.seen.references)
        seen = replace(self.seen, full=full, coarse=coarse, references=pictures)
        return Encoded(seen, clean, words, self.window, self.ids)


def loss(
    denoiser: WanDenoiser, codec: Codec, batch: Batch, generator: torch.Generator, shift: float = 1.0, std: float = 1.0,
    spec: Spec = Dense(),
) -> Tensor:  # fmt: skip
    """`loss_of` what the codec makes of a batch of frames."""
    with torch.no_grad():
        seen, clean = see(codec, batch.source, denoiser.card), codec.encode(batch.target)
    return loss_of(denoiser, Encoded(seen, clean, batch.words, batch.window), generator, shift, std, spec)


def loss_of(
    denoiser: WanDenoiser, batch: Encoded, generator: torch.Generator, shift: float = 1.0, std: float = 1.0,
    spec: Spec = Dense(), still: bool = False,
) -> Tensor:  # fmt: skip
    """Mean square error of what the card says the network predicts, at logit-normal noise times (`draw_times`).

    A velocity is compared with noise - clean. A change is compared with clean - base and weighted so that the error is
    that of the network's own output, which has size one at every noise time (`models.change`). spec: the attention that
    is learnt with. still: nothing that learns touches clean tokens, so they are carried through the blocks without
    gradients, as in use; the loss is the same.
    """
    card, window = denoiser.card, batch.window
    latents = batch.clean[:, :, window.start : window.stop]
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    t = draw_times(generator, latents.shape[0], std=std, shift=shift).to(latents.device)
    row = denoiser.prepare(row_of(batch.words, batch.seen, window, card, batch.clean), spec, memory=still)
    output = row.output(noised(latents, noise, t), t)
    return wrong(output, latents, row.base(latents), noise, t, card)


def wrong(
    output: Tensor, clean: Tensor, base: Tensor, noise: Tensor, t: Tensor, card: Card, weighing: Weighing | None = None
) -> Tensor:  # fmt: skip
    """How wrong a target's output [B, C, T, Y, X] is, at noise times t [B], as `loss_of` says.

    weighing: of a change, instead of by its noise time. Raises Unsupported with it for a velocity, which is no change.
    """
    if card.prediction == "velocity":
        if weighing is not None:
            raise Unsupported("A velocity is no change and has no share of it missing; leave out the weighing.")
        return (output.float() - velocity_target(clean, noise)).square().mean()
    change = clean - base
    apart = (output.float() - change).square()  # [B, C, T, Y, X]
    if weighing is not None:
        return weighing.of(apart, change)
    return (apart.mean((1, 2, 3, 4)) / saying(t, card.spread).rest.square()).mean()


def row_of(words: Tensor, seen: Seen, window: Window, card: Card, clean: Tensor) -> Sequence:
    """The row as it stands in use when the windows before were answered perfectly."""
    if window.history > window.start:
        raise BadInput(f"A window that starts at latent {window.start} has no history of {window.history}.")
    history = clean[:, :, window.start - window.history : window.start] if window.history else None
    return compose(words, seen, window, card, history, beat=2 if window.history else 0)
