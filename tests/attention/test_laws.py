"""Laws that attention keeps, whatever is exact and whatever is a mean: shifts, orders, and sameness of two runs."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attention.test_dense import take
from refrain.attention import Dense, Isa, Plan, Spec, attend
from refrain.attention.isa.run import job_of
from refrain.sequence import RULES, Segment, Sequence, coarsen, grid

SPARSE = {
    "isa": Isa(keep=0.2, tile=(1, 2, 3)),
    "pair": Isa(keep=(0.1, 0.3), tile=(2, 2, 2)),
    "first order": Isa(keep=0.1, tile=(1, 2, 3), order=1),
    "means only": Isa(keep=0.0, tile=(2, 2, 2), order=1),
    "threshold": Isa(keep=0.5, tile=(1, 2, 3), routing="threshold", mass=0.7),
    "published": replace(Isa.published(), tile=5),
    "published, nothing dropped": replace(Isa.published(), tile=5, drop_context=False),
    "budgets": Isa(tile=(1, 2, 3), budgets=((0.1, 0.6),)),
}
KERNELS = {"reference": 1e-11, "gather": 5e-6}  # with what each may err, of numbers of about 1
CASES = pytest.mark.parametrize(("name", "kernel"), [(n, k) for n in SPARSE for k in KERNELS])
RULE, SEED = st.sampled_from(sorted(RULES)), st.integers(0, 999)
few = settings(max_examples=4)


def laid(order: tuple[int, ...] = (0, 1, 2, 3)) -> Sequence:
    """A coarse source, a reference, an answer and the target, of odd sizes, in some order."""
    segments = [
        Segment("source", 0, coarsen(2, 5, 5)),
        Segment("reference", 0, grid(1, 3, 5)),
        Segment("answer", 1, grid(2, 5, 5)),
        Segment("target", 2, grid(2, 5, 5)),
    ]
    return Sequence([segments[i] for i in order])


def qkv(row: Sequence, seed: int, batch: int = 1, heads: int = 2) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return 1.5 * torch.randn(3, batch, len(row), heads, 4, generator=g, dtype=torch.float64)


def close(a: Tensor, b: Tensor, kernel: str) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=KERNELS[kernel])


@CASES
@given(RULE, SEED)
@few
def test_values_shifted_together_shift_the_answer(name: str, kernel: str, rule: str, seed: int) -> None:
    row, spec = laid(), replace(SPARSE[name], kernel=kernel)
    (q, k, v), plan, shift = qkv(row, seed), Plan.of(row, RULES[rule]), torch.tensor([1.0, -2.0, 0.5, 3.0])
    close(attend(q, k, v + shift, plan, spec), attend(q, k, v, plan, spec) + shift, kernel)


@CASES
@given(RULE, SEED)
@few
def test_keys_shifted_together_change_nothing(name: str, kernel: str, rule: str, seed: int) -> None:
    row, spec = laid(), replace(SPARSE[name], kernel=kernel)
    (q, k, v), plan, shift = qkv(row, seed), Plan.of(row, RULES[rule]), torch.tensor([1.0, -2.0, 0.5, 3.0])
    close(attend(q, k + shift, v, plan, spec), attend(q, k, v, plan, spec), kernel)
    states = [job_of(q, keys, v, plan, spec).state for keys in (k, k + shift)]
    assert torch.equal(*states)


@CASES
@given(RULE, SEED, st.permutations(range(4)))
@few
def test_the_order_of_segments_says_nothing(name: str, kernel: str, rule: str, seed: int, order: list[int]) -> None:
    row, spec = laid(), replace(SPARSE[name], kernel=kernel)
    moved = Sequence([row.segments[i] for i in order])
    q, k, v = qkv(row, seed)
    out = attend(q, k, v, Plan.of(row, RULES[rule]), spec)
    there = attend(*(take(part, row, order) for part in (q, k, v)), Plan.of(moved, RULES[rule]), spec)
    close(there, take(out, row, order), kernel)


@CASES
@given(RULE, SEED, st.permutations(range(2)))
@few
def test_the_order_of_a_batch_says_nothing(name: str, kernel: str, rule: str, seed: int, order: list[int]) -> None:
    row, spec = laid(), replace(SPARSE[name], kernel=kernel)
    (q, k, v), plan = qkv(row, seed, batch=2), Plan.of(row, RULES[rule])
    out = attend(q, k, v, plan, spec)
    close(attend(q[order], k[order], v[order], plan, spec), out[order], kernel)
    close(attend(q[:1], k[:1], v[:1], plan, spec), out[:1], kernel)


@CASES
@given(RULE, SEED)
@few
def test_the_order_of_heads_says_nothing(name: str, kernel: str, rule: str, seed: int) -> None:
    row, spec = laid(), replace(SPARSE[name], kernel=kernel)
    (q, k, v), plan = qkv(row, seed), Plan.of(row, RULES[rule])
    turned = replace(spec, budgets=tuple(layer[::-1] for layer in spec.budgets))
    close(attend(*(x.flip(2) for x in (q, k, v)), plan, turned), attend(q, k, v, plan, spec).flip(2), kernel)


@CASES
@pytest.mark.parametrize("rule", sorted(RULES))
def test_two_runs_are_equal_to_the_bit_gradients_too(name: str, kernel: str, rule: str) -> None:
    row, spec = laid(), replace(SPARSE[name], kernel=kernel)

    def run() -> list[Tensor]:
        parts = [x.float().requires_grad_() for x in qkv(row, 3)]
        out = attend(*parts, Plan.of(row, RULES[rule]), spec)  # type: ignore[misc]
        out.square().sum().backward()
        return [out, *(x.grad for x in parts if x.grad is not None)]

    first, second = run(), run()
    assert len(first) == 4 and all(torch.equal(a, b) for a, b in zip(first, second))


@pytest.mark.parametrize("kernel", KERNELS)
@given(RULE, SEED)
@few
def test_tiles_whose_keys_and_values_are_constant_are_exact_as_means(kernel: str, rule: str, seed: int) -> None:
    row = laid()
    q, k, v = qkv(row, seed)
    plan, spec = Plan.of(row, RULES[rule]), Isa(keep=0.0, tile=(1, 2, 3), kernel=kernel)
    tiles = plan.tiling(spec.tile, torch.device("cpu")).keys
    k, v = (tiles.unlay(tiles.lay(x)[:, :, :, :1].expand(-1, -1, -1, tiles.slots, -1)) for x in (k, v))
    close(attend(q, k, v, plan, spec), attend(q, k, v, plan, Dense()), kernel)


@pytest.mark.parametrize("spec", [Dense(), *SPARSE.values()], ids=str)
def test_a_shift_of_some_keys_alone_says_something_so_the_tests_above_can_fail(spec: Spec) -> None:
    row = laid()
    (q, k, v), plan = qkv(row, 1), Plan.of(row, RULES["full"])
    other = k.clone()
    other[:, : len(row) // 2] += 1
    assert (attend(q, other, v, plan, spec) - attend(q, k, v, plan, spec)).abs().max() > 1e-2
