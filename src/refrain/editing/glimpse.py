"""A look at what is being drawn, before it is done."""

import torch
from torch import Tensor

from refrain.models.protocols import Codec

from .solve import Clean


@torch.no_grad()
def glimpse(codec: Codec, clean: Clean, first: bool = True) -> Tensor:
    """Frames [n, 3, y, x] in [-1, 1] of what `clean` would come to: those of its middle latent frame alone.

    first: the latents begin the clip; otherwise they go on from latents before them.
    """
    latents = clean()
    middle = latents.shape[2] // 2
    return codec.decode(latents[:, :, middle : middle + 1], first and middle == 0)[0].float().cpu()
