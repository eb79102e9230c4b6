"""Whatever noise and noise time the target has, what is computed of clean segments is the same to the bit.

A black box, twice: attention itself, by every spec, with any q, k and v of the target; and all that goes into attention
and comes out of it in rows computed whole, without memory. Choices are a way for noise, too: every spec that chooses
is here.
"""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import refrain.models.wan.denoiser as door
from refrain.attention import Dense, Flex, Isa, Plan, Spec, attend
from refrain.errors import Unsupported
from refrain.sequence import RULES, Segment, Sequence, coarsen, grid
from rows import Watch, denoiser, latents, one_turn, second_turn

ISA = {
    "isa": Isa(keep=0.2, tile=(1, 2, 3)),
    "target and context apart": Isa(keep=(0.5, 0.1), tile=(2, 2, 2)),
    "first order": Isa(keep=0.1, tile=(1, 2, 3), order=1),
    "no place first": Isa(keep=0.3, tile=(1, 2, 2), neighbours=False, aligned=False),
    "threshold": Isa(keep=0.6, tile=(1, 2, 3), routing="threshold", mass=0.7),
    "sharpness": Isa(keep=0.2, tile=(1, 2, 3), routing="sharpness", dense_share=0.5),
    "context preselected": Isa(keep=0.5, tile=(1, 2, 3), context=0.3),
    "published": replace(Isa.published(), tile=5),
    "coarse gate": replace(Isa.published(coarse_gate=True), tile=5),
    "budgets": Isa(tile=(1, 2, 3), budgets=((0.1, 0.6),)),
}
SPECS: dict[str, Spec] = {"dense": Dense()} | {
    f"{name}, {kernel}": replace(spec, kernel=kernel)
    for name, spec in ISA.items()
    for kernel in ("reference", "gather")
}
COMPILED: dict[str, Spec] = {"flex": Flex(tile=8), "isa, flex": replace(ISA["isa"], kernel="flex")}


def laid(*names: str) -> Sequence:
    """Segments of odd sizes, in this order."""
    every = {
        "words": Segment("text", 0, grid(5, 1, 1)),
        "source": Segment("source", 0, coarsen(3, 5, 7)),
        "reference": Segment("reference", 2, grid(1, 3, 5)),
        "answer": Segment("answer", 1, grid(3, 5, 7)),
        "target": Segment("target", 2, grid(3, 5, 7)),
        "mask": Segment("target", 2, grid(3, 3, 5)),  # noise, too: predicted beside the target
    }
    return Sequence([every[name] for name in names])


WHOLE = ("words", "source", "target", "answer", "mask", "reference")


def answers(row: Sequence, rule: str, name: str, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention over the row, [B, L, H, D]."""
    spec = (SPECS | COMPILED)[name]
    gate = torch.ones(*q.shape[:2], 1, dtype=q.dtype) if isinstance(spec, Isa) and spec.coarse_gate else None
    try:
        with torch.no_grad():
            return attend(q, k, v, Plan.of(row, RULES[rule]), spec, gate)
    except Unsupported as no:
        pytest.skip(str(no))


def qkv(row: Sequence, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """[3, 2, L, 2, 8]"""
    return 2 * torch.randn(3, 2, len(row), 2, 8, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def is_clean(row: Sequence) -> Tensor:
    return torch.cat([torch.full((len(s),), not s.noisy) for s in row])


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("rule", ["isolated", "block_causal"])
@given(st.integers(2, 99), st.sampled_from([0.0, 1.0, 30.0]))
@settings(max_examples=4)
def test_attention_of_clean_queries_does_not_know_the_noise(rule: str, name: str, seed: int, times: float) -> None:
    assert_unmoved(rule, name, seed, times)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler loads what it has itself given up
@pytest.mark.parametrize("name", COMPILED)
def test_nor_does_it_where_attention_is_compiled(name: str) -> None:
    assert_unmoved("isolated", name, 5, 30.0)


def assert_unmoved(rule: str, name: str, seed: int, times: float) -> None:
    """The target's q, k and v are other ones, `times` as large; what clean queries are answered stays, to the bit."""
    row = laid(*WHOLE)
    clean = is_clean(row)
    first, other = qkv(row, 1), times * qkv(row, seed)
    other[:, :, clean] = first[:, :, clean]
    assert not torch.equal(first, other)
    one, two = (answers(row, rule, name, *tensors) for tensors in (first, other))
    assert torch.equal(one[:, clean], two[:, clean])


@pytest.mark.parametrize("name", SPECS)
def test_under_full_they_do_so_the_test_above_can_fail(name: str) -> None:
    row = laid(*WHOLE)
    clean = is_clean(row)
    first, other = qkv(row, 1), qkv(row, 2)
    other[:, :, clean] = first[:, :, clean]
    one, two = (answers(row, "full", name, *tensors) for tensors in (first, other))
    assert not torch.equal(one[:, clean], two[:, clean])


@pytest.mark.parametrize("name", list(SPECS))
@given(st.lists(st.sampled_from([name for name in WHOLE if name != "source"]), unique=True), st.integers(0, 99))
@settings(max_examples=4)
def test_when_isolated_a_clean_segment_does_not_know_who_else_is_in_the_row(
    name: str, others: list[str], seed: int
) -> None:
    """So what is remembered of it holds in any row; to rounding, for the shapes that are computed with differ."""
    alone, row = laid("source"), laid(*others, "source")
    mine = qkv(alone, 1, torch.float64)
    whole = torch.cat([qkv(laid(*others), seed, torch.float64), mine], dim=2) if others else mine
    here, there = answers(alone, "isolated", name, *mine), answers(row, "isolated", name, *whole)
    torch.testing.assert_close(there[:, -len(alone) :], here, rtol=0, atol=1e-5 if "gather" in name else 1e-12)


DEEP = {
    "dense": Dense(),
    "isa": Isa(keep=0.3, tile=(1, 2, 2)),
    "first order": Isa(keep=0.1, tile=(1, 2, 2), order=1),
    "threshold": Isa(keep=0.6, tile=(1, 1, 2), routing="threshold", mass=0.5),
    "published": replace(Isa.published(), tile=2),
}


def clean_rows(
    row: Sequence, rule: str, seed: int, t: float, monkeypatch: pytest.MonkeyPatch, spec: Spec = DEEP["dense"]
) -> list[torch.Tensor]:
    """Queries, keys, values and answers of every clean token in every block."""
    watch = Watch(door.attend)
    with monkeypatch.context() as patched:
        patched.setattr(door, "attend", watch)
        denoiser(rule=rule).prepare(row, spec, memory=False).velocity(latents(seed), t)
    clean = is_clean(row.without_words())
    return [part[:, clean] for call in watch.calls for part in call]


@pytest.mark.parametrize("row", [one_turn, second_turn])
@pytest.mark.parametrize("rule", ["isolated", "block_causal"])
@pytest.mark.parametrize("spec", DEEP.values(), ids=DEEP)
@torch.no_grad()
def test_noise_and_time_leave_no_trace(row, rule: str, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    first = clean_rows(row(), rule, 5, 1.0, monkeypatch, spec)
    assert len(first) == 2 * 4
    for seed, t in ((6, 1.0), (5, 0.25), (7, 0.01)):
        assert all(torch.equal(a, b) for a, b in zip(first, clean_rows(row(), rule, seed, t, monkeypatch, spec)))


@torch.no_grad()
def test_under_full_noise_is_seen_so_the_test_above_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (clean_rows(one_turn(), "full", seed, 1.0, monkeypatch) for seed in (5, 6))
    assert not all(torch.equal(a, b) for a, b in zip(first, second))
