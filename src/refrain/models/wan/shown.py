"""What a card shows the network of its target, the state or the change in it; and the change that it then tells of."""

import torch
from torch import Tensor

from refrain.models.change import saying
from refrain.models.protocols import Card


def shown(x: Tensor, t: Tensor, base: Tensor, card: Card) -> Tensor:
    """The state of the change alone, (1 - t) change + t noise, at size one, and the base, on the channels."""
    time = column(t, x)
    parts = [saying(time, card.spread).show * (x - (1 - time) * base), base]
    return torch.cat([*parts, _place(x)] if card.shows_place else parts, dim=1)  # [B, 2 C or 2 C + 2, T, Y, X]


def told(output: Tensor, x: Tensor, t: Tensor, base: Tensor, card: Card) -> Tensor:
    """The change [B, C, T, Y, X] that the network's output tells of, at noise times t [B]."""
    time = column(t, x)
    how = saying(time, card.spread)
    return how.keep * (x - (1 - time) * base) + how.rest * output.to(x.dtype)


def column(t: float | Tensor, x: Tensor) -> Tensor:
    """Noise time, shaped to multiply latents x [B, C, T, Y, X]."""
    return torch.as_tensor(t, dtype=x.dtype, device=x.device).reshape(-1, 1, 1, 1, 1)


def _place(x: Tensor) -> Tensor:
    """Where on the picture each latent of x [B, C, T, Y, X] lies: [B, 2, T, Y, X], its row and its column in -1..1."""
    rows, columns = (torch.linspace(1 / n - 1, 1 - 1 / n, n, dtype=x.dtype, device=x.device) for n in x.shape[3:])
    place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))  # [2, Y, X]
    return place[None, :, None].expand(x.shape[0], -1, x.shape[2], -1, -1)
