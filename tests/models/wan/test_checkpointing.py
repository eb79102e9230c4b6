"""Blocks that are computed again for their gradients: the very gradients, from far less that is kept."""

import pytest
import torch
from torch import Tensor

from editing.test_compose import Means
from refrain.attention import Dense, Isa, Spec
from refrain.training.objective import loss
from training.test_objective import WINDOWS, batch, make


def learnt(checkpointing: bool, spec: Spec, half: bool = False) -> tuple[dict[str, Tensor], int]:
    """Gradients by name, and the bytes that were kept for them."""
    wan = make()
    wan.checkpointing = checkpointing
    kept: dict[int, Tensor] = {}  # by its place in memory; held, so that no place is used twice

    def note(x: Tensor) -> Tensor:
        kept[x.untyped_storage().data_ptr()] = x
        return x

    autocast = torch.autocast("cpu", torch.bfloat16, enabled=half)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x), autocast:
        wrong = loss(wan, Means(), batch(WINDOWS[1]), torch.Generator().manual_seed(7), spec=spec)
    size = sum(x.untyped_storage().nbytes() for x in kept.values())
    wrong.backward()
    named = wan.experts[0].transformer.named_parameters()
    return {name: p.grad for name, p in named if p.grad is not None}, size


@pytest.mark.parametrize("spec", [Dense(), Isa(keep=1 / 4, tile=2)])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.filterwarnings("ignore:Mismatch dtype")  # torch: a norm of bf16 tokens with fp32 weights
def test_gradients_are_those_without_it_and_less_is_kept(spec: Spec, half: bool) -> None:
    (ours, less), (plain, more) = (learnt(checkpointing, spec, half) for checkpointing in (True, False))
    assert ours.keys() == plain.keys() and len(ours) > 20
    assert all(torch.equal(grad, plain[name]) for name, grad in ours.items())
    assert less < more / 2
