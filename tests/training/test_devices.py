"""Several devices: two processes learn what one learns, only the first writes, and all stop where one must."""

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from refrain.training import devices, journal
from refrain.training.checkpoint import NAME
from refrain.training.devices import processes
from training.tiny_run import STAGE, run

pytestmark = pytest.mark.slow
SHORT = replace(STAGE, steps=3, accumulate=4)
CODE = """
import atexit
import sys
sys.path[:0] = PATHS
from dataclasses import replace
from pathlib import Path
from refrain.errors import BadInput
from refrain.training.devices import processes
from training.test_devices import SHORT
from training.tiny_run import run

folder = Path(sys.argv[1])

def leave():
    threads = [name.read_text() for name in Path("/proc/self/task").glob("*/comm")]
    (folder / f"threads {crew.number}").write_text(" ".join(threads))

atexit.register(leave)
crew = processes()
half = replace(SHORT, accumulate=2)
names = []
try:
    run(folder / "whole", half, spoil=lambda batch: names.append(batch.ids[0]) or 1.0, dropout=0.2)
    (folder / f"seen {crew.number} of {crew.count}").write_text(" ".join(names))
    run(folder / "wrong", half, spoil=lambda batch: float("nan") if batch.ids[0] == "5-0" else 1.0)
except BadInput as error:
    (folder / f"said {crew.number}").write_text(str(error))
"""


def launched(folder: Path, count: int) -> None:
    """Run CODE as `accelerate launch` runs a recipe, on the CPU."""
    here = Path(__file__).parents[1]
    script = folder / "recipe.py"
    script.write_text(CODE.replace("PATHS", repr([str(here), str(here.parent / "src")])))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    told = f"--multi_gpu --num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port {port}"
    command = [sys.executable, "-m", "accelerate.commands.launch", *told.split(), "--num_processes", str(count)]
    done = subprocess.run([*command, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    launched(tmp_path, 2)
    assert (tmp_path / "seen 0 of 2").read_text().split() == [f"{n}-0" for n in range(0, 12, 2)]
    assert (tmp_path / "seen 1 of 2").read_text().split() == [f"{n}-0" for n in range(1, 12, 2)]
    alone = run(tmp_path / "alone", SHORT, dropout=0.2)
    together = load_file(tmp_path / "whole" / NAME)
    for name, value in alone.items():
        kind, name = ("average", name[5:]) if name.startswith("mean ") else ("weights", name)
        torch.testing.assert_close(together[f"{kind}/{name}"], value, atol=1e-6, rtol=0)
    one, two = journal.read(tmp_path / "alone"), journal.read(tmp_path / "whole")
    assert [s.step for s in two] == [0, 1, 2], "only the first process writes"
    assert [s.loss for s in one] == pytest.approx([s.loss for s in two], abs=1e-6)
    # the run of two goes on as the run of one: the cause counts micro-batches, not devices
    run(tmp_path / "whole", SHORT, dropout=0.2)
    # micro-batch 5 is micro-batch 1 of step 1, which the second process has: both stop, and it names the samples
    first, second = ((tmp_path / f"said {n}").read_text() for n in (0, 1))
    assert "loss of step 1 is nan (micro-batch 1, of another process)" in first
    assert "micro-batch 1, samples 5-0, 5-1, 5-2, 5-3" in second
    # a thread of the line that outlives Python may abort a run when all its work is done (pytorch/pytorch#179291)
    for threads in ((tmp_path / f"threads {n}").read_text() for n in (0, 1)):
        assert "python" in threads and "gloo_runloop" not in threads


def test_gradients_are_sent_many_at_a_time_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "PACKET", 10)
    sizes = [4, 6, 1, 30, 2, 3]
    tensors = [torch.zeros(size, dtype=torch.bfloat16 if size == 3 else None) for size in sizes]
    packed = list(devices.packets(tensors))
    assert [[x.numel() for x in packet] for packet in packed] == [[4, 6], [1], [30], [2], [3]]
    assert all(a is b for a, b in zip([x for packet in packed for x in packet], tensors, strict=True))
    assert not list(devices.packets([]))


def test_alone_a_process_is_the_first_of_one() -> None:
    crew = processes()
    assert (crew.number, crew.count, crew.first) == (0, 1, True)
