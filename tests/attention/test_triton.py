"""The Triton kernels keep their laws, on a GPU or else in its interpreter; they compile for Hopper.

The interpreter must be chosen before Triton is imported, so the laws (triton_laws.py) run in a process of their own.
"""

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from refrain.attention import Isa, Plan, attend
from refrain.attention.isa import run
from refrain.errors import Unsupported
from refrain.sequence import RULES, Segment, Sequence, grid

LAWS = Path(__file__).with_name("triton_laws.py")
ROOT = LAWS.parents[2]
NAMES = [f.name for f in ast.parse(LAWS.read_text()).body if isinstance(f, ast.FunctionDef) and f.name[:5] == "test_"]

if find_spec("triton") is None:
    pytest.skip("Triton is not installed here: pip install triton (Linux)", allow_module_level=True)


@pytest.fixture(scope="module")
def told() -> str:
    """What pytest told about all laws."""
    how = "CUBLAS_WORKSPACE_CONFIG=:4096:8" if torch.cuda.is_available() else "TRITON_INTERPRET=1"
    laws = ["env", how, sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(LAWS)]
    return subprocess.run(laws, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
@pytest.mark.parametrize("law", NAMES)
def test_the_law_is_kept(law: str, told: str) -> None:
    lines = [line for line in told.splitlines() if f"{LAWS.name}::{law}" in line]
    assert lines and all(line.startswith("PASSED") for line in lines), told


def test_where_triton_is_absent_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_spec", lambda _: None)
    x, plan = torch.ones(1, 4, 1, 64), Plan.of(Sequence([Segment("source", 0, grid(1, 2, 2))]), RULES["full"])
    with pytest.raises(Unsupported, match="pip install triton"):
        attend(x, x, x, plan, Isa(kernel="triton"))


@pytest.mark.slow
@pytest.mark.parametrize("order", [0, 1])
def test_the_kernels_compile_for_hopper(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU: the compiler that comes with Triton makes code for any, and tells what memory it wants."""
    from triton.runtime import driver

    monkeypatch.setattr(driver, "_active", Hopper())
    compiled = compile_all(torch.bfloat16, 64, order)
    assert len(compiled) == 5 + order
    assert all(kernel.metadata.shared <= 227 * 1024 for kernel in compiled)
    assert all("wgmma" in kernel.asm["ptx"] for kernel in compiled if kernel.name != "compact")


class Hopper:
    """What Triton asks of a driver before it compiles."""

    launcher_cls = staticmethod(lambda *_: None)

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def compile_all(dtype: torch.dtype, width: int, order: int) -> list[Any]:
    """Every kernel, for heads of `width`, tiles of 60, and one or three segments of keys."""
    from refrain.attention.isa import triton_backward as backward
    from refrain.attention.isa import triton_forward as forward
    from refrain.attention.isa.triton import launch

    low, single = torch.empty(64, dtype=dtype), torch.empty(64)
    number, state = torch.empty(64, dtype=torch.int32), torch.empty(64, dtype=torch.int8)
    x = forward.Laid(low, low, low, low, low, low, single, number, number, number, number)
    lists, counts = forward.Lists(number, number, number), forward.Counts(32, 48, 1 + 2 * order, 5)
    z = forward.Sizes(width, 60, 60, 64, 64, 64, 2, order, width**-0.5, 0.18, "ieee")
    heard, felt = backward.Heard(low, low, single), backward.Felt(single, single, single)

    def made(kernel: Any, *arguments: Any) -> Any:
        return kernel.warmup(*arguments, z, grid=(1, 1), **launch(kernel.__name__, low))

    kernels = [
        forward.compact.warmup(state, number, number, number, 48, 5, BLOCK=256, grid=(1,)),
        made(forward.forward, x, state, lists, low, single, counts),
        made(backward.rows, x, state, lists, heard, low, felt, counts),
        made(backward.columns, x, lists, heard, single, low, low, counts),
        made(backward.means, x, state, heard, felt, single, single, counts),
    ]
    return kernels + ([made(backward.slopes, x, low, single, single, 16, counts)] if order else [])
