"""Rotary embedding from float positions. On integers it equals the table of diffusers' `WanRotaryPosEmbed`."""

import torch
from torch import Tensor

Rotation = tuple[Tensor, Tensor]


def rotation(positions: Tensor, width: int, theta: float = 10000.0) -> Rotation:
    """cos and sin, each [1, L, 1, D / 2], of positions [L, 3] for heads of width D.

    The pairs of a head are split among (t, y, x) as Wan has them: y and x get 2 * (D // 6) channels each, t the rest
    (44, 42, 42 at D = 128). Angles are computed in float64 on the CPU, so that coarse halves lose nothing.
    """
    side = 2 * (width // 6)
    where = positions.double().cpu()
    angles = [
        where[:, axis, None] * theta ** -(torch.arange(0, part, 2, dtype=torch.float64) / part)
        for axis, part in enumerate((width - 2 * side, side, side))
    ]
    angle = torch.cat(angles, dim=1)[None, :, None]  # [1, L, 1, D / 2]
    device = positions.device
    return angle.cos().float().to(device), angle.sin().float().to(device)


def rotate(x: Tensor, by: Rotation) -> Tensor:
    """Rotate neighbouring channels of x [B, L, H, D] as pairs."""
    cos, sin = by
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)  # [B, L, H, D / 2] each
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2).type_as(x)
