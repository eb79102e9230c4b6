"""Laws of the optimisers: who gets decay, what does not move, and what is missing is said."""

from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from refrain.errors import Unsupported
from refrain.training.optimiser import Optimiser
from refrain.training.stage import Stage
from training.test_checkpoint import model

STAGE = Stage(steps=9, rate=1e-2, warmup=0, cooldown=0, decay=0.1, betas=(0.9, 0.999), clip=1e9, optimiser="adamw")


def graded(named: dict[str, nn.Parameter], step: int) -> None:
    for n, p in enumerate(named.values()):
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(10 * step + n))


def test_adamw_is_that_of_torch_with_decay_on_matrices_alone() -> None:
    ours, theirs = model(), model()
    optimiser = Optimiser(ours, STAGE)
    heavy, light = ([p for p in theirs.values() if (p.ndim == 2) == two] for two in (True, False))
    groups = [{"params": heavy, "weight_decay": 0.1}, {"params": light, "weight_decay": 0.0}]
    expected = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.999))
    for step in range(3):
        graded(ours, step)
        graded(theirs, step)
        optimiser.step(STAGE.rate_at(step))
        expected.step()
    assert all(torch.equal(p, theirs[name]) for name, p in ours.items())


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_moves_nothing(optimiser: str, wrong: float) -> None:
    named = model()
    before = {name: p.detach().clone() for name, p in named.items()}
    learner = Optimiser(named, replace(STAGE, optimiser=optimiser))
    graded(named, 0)
    next(iter(named.values())).grad[0] = wrong  # type: ignore[index]
    assert not learner.step(0.1) < float("inf")
    assert all(torch.equal(p, before[name]) for name, p in named.items())
    assert not learner.state()
    assert all(p.grad is None for p in named.values())


def test_eight_bits_without_bitsandbytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("refrain.training.optimiser.import_module", missing)
    with pytest.raises(Unsupported, match="pip install bitsandbytes"):
        Optimiser(model(), replace(STAGE, optimiser="adamw8bit"))


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_eight_bits_go_on_as_they_were() -> None:
    stage = replace(STAGE, optimiser="adamw8bit")
    one, two = model(width=96), model(width=96)
    first = Optimiser(one, stage)
    graded(one, 0)
    first.step(0.01)
    second = Optimiser(two, stage)
    second.load(first.state())
    with torch.no_grad():
        for name, p in two.items():
            p.copy_(one[name])
    for step in (1, 2):
        for named, learner in ((one, first), (two, second)):
            graded(named, step)
            learner.step(0.01)
    assert all(torch.equal(p, two[name]) for name, p in one.items())
