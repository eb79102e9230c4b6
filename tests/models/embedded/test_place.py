"""A token is told which edge is near: rotation says how far apart tokens are, and hardly more."""

import pytest
import torch

from refrain.editing.compose import Seen, Window, compose
from refrain.models.embedded.new import new_transformer
from refrain.models.wan.denoiser import Expert, WanDenoiser
from tiny_embedded import CARD


@pytest.mark.parametrize("told", [False, True])
@torch.no_grad()
def test_on_an_even_picture_places_differ_only_where_they_are_shown(told: bool) -> None:
    torch.manual_seed(0)
    net, clean = new_transformer(channels=4, text=8, width=64, layers=2)
    net.proj_out.reset_parameters()
    if not told:
        net.patch_embedding.weight[:, -2:] = 0
    even = torch.full((1, 4, 2, 8, 8), 0.3)
    row = compose(torch.randn(1, 3, 8), Seen(even, even[..., :4, :4]), Window(0, 2), CARD)
    velocity = WanDenoiser((Expert(net, clean),), CARD).prepare(row).velocity(even, 0.5)  # [1, 4, 2, 8, 8]
    parts = velocity.unflatten(4, (-1, 2)).unflatten(3, (-1, 2))  # [1, 4, 2, 4, 2, 4, 2], by patches
    spread = (parts - parts[:, :, :, :1, :, :1]).abs().amax()
    assert spread > 1 if told else spread < 0.1
