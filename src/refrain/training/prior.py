"""Prior preservation: what a LoRA was not taught, the model goes on answering as it did without it.

DreamBooth (Ruiz et al., arXiv 2208.12242, equation 2) learns pictures of the base beside its own. Here the base itself
is at hand: at some steps the clips are asked for something else, and what the base says, with its LoRA off, is the
truth. No picture is drawn for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from refrain.attention import Spec
from refrain.flow import draw_times, noised
from refrain.models.change import saying
from refrain.models.lora import bare
from refrain.models.protocols import TextEncoder
from refrain.models.wan.denoiser import WanDenoiser

from .objective import Encoded, row_of


@dataclass(frozen=True, eq=False)
class Prior:
    """What else is asked: words [N, L, W] of N requests, at this share of the steps."""

    words: Tensor
    share: float

    @staticmethod
    def of(said: Sequence[str], words: TextEncoder, share: float) -> "Prior | None":
        """Of these requests, as an encoder says them; None where there are none or the share is 0."""
        return Prior(words.encode(list(said)), share) if said and share else None

    def due(self, generator: torch.Generator) -> bool:
        """Whether this step is one of them; draws from the step's generator."""
        return float(torch.rand((), generator=generator)) < self.share

    def asked(self, batch: Encoded, generator: torch.Generator) -> Encoded:
        """The same clips, asked for something else, as if nothing had been changed yet."""
        which = torch.randint(len(self.words), (len(batch.words),), generator=generator)
        return replace(batch, words=self.words[which].to(batch.words), clean=batch.seen.full)


def kept(
    denoiser: WanDenoiser, batch: Encoded, generator: torch.Generator, shift: float, std: float, spec: Spec, still: bool
) -> Tensor:
    """Mean square distance between what is predicted with the LoRA and without it, weighted as `objective.wrong` is.

    Arguments as of `objective.loss_of`; batch: of `Prior.asked`.
    """
    card, window = denoiser.card, batch.window
    latents = batch.clean[:, :, window.start : window.stop]
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    t = draw_times(generator, latents.shape[0], std=std, shift=shift).to(latents.device)
    state, row = noised(latents, noise, t), row_of(batch.words, batch.seen, window, card, batch.clean)
    with torch.no_grad(), bare(denoiser.experts[0].transformer):
        wanted = denoiser.prepare(row, spec, memory=True).output(state, t)
    output = denoiser.prepare(row, spec, memory=still).output(state, t)
    apart = (output.float() - wanted.float()).square().mean(dim=(1, 2, 3, 4))  # [B]
    return (apart / saying(t, card.spread).rest.square() if card.prediction == "change" else apart).mean()
