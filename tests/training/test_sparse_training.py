"""What is learnt through sparse attention: gradients are those of the reference, and reach what they should."""

import pytest
import torch
from peft import LoraConfig

from editing.test_compose import Means
from refrain.attention import Dense, Isa, Spec
from refrain.training.objective import loss
from training.test_objective import WINDOWS, batch, drawn, make

LORA = LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v", "to_out.0"])
SORTS = {
    "budget": Isa(keep=1 / 4, tile=2),
    "first order": Isa(keep=1 / 4, tile=(1, 1, 2), order=1),
    "published": Isa.published(),
    "dense for one of two examples": Isa(keep=1 / 4, tile=2, dense_time=float(drawn(WINDOWS[0])[3].mean())),
}


def gradients(spec: Spec, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The loss, and its gradients by every number of a LoRA."""
    wan = make()
    one = wan.experts[0]
    torch.manual_seed(0)
    one.transformer.requires_grad_(False).add_adapter(LORA)
    one.transformer.to(dtype)
    one.clean_embedding.to(dtype)
    found = loss(wan, Means(), batch(WINDOWS[0]), torch.Generator().manual_seed(7), spec=spec)
    found.backward()
    return found.detach(), {
        name: weight.grad for name, weight in one.transformer.named_parameters() if weight.grad is not None
    }


@pytest.mark.parametrize("sort", SORTS)
def test_a_lora_gets_the_gradients_of_the_reference(sort: str) -> None:
    spec = SORTS[sort]
    kernels = (Isa(**{**vars(spec), "kernel": kernel}) for kernel in ("gather", "reference"))
    (cost, ours), (expected, theirs) = map(gradients, kernels)
    torch.testing.assert_close(cost, expected)
    assert ours.keys() == theirs.keys() and all("lora" in name for name in ours) and len(ours) > 8
    for name, grad in theirs.items():
        assert grad.abs().max() > 0
        torch.testing.assert_close(ours[name], grad, atol=1e-6 * float(grad.abs().max()), rtol=1e-4, msg=name)


def test_they_are_not_those_of_dense_attention() -> None:
    sparse, dense = (gradients(spec)[1] for spec in (SORTS["budget"], Dense()))
    assert any((sparse[name] - dense[name]).abs().max() > 1e-4 * dense[name].abs().max() for name in dense)
