"""Laws of the moving average and of what is written down: all of it comes back, and nothing half-written is found."""

from pathlib import Path

import pytest
import torch
from torch import nn

from refrain.errors import BadInput, BadWeights
from refrain.training import checkpoint
from refrain.training.checkpoint import Average
from refrain.training.optimiser import Optimiser
from refrain.training.stage import Stage

STAGE = Stage(steps=10)


def model(seed: int = 0, width: int = 4) -> dict[str, nn.Parameter]:
    torch.manual_seed(seed)
    net = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width)])})
    net["head"] = nn.Linear(width, 2)
    return {f"net.{name}": p for name, p in net.named_parameters()}


def learn(named: dict[str, nn.Parameter], optimiser: Optimiser, average: Average, steps: range) -> None:
    for step in steps:
        for n, p in enumerate(named.values()):
            p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(100 * step + n))
        optimiser.step(0.01)
        average.update(named, step)


def test_an_average_of_what_stands_still_stands_still() -> None:
    named = model()
    average = Average(named, 0.9)
    for step in range(5):
        average.update(named, step)
    assert all(torch.equal(average.shadow[name], p) for name, p in named.items())


@torch.no_grad()
def test_an_average_is_the_weighted_mean_of_all_it_saw() -> None:
    """Young averages follow faster: the decay of step n is at most (1 + n) / (10 + n)."""
    p = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    average, seen, decay = Average({"p": p}, 0.5), [p.clone()], 0.5
    weights = [1.0]
    for step in range(20):
        p.copy_(torch.randn(3, generator=torch.Generator().manual_seed(step), dtype=torch.float64))
        seen.append(p.clone())
        now = min(decay, (1 + step) / (10 + step))
        weights = [w * now for w in weights] + [1 - now]
        average.update({"p": p}, step)
    assert sum(weights) == pytest.approx(1)
    torch.testing.assert_close(average.shadow["p"], sum(w * x for w, x in zip(weights, seen)))


def test_an_average_is_no_alias_of_the_weights() -> None:
    named = model()
    average = Average(named, 0.9)
    before = {name: p.detach().clone() for name, p in named.items()}
    with torch.no_grad():
        for p in named.values():
            p.add_(1)
    assert all(torch.equal(average.shadow[name], value) for name, value in before.items())


def test_what_is_saved_comes_back_to_the_bit_and_goes_on_alike(tmp_path: Path) -> None:
    named = model()
    average, optimiser = Average(named, 0.9), Optimiser(named, STAGE)
    learn(named, optimiser, average, range(3))
    checkpoint.save(tmp_path, 3, named, average, optimiser)

    other = model(seed=1)
    average_2, optimiser_2 = Average(other, 0.9), Optimiser(other, STAGE)
    assert checkpoint.load(tmp_path, other, average_2, optimiser_2) == 3
    for _ in range(2):
        assert all(torch.equal(p, other[name]) for name, p in named.items())
        assert all(torch.equal(p, average_2.shadow[name]) for name, p in average.shadow.items())
        learn(named, optimiser, average, range(3, 6))
        learn(other, optimiser_2, average_2, range(3, 6))


def test_matrices_of_the_blocks_go_to_muon_and_the_rest_to_adam() -> None:
    adam, muon = Optimiser(model(), STAGE).parts
    assert [tuple(p.shape) for p in muon.param_groups[0]["params"]] == [(4, 4), (4, 4)]
    assert sorted(tuple(p.shape) for p in adam.param_groups[0]["params"]) == [(2,), (2, 4), (4,), (4,)]


def test_frozen_weights_stay() -> None:
    named = model()
    for name, p in named.items():
        p.requires_grad_("head" in name)
    before = {name: p.detach().clone() for name, p in named.items()}
    learn(named, Optimiser(named, STAGE), Average(named, 0.9), range(2))
    assert all(torch.equal(p, before[name]) != ("head" in name) for name, p in named.items())


def test_an_empty_folder_is_the_beginning(tmp_path: Path) -> None:
    named = model()
    assert checkpoint.load(tmp_path / "none", named, Average(named, 0.9), Optimiser(named, STAGE)) == 0


def test_the_state_of_another_model_is_refused(tmp_path: Path) -> None:
    named = model()
    checkpoint.save(tmp_path, 1, named, Average(named, 0.9), Optimiser(named, STAGE))
    other = model(width=6)
    with pytest.raises(BadWeights, match="another model"):
        checkpoint.load(tmp_path, other, Average(other, 0.9), Optimiser(other, STAGE))


