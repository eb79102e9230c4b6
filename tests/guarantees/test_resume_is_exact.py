"""A run that is killed at any step and resumed ends with the very weights, to the bit, of one that was not.

A tiny Wan, learnt as in the recipes, killed by an error; and a small net, killed by the system wherever it hurts.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from editing.test_compose import Means
from refrain.editing.compose import Window
from refrain.training import journal
from refrain.training.checkpoint import Average, averaged
from refrain.training.loop import Step, train
from refrain.training.objective import Batch, loss
from refrain.training.stage import Stage
from rows import some
from training.test_objective import make
from training.tiny_run import STAGE as SMALL
from training.tiny_run import run as small

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
def test_killed_by_the_system_at_every_point_in_turn(tmp_path: Path) -> None:
    """SIGKILL within a step, in the middle of writing a state, before it is renamed, and between the two renames."""
    for point, (what, left) in KILLS.items():
        assert child(tmp_path / "cut", what) == -signal.SIGKILL, point
        assert not left or averaged(tmp_path / "cut")[0] == left, point
    assert child(tmp_path / "cut") == 0
    weights = small(tmp_path / "whole")
    assert same(weights, small(tmp_path / "cut"))
    assert [step.step for step in journal.read(tmp_path / "cut")] == list(range(SMALL.steps))
    assert [step.loss for step in journal.read(tmp_path / "cut")] == [s.loss for s in journal.read(tmp_path / "whole")]


# what a child does before it learns, and the steps whose state must be left; states are written after 2, 4 and 6 steps
KILLS = {
    "half of the first state": ("half()", 0),
    "before the first state has its name": ("before(1)", 0),
    "step 3": ("hook = lambda step: step.step == 3 and die()", 2),
    "between the two renames": ("before(2)", 2),
    "half of a later state": ("half()", 2),
    "step 5": ("hook = lambda step: step.step == 5 and die()", 4),
}
CHILD = """
import os, signal, sys
sys.path[:0] = PATHS
from pathlib import Path
from refrain.training import checkpoint
from training.tiny_run import run

hook, write, rename, renames = (lambda step: None), checkpoint.save_file, os.replace, []

def die(): os.kill(os.getpid(), signal.SIGKILL)

def half():
    def cut(tensors, path, metadata):
        write(tensors, path, metadata=metadata)
        os.truncate(path, os.path.getsize(path) // 2)
        die()
    checkpoint.save_file = cut

def before(n):
    def cut(a, b):
        if "state" in Path(b).name:
            renames.append(b)
            len(renames) == n and die()
        rename(a, b)
    os.replace = cut

POINT
run(Path(FOLDER), on_step=lambda step: hook(step))
"""


def child(folder: Path, what: str = "") -> int:
    """Learn in a process of its own that does `what` before. Returns how it ended."""
    here = Path(__file__).parents[1]
    code = CHILD.replace("PATHS", repr([str(here), str(here.parent / "src")])).replace("FOLDER", repr(str(folder)))
    code = code.replace("POINT", what)
    return subprocess.run([sys.executable, "-c", code], check=False).returncode
