"""Laws of what looks on: it sees averaged weights, changes nothing, and its numbers are written down."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.tracking import GeneralTracker
from torch import Tensor

from refrain.errors import Unsupported
from refrain.training import journal
from refrain.training.loop import Watch, train
from training.tiny_run import STAGE, Net, batches, run, same

LOOKING = replace(STAGE, validate_every=2, sample_every=4, every=3)


class Listener(GeneralTracker):
    """Holds what it is told."""

    name = "listener"
    requires_logging_directory = False

    def __init__(self) -> None:
        self.told: list[tuple[int | None, dict[str, Any]]] = []
        self.about: dict[str, Any] = {}
        self.finished = False
        super().__init__()

    @property
    def tracker(self) -> object:
        return self

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.about = values

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        self.told.append((step, values))

    def finish(self) -> None:
        self.finished = True


def test_looking_changes_no_weight(tmp_path: Path) -> None:
    def disturb(done: int) -> dict[str, float]:
        return {"loss": float(torch.rand(()))}

    watched = run(tmp_path / "watched", LOOKING, watch=Watch(disturb, disturb))
    assert same(watched, run(tmp_path / "alone"))


def test_it_sees_averaged_weights_without_gradients_when_it_is_time(tmp_path: Path) -> None:
    net = Net()
    named = dict(net.named_parameters())
    seen, sampled = dict[int, dict[str, Tensor]](), list[int]()

    def validate(done: int) -> dict[str, float]:
        assert not torch.is_grad_enabled()
        seen[done] = {name: p.clone() for name, p in named.items()}
        return {"loss": done / 2}

    average = train(
        named, batches, lambda b, g: (net(b.x) - b.x).square().mean(), LOOKING, tmp_path,
        watch=Watch(validate, sampled.append),
    )  # fmt: skip
    assert list(seen) == [2, 4, 6]
    assert sampled == [4, 6]
    assert same(seen[6], average.shadow)
    assert not same(seen[6], {name: p.detach() for name, p in named.items()})
    found = {step.step: step.validation for step in journal.read(tmp_path) if step.validation}
    assert found == {1: {"loss": 1.0}, 3: {"loss": 2.0}, 5: {"loss": 3.0}}


def test_a_validation_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    def cut(done: int) -> dict[str, float]:
        if done == 6:
            raise KeyboardInterrupt
        return {"loss": 1.0}

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, LOOKING, watch=Watch(cut))
    run(tmp_path, LOOKING, watch=Watch(lambda done: {"loss": 2.0}))
    found = {step.step: step.validation["loss"] for step in journal.read(tmp_path) if step.validation}
    assert found == {1: 1.0, 3: 2.0, 5: 2.0}  # the last checkpoint was that of step 3


def test_a_tracker_hears_every_step_and_the_cause(tmp_path: Path) -> None:
    listener = Listener()
    run(tmp_path, LOOKING, watch=Watch(lambda done: {"loss": 1.0}, trackers=(listener,)), cause={"data": "7"})
    assert [step for step, _ in listener.told] == list(range(6))
    assert [values["loss"] for _, values in listener.told] == [step.loss for step in journal.read(tmp_path)]
    assert ["validation/loss" in values for _, values in listener.told] == [False, True] * 3
    assert listener.about["data"] == "7"
    assert listener.finished


def test_a_tracker_that_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unsupported, match="knows no tracker `notebook`.*tensorboard"):
        run(tmp_path, watch=Watch(trackers=("notebook",)))
    monkeypatch.setattr(journal, "get_available_trackers", list)
    with pytest.raises(Unsupported, match="`wandb` is not installed"):
        run(tmp_path, watch=Watch(trackers=("wandb",)))