def test_a_save_that_fails_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = model()
    average, optimiser = Average(named, 0.9), Optimiser(named, STAGE)
    checkpoint.save(tmp_path, 1, named, average, optimiser)

    def full_disk(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(checkpoint, "save_file", full_disk)
    with pytest.raises(BadInput, match="no space left. Make room and resume"):
        checkpoint.save(tmp_path, 2, named, average, optimiser)
    assert checkpoint.load(tmp_path, named, average, optimiser) == 1
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.NAME]


def saved(folder: Path, *steps: int, **more: dict[str, str]) -> dict[str, nn.Parameter]:
    """Save the state after each of these steps."""
    named = model()
    average, optimiser = Average(named, 0.9), Optimiser(named, STAGE)
    for step in steps:
        checkpoint.save(folder, step, named, average, optimiser, **more)
    return named


def resumed(folder: Path, **more: dict[str, str]) -> int:
    named = model()
    return checkpoint.load(folder, named, Average(named, 0.9), Optimiser(named, STAGE), **more)


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def test_the_last_two_are_kept_and_nothing_beside(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2, 3)
    assert {path.name for path in tmp_path.iterdir()} == {checkpoint.NAME, checkpoint.BEFORE}
    assert resumed(tmp_path) == 3
    (tmp_path / checkpoint.NAME).unlink()  # as a kill between the two renames leaves it
    assert resumed(tmp_path) == 2


def test_a_torn_state_is_told_of_and_the_one_before_taken(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    tear(tmp_path / checkpoint.NAME)
    with pytest.warns(UserWarning, match="is torn"):
        assert resumed(tmp_path) == 1


def test_a_torn_state_never_takes_the_place_of_a_whole_one(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    tear(tmp_path / checkpoint.NAME)
    saved(tmp_path, 3)
    assert resumed(tmp_path) == 3
    (tmp_path / checkpoint.NAME).unlink()
    assert resumed(tmp_path) == 1


def test_two_torn_states_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    tear(tmp_path / checkpoint.NAME)
    tear(tmp_path / checkpoint.BEFORE)
    with pytest.warns(UserWarning, match="is torn"), pytest.raises(BadWeights, match="No state .* is whole"):
        resumed(tmp_path)


def test_another_cause_is_refused_by_name(tmp_path: Path) -> None:
    saved(tmp_path, 1, cause={"data": "a1", "base": "b"})
    assert resumed(tmp_path, cause={"data": "a1", "base": "b"}) == 1
    with pytest.raises(BadInput, match="data was a1, is a2.*Put it back.*another folder") as refused:
        resumed(tmp_path, cause={"data": "a2", "base": "b"})
    assert "base was" not in str(refused.value)
    with pytest.raises(BadInput, match="LoRA was not there, is rank 32"):
        resumed(tmp_path, cause={"data": "a1", "base": "b", "LoRA": "rank 32"})


def test_an_average_is_worn_and_taken_off_to_the_bit() -> None:
    named = model()
    average = Average(named, 0.9)
    with torch.no_grad():
        for p in named.values():
            p.mul_(1 / 3).add_(0.1)
    own, mean = ({n: p.detach().clone() for n, p in of.items()} for of in (named, average.shadow))
    with average.worn(named):
        assert all(torch.equal(p, mean[n]) for n, p in named.items())
        assert all(torch.equal(p, own[n]) for n, p in average.shadow.items())
    assert all(torch.equal(p, own[n]) for n, p in named.items())
    assert all(torch.equal(p, mean[n]) for n, p in average.shadow.items())


def test_an_average_that_is_given_stays_and_the_average_is_what_it_was() -> None:
    named = model()
    average = Average(named, 0.9)
    mean = {name: p.clone() for name, p in average.shadow.items()}
    with torch.no_grad():
        for p in named.values():
            p.add_(1)
    average.give(named)
    assert all(torch.equal(p, mean[name]) and torch.equal(average.shadow[name], p) for name, p in named.items())


def test_the_averaged_weights_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="train there first"):
        checkpoint.averaged(tmp_path)
    named = saved(tmp_path, 4)
    step, weights = checkpoint.averaged(tmp_path)
    assert step == 4
    assert weights.keys() == named.keys()
    assert all(torch.equal(p, weights[n]) for n, p in named.items())
