"""What is remembered gives the same velocity, to rounding, as computing the whole row anew at every step."""

import itertools

import pytest
import torch

from refrain.attention import Dense, Isa, Spec
from refrain.flow import euler, guided, times
from refrain.sequence import Sequence
from rows import denoiser, latents, one_turn, second_turn, some

CASES = list(itertools.product(("isolated", "block_causal"), ("prompt", "empty", "none"), (one_turn, second_turn)))
SPARSE = {
    "budget": Isa(keep=1 / 4, tile=(1, 1, 2)),
    "apart": Isa(keep=(1 / 2, 1 / 8), tile=(1, 2, 1)),
    "threshold": Isa(keep=1 / 2, tile=2, routing="threshold", mass=0.5),
    "sharpness": Isa.published(),
    "sharpness, small tiles": Isa(
        keep=1 / 4, tile=2, routing="sharpness", dense_share=1 / 2, context=1 / 2, drop_context=True
    ),
    "first order": Isa(keep=1 / 4, tile=(1, 1, 2), order=1),
    "by head": Isa(tile=2, budgets=((0.25, 0.5), (0.0, 1.0))),
    "dense first": Isa(keep=1 / 4, tile=2, dense_layers=1),
    "dense while noisy": Isa(keep=1 / 4, tile=2, order=1, dense_time=0.5),
}


def velocities(
    memory: bool, row: Sequence, experts: int = 1, offload: bool = False, spec: Spec = Dense(), **facts: object
) -> torch.Tensor:
    prepared = denoiser(experts, **facts).prepare(row, spec, memory, offload)
    return torch.stack([prepared.velocity(latents(n), t) for n, t in enumerate((1.0, 0.6, 0.3, 0.9))])


@pytest.mark.parametrize(("rule", "words", "row"), CASES)
@pytest.mark.parametrize("experts", [1, 2])
@torch.no_grad()
def test_with_and_without_memory(rule: str, words: str, row, experts: int) -> None:
    on, off = (velocities(memory, row(), experts, rule=rule, context_words=words) for memory in (True, False))
    assert off.std() > 0.1
    torch.testing.assert_close(on, off, atol=2e-6, rtol=0)


@pytest.mark.parametrize("rule", ["isolated", "block_causal"])
@pytest.mark.parametrize("row", [one_turn, second_turn])
@pytest.mark.parametrize("sort", SPARSE)
@torch.no_grad()
def test_with_sparse_attention(rule: str, row, sort: str) -> None:
    """Clean segments choose and are met as if nothing were noisy, at every noise time of the target."""
    on, off = (velocities(memory, row(), 1, spec=SPARSE[sort], rule=rule) for memory in (True, False))
    torch.testing.assert_close(on, off, atol=2e-6, rtol=0)
    dense = velocities(True, row(), 1, rule=rule)
    assert (on - dense).abs().max() > 1e-5  # else nothing was sparse


@pytest.mark.parametrize("spec", [Dense(), SPARSE["first order"]])
@torch.no_grad()
def test_put_aside_on_the_cpu(spec: Spec) -> None:
    here, aside = (velocities(True, second_turn(), offload=offload, spec=spec) for offload in (False, True))
    assert torch.equal(here, aside)


@pytest.mark.parametrize("words", ["prompt", "empty", "none"])
@torch.no_grad()
def test_under_guidance(words: str) -> None:
    def run(memory: bool) -> torch.Tensor:
        wan, row = denoiser(context_words=words, rule="block_causal"), second_turn()
        asked, unasked = (wan.prepare(r, memory=memory) for r in (row, row.reworded(some(1, 3, 32, seed=7))))
        return euler(guided(asked.velocity, unasked.velocity, 3.0), latents(5), times(4))

    torch.testing.assert_close(run(True), run(False), atol=2e-5, rtol=0)


@torch.no_grad()
def test_in_half_precision_the_difference_is_rounding() -> None:
    def run(memory: bool) -> torch.Tensor:
        wan = denoiser()
        wan.experts[0].transformer.bfloat16()
        return wan.prepare(one_turn(), memory=memory).velocity(latents(5), 0.5)

    torch.testing.assert_close(run(True), run(False), atol=3e-2, rtol=0)


def test_what_training_predicts_is_what_use_predicts() -> None:
    """Training computes the row with gradients and without memory; use computes it with memory and no gradients."""
    wan = denoiser(prediction="change", spread=0.5, context_words="none")
    taught = wan.prepare(one_turn(), memory=False).velocity(latents(5), torch.tensor([0.4]))
    assert taught.requires_grad
    with torch.no_grad():
        used = wan.prepare(one_turn(), memory=True).velocity(latents(5), 0.4)
    torch.testing.assert_close(used, taught.detach(), atol=2e-6, rtol=0)
