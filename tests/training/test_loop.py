"""Laws of the loop: it learns, it writes down every step, and it stops at a loss that is no number."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from refrain.errors import BadInput
from refrain.training.checkpoint import NAME
from refrain.training.loop import JOURNAL, Step, train
from refrain.training.stage import Stage

STAGE = Stage(steps=60, rate=0.05, warmup=1, every=25)


def fit(folder: Path, stage: Stage = STAGE, spoil: int | None = None) -> tuple[nn.Linear, list[Step]]:
    """Learn y = 2 x with one weight. `spoil`: the step whose loss is no number."""
    torch.manual_seed(0)
    net, heard = nn.Linear(1, 1), list[Step]()

    def batches(numbers: range) -> Iterator[int]:
        return iter(numbers)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x = torch.randn(16, 1, generator=generator)
        return (net(x) - 2 * x).square().mean() * (float("nan") if step == spoil else 1)

    train(dict(net.named_parameters()), batches, loss, stage, folder, heard.append)
    return net, heard


def test_it_learns(tmp_path: Path) -> None:
    _, heard = fit(tmp_path)
    assert heard[-1].loss < heard[0].loss / 10


def test_every_step_is_written_down_and_heard(tmp_path: Path) -> None:
    _, heard = fit(tmp_path)
    written = [json.loads(line) for line in (tmp_path / JOURNAL).read_text().splitlines()]
    assert [Step(**line) for line in written] == heard
    assert [step.step for step in heard] == list(range(STAGE.steps))
    assert [step.rate for step in heard] == [STAGE.rate_at(n) for n in range(STAGE.steps)]


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    first, _ = fit(tmp_path)
    again, heard = fit(tmp_path)
    assert not heard
    assert torch.equal(first.weight, again.weight)


def test_a_loss_that_is_no_number_stops_before_it_harms(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="loss of step 30 is nan.*without names"):
        fit(tmp_path, spoil=30)
    assert (tmp_path / NAME).is_file()
    net, heard = fit(tmp_path)
    assert heard[0].step == 25
    written = [json.loads(line)["step"] for line in (tmp_path / JOURNAL).read_text().splitlines()]
    assert written == list(range(STAGE.steps))  # the steps that came again are written down once
    assert torch.isfinite(net.weight).all()
