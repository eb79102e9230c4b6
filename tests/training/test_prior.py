"""Laws of prior preservation: a LoRA that says nothing has nothing to learn of it; one that speaks is called back."""

import pytest
import torch
from torch import nn

from refrain.attention import Dense
from refrain.editing.compose import Seen, Window
from refrain.models.lora import attach, bare
from refrain.training.objective import Encoded, loss_of
from refrain.training.prior import Prior, kept
from rows import some
from training.test_objective import CHANNELS, make


def batch() -> Encoded:
    full, clean = (some(2, CHANNELS, 3, 8, 8, seed=n) for n in (1, 2))
    coarse = some(2, CHANNELS, 3, 4, 4, seed=4)
    return Encoded(Seen(full, coarse), clean, some(2, 5, 32, seed=3), Window(0, 2), ("a", "b"))


def cost(denoiser: object, seed: int = 7, still: bool = True) -> torch.Tensor:
    return kept(denoiser, batch(), torch.Generator().manual_seed(seed), 1.0, 1.0, Dense(), still)  # type: ignore[arg-type]


def spoken(transformer: nn.Module) -> None:
    """An adapter that says something."""
    with torch.no_grad():
        for name, p in transformer.named_parameters():
            if ".lora_B." in name:
                p.copy_(some(*p.shape, seed=len(name)) * 0.5)


@pytest.mark.parametrize("prediction", ["velocity", "change"])
def test_a_lora_that_says_nothing_changes_nothing_and_one_that_speaks_is_called_back(prediction: str) -> None:
    denoiser = make(prediction=prediction)
    net = denoiser.experts[0].transformer
    named = attach(net, 2, tokens="target")
    assert cost(denoiser).item() == 0
    spoken(net)
    before = cost(denoiser)
    before.backward()
    assert before.item() > 0 and all(
        p.grad is not None and p.grad.abs().sum() > 0 for n, p in named.items() if "_A" in n
    )
    with torch.no_grad():
        for p in named.values():
            p -= 1e-3 * p.grad / p.grad.norm()  # type: ignore[operator]
    assert cost(denoiser).item() < before.item()
    torch.testing.assert_close(cost(denoiser, still=False), cost(denoiser))


def test_bare_is_the_base_and_afterwards_the_lora_learns_on() -> None:
    denoiser = make()
    wanted = loss_of(denoiser, batch(), torch.Generator().manual_seed(5)).item()
    net = denoiser.experts[0].transformer
    named = attach(net, 2, tokens="target")
    spoken(net)
    with bare(net):
        assert loss_of(denoiser, batch(), torch.Generator().manual_seed(5)).item() == pytest.approx(wanted, rel=1e-6)
    assert loss_of(denoiser, batch(), torch.Generator().manual_seed(5)).item() != pytest.approx(wanted, rel=1e-3)
    assert all(p.requires_grad for p in named.values())


def test_its_share_of_the_steps_asks_the_same_clips_for_something_else() -> None:
    others = some(9, 5, 32, seed=6)
    prior = Prior(others, 0.25)
    due = sum(prior.due(torch.Generator().manual_seed(n)) for n in range(400))
    assert 70 < due < 130
    asked = prior.asked(batch(), torch.Generator().manual_seed(1))
    assert torch.equal(asked.clean, batch().seen.full) and asked.ids == ("a", "b")
    assert all(any(torch.equal(words, other) for other in others) for words in asked.words)


def test_without_requests_or_without_a_share_there_is_none() -> None:
    class Encoder:
        def encode(self, texts: list[str]) -> torch.Tensor:
            return some(len(texts), 5, 32)

    assert Prior.of((), Encoder(), 0.5) is None and Prior.of(("make it snow",), Encoder(), 0.0) is None
    found = Prior.of(("make it snow", "add fog"), Encoder(), 0.5)
    assert found is not None and found.words.shape == (2, 5, 32)
