"""Laws of a step: micro-batches, precision, what is drawn, and what is said where it goes wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from refrain.errors import BadInput
from refrain.training import journal
from refrain.training.checkpoint import NAME
from refrain.training.loop import Step, train
from training.tiny_run import STAGE, Net, Numbers, batches, run, same


def cut(step: Step) -> None:
    if step.step == 3:
        raise KeyboardInterrupt


def test_accumulated_micro_batches_are_one_large_batch(tmp_path: Path) -> None:
    stage = replace(STAGE, optimiser="adamw", accumulate=3)
    parts, whole = Net(), Net()

    def mean(net: Net, x: torch.Tensor) -> torch.Tensor:
        return (net(x) - 2 * x).square().mean()

    train(dict(parts.named_parameters()), batches, lambda b, g: mean(parts, b.x), stage, tmp_path / "parts")
    large = replace(stage, accumulate=1)
    joined = lambda steps: (torch.cat([b.x for b in batches(range(3 * n, 3 * n + 3))]) for n in steps)  # noqa: E731
    train(dict(whole.named_parameters()), joined, lambda x, g: mean(whole, x), large, tmp_path / "whole")
    for one, two in zip(journal.read(tmp_path / "parts"), journal.read(tmp_path / "whole")):
        assert (one.loss, one.norm) == pytest.approx((two.loss, two.norm), rel=1e-4)
    for name, p in parts.named_parameters():
        torch.testing.assert_close(p, whole.get_parameter(name), atol=1e-6, rtol=1e-5)


def test_a_resumed_run_sees_the_micro_batches_it_would_have_seen(tmp_path: Path) -> None:
    stage, seen = replace(STAGE, accumulate=3), list[str]()

    def note(batch: Numbers) -> float:
        seen.append(batch.ids[0])
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stage, cut, spoil=note)
    assert seen == [f"{n}-0" for n in range(12)]
    seen.clear()
    run(tmp_path, stage, spoil=note)
    assert seen == [f"{n}-0" for n in range(6, 18)]


def test_a_resumed_run_drops_out_what_it_would_have_dropped(tmp_path: Path) -> None:
    weights = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", on_step=cut)
    assert same(weights, run(tmp_path / "cut"))
    assert not same(weights, run(tmp_path / "without", dropout=0))


def test_bf16_is_autocast_and_leaves_the_weights_alone(tmp_path: Path) -> None:
    seen = set[tuple[bool, torch.dtype]]()

    def note(batch: Numbers) -> float:
        seen.add((torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")))
        return 1.0

    half = run(tmp_path / "half", replace(STAGE, precision="bf16"), spoil=note)
    assert seen == {(True, torch.bfloat16)}
    assert {value.dtype for value in half.values()} == {torch.float32}
    assert not same(half, run(tmp_path / "full"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_names_its_samples(tmp_path: Path, value: float) -> None:
    with pytest.raises(BadInput, match=r"loss of step 4 is (nan|inf) \(micro-batch 1, samples 9-0, 9-1, 9-2, 9-3\)"):
        run(tmp_path, replace(STAGE, accumulate=2), spoil=lambda batch: value if batch.ids[0] == "9-0" else 1.0)
    assert (tmp_path / NAME).is_file()
    assert [step.step for step in journal.read(tmp_path)] == [0, 1, 2, 3]


def test_a_gradient_that_is_no_number_names_all_samples_of_the_step(tmp_path: Path) -> None:
    net = Net()

    def loss(batch: Numbers, generator: torch.Generator) -> torch.Tensor:
        wrong = net(batch.x).square().mean()
        return wrong + (wrong.detach() - wrong).sqrt() if batch.ids[0] == "5-0" else wrong  # sqrt: infinite at 0

    with pytest.raises(BadInput, match="gradient of step 2.*micro-batch 0, samples 4-0.*micro-batch 1, samples 5-0"):
        train(dict(net.named_parameters()), batches, loss, replace(STAGE, accumulate=2), tmp_path)
    assert all(bool(torch.isfinite(p).all()) for p in net.parameters())


def test_batches_that_end_early_are_refused(tmp_path: Path) -> None:
    net = Net()
    few = lambda numbers: list(batches(numbers))[:2]  # noqa: E731
    with pytest.raises(BadInput, match="ended in step 2 of 6"):
        train(dict(net.named_parameters()), few, lambda b, g: net(b.x).mean(), STAGE, tmp_path)


def test_a_stage_that_changed_is_refused_and_where_it_may_change_it_goes_on(tmp_path: Path) -> None:
    run(tmp_path, replace(STAGE, steps=2), cause={"data": "1"})
    with pytest.raises(BadInput, match="stage.rate was 0.02, is 0.5"):
        run(tmp_path, replace(STAGE, steps=2, rate=0.5), cause={"data": "1"})
    with pytest.raises(BadInput, match="data was 1, is 2"):
        run(tmp_path, replace(STAGE, steps=2), cause={"data": "2"})
    with pytest.raises(BadInput, match="micro-batches a step was 1, is 2"):
        run(tmp_path, replace(STAGE, steps=2, accumulate=2), cause={"data": "1"})
    run(tmp_path, replace(STAGE, steps=2, every=1, validate_every=1), cause={"data": "1"})


def test_the_pace_is_told(tmp_path: Path) -> None:
    heard = list[Step]()
    run(tmp_path, on_step=heard.append)
    assert all(0 <= step.waiting <= 1 and step.samples > 0 for step in heard)
    assert [step.left == 0 for step in heard] == [False] * 5 + [True]
