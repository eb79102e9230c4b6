"""A compiled transformer gives what it gave: whole, in place or block by block, at any time, size and depth."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

import tiny_pipelines as pipelines
from refrain import install
from refrain.attention import Isa
from tiny import tiny_transformer

SPEC = Isa(keep=0.5, tile=(1, 1, 2), dense_time=0.6, kernel="gather")


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


def whole(model: nn.Module) -> Any:
    return torch.compile(model, backend="eager")


def in_place(model: nn.Module) -> Any:
    model.compile(backend="eager")
    return model


def blocks(model: Any) -> Any:
    model.compile_repeated_blocks(backend="eager")
    return model


def call(model: nn.Module, t: int, columns: int = 6) -> Tensor:
    made = torch.Generator().manual_seed(0)
    latents, words = torch.randn(1, 16, 3, 4, columns, generator=made), torch.randn(1, 4, 32, generator=made)
    with torch.no_grad():
        return model(latents, torch.tensor([t]), words, return_dict=False)[0]


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [whole, in_place, blocks])
def test_compiled_is_not_compiled(compiled: Callable[[nn.Module], Any]) -> None:
    calls = [(900, 6), (500, 6), (400, 6), (500, 8)]
    model = tiny_transformer()
    install(model, SPEC)
    before = [call(model, *given) for given in calls]
    assert (before[1] - before[2]).abs().max() > 1e-4
    model = compiled(model)
    after = [call(model, *given) for given in calls]
    for a, b in zip(after, before):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)
    assert counters["stats"]["unique_graphs"] > 1


@pytest.mark.slow
def test_one_compiled_block_serves_all_layers_and_times() -> None:
    def graphs(depth: int) -> int:
        counters.clear()
        model = tiny_transformer()
        for _ in range(depth - 2):
            model.blocks.append(tiny_transformer().blocks[0])
        install(model, SPEC)
        blocks(model)
        for t in (900, 500, 400):
            call(model, t)
        return counters["stats"]["unique_graphs"]

    few = graphs(2)
    torch.compiler.reset()
    assert graphs(6) == few > 0


@pytest.mark.slow
@pytest.mark.parametrize(("maker", "late"), [(pipelines.kontext, True), (pipelines.vace, False)])
def test_a_pipeline_may_be_compiled_before_or_after(maker: Callable[[], pipelines.Tiny], late: bool) -> None:
    tiny = maker()
    install(tiny.transformer, SPEC)
    before = tiny.run()
    blocks(tiny.transformer)
    if late:
        install(tiny.transformer, SPEC)
    torch.testing.assert_close(tiny.run(), before, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_full_graph_is_refused_by_a_sentence() -> None:
    model = tiny_transformer()
    install(model, SPEC)
    model.compile_repeated_blocks(backend="eager", fullgraph=True)
    with pytest.raises(Exception, match="compile without fullgraph=True"):
        call(model, 500)


@pytest.mark.slow
def test_install_finds_the_transformer_that_was_compiled() -> None:
    model = tiny_transformer()
    install(model, SPEC)
    before = call(model, 500)
    compiled = whole(tiny_transformer())
    assert install(compiled, SPEC).host == "WanTransformer3DModel"
    torch.testing.assert_close(call(compiled, 500), before, atol=1e-5, rtol=0)
