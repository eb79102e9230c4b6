"""Laws of compiled attention: it is the reference and it is dense, to rounding; what it cannot do is refused by name.

Whatever is compiled here has one set of shapes, since each takes a C++ compiler several seconds.
"""

import pytest
import torch
from torch import Tensor

from attention.test_gather import CUT, ROW, SPECS, draw
from refrain.attention import Dense, Flex, Isa, Plan, attend, flex
from refrain.attention.isa import run
from refrain.errors import Unsupported
from refrain.sequence import RULES

CPU = torch.device("cpu")
needs_a_compiler = pytest.mark.skipif(flex.compiler(CPU) is None, reason="no C++ compiler is here, so nothing compiles")
of_torch = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its compiler loads what it has itself given up


def given(dtype: torch.dtype = torch.float32) -> tuple[Plan, tuple[Tensor, Tensor, Tensor]]:
    """The row of all kinds under `isolated`, whose tiles are ragged, and four heads of q on two of k and v."""
    plan = Plan.of(ROW, RULES["isolated"])
    return plan, draw(plan, 2, 0, dtype)


@pytest.mark.slow
@needs_a_compiler
@of_torch
@torch.no_grad()
def test_flex_is_the_reference() -> None:
    plan, qkv = given()
    for name, spec in SPECS.items():
        if spec.order or spec.tile != CUT:
            continue
        job = run.job_of(*qkv, plan, spec)
        found, true = (run.compute(kernel, job)[:, :, job.asking.filled] for kernel in ("flex", "reference"))
        torch.testing.assert_close(found, true, rtol=0, atol=5e-6, msg=lambda told, name=name: f"{name}: {told}")


@pytest.mark.slow
@needs_a_compiler
@of_torch
@torch.no_grad()
def test_means_alone_are_the_reference_where_a_whole_tile_of_means_counts_for_nothing() -> None:
    plan, qkv = given()
    spec = Isa(tile=CUT, keep=0.0, neighbours=False, aligned=False)
    job = run.job_of(*qkv, plan, spec)
    found, true = (run.compute(kernel, job)[:, :, job.asking.filled] for kernel in ("flex", "reference"))
    torch.testing.assert_close(found, true, rtol=0, atol=5e-6)


@pytest.mark.slow
@needs_a_compiler
@of_torch
@torch.no_grad()
def test_flex_is_dense() -> None:
    plan, qkv = given()
    torch.testing.assert_close(attend(*qkv, plan, Flex(CUT)), attend(*qkv, plan, Dense()), rtol=0, atol=5e-6)


@pytest.mark.parametrize("spec", [Flex(CUT), Isa(tile=CUT, kernel="flex")])
def test_gradients_are_refused(spec: Flex | Isa) -> None:
    plan, (q, k, v) = given()
    with pytest.raises(Unsupported, match="carries no gradients: use Dense"):
        attend(q.requires_grad_(), k, v, plan, spec)


@pytest.mark.parametrize("spec", [Flex(CUT), Isa(tile=CUT, kernel="flex")])
def test_without_a_compiler_it_is_refused(spec: Flex | Isa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flex.shutil, "which", lambda name: None)
    plan, qkv = given()
    with pytest.raises(Unsupported, match="needs a C.. compiler"):
        attend(*qkv, plan, spec)


@pytest.mark.slow
@needs_a_compiler
@of_torch
@torch.no_grad()
def test_too_many_shapes_are_refused_and_not_computed_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.compiler.reset()  # shapes of other tests do not count
    traced = torch.compile(flex._look, backend="eager", dynamic=False, fullgraph=True)  # the limit, without a compiler
    monkeypatch.setattr(flex, "_compiled", lambda: traced)
    monkeypatch.setattr(flex, "SHAPES", 2)
    plan = Plan.of(ROW, RULES["isolated"])
    for heads in (1, 2):
        attend(*draw(plan, heads, 0, torch.float32), plan, Flex(CUT))
    with pytest.raises(Unsupported, match="compiled for 2 sets of shapes already"):
        attend(*draw(plan, 4, 0, torch.float32), plan, Flex(CUT))


def test_double_precision_is_refused() -> None:
    plan, qkv = given(torch.float64)
    with pytest.raises(Unsupported, match="not torch.float64"):
        attend(*qkv, plan, Flex(CUT))


def test_the_first_order_term_is_refused() -> None:
    plan, qkv = given()
    with pytest.raises(Unsupported, match="no first-order term: use order=0"):
        attend(*qkv, plan, Isa(tile=CUT, order=1, kernel="flex"))


def test_auto_is_gather_on_a_cpu_and_says_so() -> None:
    for grad in (False, True):
        assert run.chosen_kernel(Isa(), CPU, torch.float32, 128, grad) == "gather"
    assert run.chosen_kernel(Isa(kernel="flex"), CPU, torch.float32, 128) == "flex"


def test_auto_on_cuda_is_what_can_be_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flex, "compiler", lambda device: "gcc")
    monkeypatch.setattr(run, "find_spec", lambda name: name)
    cuda, half = torch.device("cuda"), torch.bfloat16
    assert run.chosen_kernel(Isa(), cuda, half, 128, grad=True) == "triton"
    assert run.chosen_kernel(Isa(), cuda, half, 96) == "flex"
    assert run.chosen_kernel(Isa(), cuda, half, 96, grad=True) == "gather"
    assert run.chosen_kernel(Isa(order=1), cuda, half, 96) == "gather"
    assert run.chosen_kernel(Isa(), cuda, torch.float64, 128) == "gather"
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    assert run.chosen_kernel(Isa(), cuda, half, 128) == "gather"
