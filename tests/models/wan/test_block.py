"""Our walk through a block is diffusers' own forward, where all tokens are alike; where not, it is each run's own."""

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformerBlock
from torch import Tensor

from refrain.attention import Dense, Plan, attend
from refrain.models.wan.block import Run, walk, word_keys
from refrain.models.wan.rope import rotation
from refrain.sequence import RULES, Segment, Sequence, grid
from rows import some

WIDTH, HEADS = 24, 2


def make(cross_norm: bool) -> WanTransformerBlock:
    torch.manual_seed(0)
    return WanTransformerBlock(WIDTH, 48, HEADS, cross_attn_norm=cross_norm).eval()


def theirs(block: WanTransformerBlock, x: Tensor, states: Tensor, time: Tensor, places: Tensor) -> Tensor:
    tables = [part.repeat_interleave(2, dim=-1) for part in rotation(places, WIDTH // HEADS)]
    return block(x, states, time, tuple(tables))


def look(q: Tensor, k: Tensor, v: Tensor, _: Tensor) -> Tensor:
    row = Sequence([Segment("source", 0, torch.zeros(k.shape[1], 3))])
    return attend(q, k, v, Plan.of(row, RULES["full"]), Dense())


@pytest.mark.parametrize("cross_norm", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
@torch.no_grad()
def test_one_run_is_diffusers_block(cross_norm: bool, batch: int) -> None:
    block, places = make(cross_norm), grid(2, 3, 4)
    x, states = some(batch, 24, WIDTH), some(batch, 5, WIDTH, seed=1)
    time = some(batch, 6, WIDTH, seed=2)
    run = Run(0, 24, time, [word_keys(block, states)])
    ours = walk(block, 0, x, [run], rotation(places, WIDTH // HEADS), look)
    torch.testing.assert_close(ours, theirs(block, x, states, time, places), atol=1e-5, rtol=0)


@torch.no_grad()
def test_each_run_has_its_own_time() -> None:
    """diffusers can modulate every token by itself (Wan 2.2 TI2V): two runs are that, with two rows."""
    block, places = make(True), grid(2, 3, 4)
    x, states = some(1, 24, WIDTH), some(1, 5, WIDTH, seed=1)
    times = some(2, 1, 6, WIDTH, seed=2)
    keys = [word_keys(block, states)]
    runs = [Run(0, 10, times[0], keys), Run(10, 24, times[1], keys)]
    ours = walk(block, 0, x, runs, rotation(places, WIDTH // HEADS), look)
    each = torch.cat([times[0][:, None].expand(1, 10, 6, WIDTH), times[1][:, None].expand(1, 14, 6, WIDTH)], dim=1)
    torch.testing.assert_close(ours, theirs(block, x, states, each, places), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_run_hears_its_own_words_and_one_without_words_hears_none() -> None:
    block, places = make(True), grid(2, 3, 4)
    x, time = some(1, 24, WIDTH), some(1, 6, WIDTH, seed=2)
    a, b = ([word_keys(block, some(1, n, WIDTH, seed=n))] for n in (4, 5))
    by = rotation(places, WIDTH // HEADS)

    def heard(*words: list[tuple[Tensor, Tensor]] | None) -> Tensor:
        runs = [Run(12 * n, 12 * n + 12, time, one) for n, one in enumerate(words)]
        return walk(block, 0, x, runs, by, look)

    both = heard(a, b)
    assert torch.allclose(both[:, :12], heard(a, a)[:, :12], atol=1e-6)
    assert torch.allclose(both[:, 12:], heard(b, b)[:, 12:], atol=1e-6)
    assert not torch.allclose(both[:, 12:], heard(a, a)[:, 12:], atol=1e-3)
    silent = block.attn2.to_out[0]
    deaf = heard(None, a)
    silent.weight.zero_()
    silent.bias.zero_()
    torch.testing.assert_close(deaf[:, :12], heard(a, a)[:, :12], atol=1e-6, rtol=0)
