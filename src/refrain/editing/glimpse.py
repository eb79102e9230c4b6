"""A look at what is being drawn, before it is done."""

from functools import partial

import torch
from torch import Tensor

from refrain.models.protocols import Codec

from .request import OnProgress, Progress
from .solve import Clean, Tell


def teller(on_progress: OnProgress, codec: Codec | None, number: int, count: int, first: bool = True) -> Tell:
    """Tells of the steps of row `number` of `count`. codec: so that what is drawn can be looked at.

    first: the row begins the clip.
    """

    def tell(done: int, total: int, clean: Clean) -> None:
        look = None if codec is None else partial(glimpse, codec, clean, first)
        on_progress(Progress("denoise", number * total + done, count * total, look))

    return tell


@torch.no_grad()
def glimpse(codec: Codec, clean: Clean, first: bool = True) -> Tensor:
    """Frames [n, 3, y, x] in [-1, 1] of what `clean` would come to: those of its middle latent frame alone.

    first: the latents begin the clip; otherwise they go on from latents before them.
    """
    latents = clean()
    middle = latents.shape[2] // 2
    return codec.decode(latents[:, :, middle : middle + 1], first and middle == 0)[0].float().cpu()
