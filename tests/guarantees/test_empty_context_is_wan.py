"""A row with only a target is WanTransformer3DModel.forward, on weights saved and loaded as a diffusers folder."""

from pathlib import Path

import pytest
import torch

from refrain.models.protocols import Card
from refrain.models.wan.denoiser import Expert, WanDenoiser
from refrain.models.wan.load import read_module
from refrain.sequence import RULES, Segment, Sequence, grid
from rows import some
from tiny import tiny_transformer


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
@pytest.mark.parametrize("memory", [True, False])
@torch.no_grad()
def test_a_target_alone_is_wan(dtype: torch.dtype, most: float, memory: bool, tmp_path: Path) -> None:
    made = tiny_transformer()
    made.save_pretrained(tmp_path)
    net = read_module(type(made), tmp_path, dtype)
    for (t, y, x), time, rule in zip([(1, 2, 2), (3, 6, 10), (5, 4, 6)], [1.0, 0.437, 0.0], RULES):
        noisy, states = some(2, 16, t, y, x, seed=t), some(2, 7, 32, seed=y).to(dtype)
        words = Segment("text", 0, grid(7, 1, 1), content=states)
        row = Sequence([words, Segment("target", 0, grid(t, y // 2, x // 2))])
        denoiser = WanDenoiser((Expert(net, net.patch_embedding),), Card(rule=rule))
        ours = denoiser.prepare(row, memory=memory).velocity(noisy, time)
        times = torch.full((2,), 1000 * time)
        theirs = net(noisy.to(dtype), times, states, return_dict=False)[0].float()
        assert theirs.std() > 0.1
        assert (ours - theirs).abs().max() <= most
