"""A run that is killed at any step and resumed ends with the very weights, to the bit, of one that was not.

A tiny Wan, learnt as in the recipes; killed by an error, and by a process that ends without a word.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from editing.test_compose import Means
from refrain.editing.compose import Window
from refrain.training.checkpoint import Average
from refrain.training.loop import Step, train
from refrain.training.objective import Batch, loss
from refrain.training.stage import Stage
from rows import some
from training.test_objective import make

STAGE = Stage(steps=7, rate=1e-2, warmup=2, every=2, average=0.9)


class Killed(Exception):
    pass


def run(folder: Path, on_step=lambda step: None) -> tuple[dict[str, torch.Tensor], Average]:
    """Weights and their average after all steps; the first window of a clip and a later one in turn."""
    wan = make(prediction="change")
    one = wan.experts[0]
    parts = {"transformer": one.transformer, "clean_embedding": one.clean_embedding}
    named = {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}

    def batches(numbers: range) -> Iterator[Batch]:
        for step in numbers:
            clips = [some(1, 9, 3, 32, 32, seed=10 * step + n).clamp(-1, 1) for n in (0, 1)]
            yield Batch(*clips, some(1, 5, 32, seed=step), Window(2, 3, 1) if step % 2 else Window(0, 2))

    average = train(
        named, batches, lambda batch, generator: loss(wan, Means(), batch, generator), STAGE, folder, on_step
    )
    return {name: p.detach() for name, p in named.items()}, average


def die(step: Step, at: int, by=Killed) -> None:
    if step.step == at:
        raise by


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("at", [0, 3, 5])
def test_killed_by_an_error(at: int, tmp_path: Path) -> None:
    weights, average = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "cut", lambda step: die(step, at))
    resumed, average_2 = run(tmp_path / "cut")
    assert same(weights, resumed)
    assert same(average.shadow, average_2.shadow)


def test_killed_twice(tmp_path: Path) -> None:
    weights, _ = run(tmp_path / "whole")
    for at in (2, 4):
        with pytest.raises(Killed):
            run(tmp_path / "cut", lambda step, at=at: die(step, at))
    assert same(weights, run(tmp_path / "cut")[0])


@pytest.mark.slow
def test_killed_without_a_word(tmp_path: Path) -> None:
    """The process ends inside step 4 without unwinding: nothing is flushed, closed or finished."""
    here = Path(__file__).parents[1]
    code = (
        "import os, pathlib; from guarantees.test_resume_is_exact import run; "
        f"run(pathlib.Path({str(tmp_path / 'cut')!r}), lambda step: step.step == 4 and os._exit(9))"
    )
    paths = [str(here), str(here.parent / "src")]
    child = subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"], check=False)
    assert child.returncode == 9
    assert same(run(tmp_path / "whole")[0], run(tmp_path / "cut")[0])
