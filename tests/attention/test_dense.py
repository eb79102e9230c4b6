"""Dense attention without a mask is masked attention. The masked twin lives here and nowhere else."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attention.test_plan import layouts, rules
from refrain.attention import Dense, Plan, attend
from refrain.sequence import RULES, Rule, Segment, Sequence, grid

SEED = st.integers(0, 99)


def masked(q: Tensor, k: Tensor, v: Tensor, row: Sequence, rule: Rule) -> Tensor:
    """One call over the whole row with a boolean mask [L, L]: the plain way to say the same."""
    owner = [segment for segment in row for _ in range(len(segment))]
    mask = torch.tensor([[rule(a, b) for b in owner] for a in owner])
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)


def qkv(tokens: int, seed: int) -> Tensor:
    """q, k, v [3, B, L, H, D] in float64."""
    return torch.randn(3, 2, tokens, 2, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(layouts, rules, SEED)
def test_dense_is_its_masked_twin(row: Sequence, name: str, seed: int) -> None:
    q, k, v = qkv(len(row), seed)
    out = attend(q, k, v, Plan.of(row, RULES[name]), Dense())
    torch.testing.assert_close(out, masked(q, k, v, row, RULES[name]), rtol=0, atol=1e-12)


@given(layouts, rules, SEED)
def test_gradients_are_those_of_the_masked_twin(row: Sequence, name: str, seed: int) -> None:
    q, k, v = qkv(len(row), seed)
    weigh = qkv(len(row), seed + 100)[0]
    mine, theirs = ([x.clone().requires_grad_() for x in (q, k, v)] for _ in range(2))
    (attend(*mine, Plan.of(row, RULES[name]), Dense()) * weigh).sum().backward()
    (masked(*theirs, row, RULES[name]) * weigh).sum().backward()
    for a, b in zip(mine, theirs):
        torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=1e-12)


@given(layouts, rules, SEED, st.data())
def test_those_who_ask_alone_hear_the_same(row: Sequence, name: str, seed: int, data: st.DataObject) -> None:
    asking = sorted(data.draw(st.sets(st.integers(0, len(row.segments) - 1), min_size=1)))
    q, k, v = qkv(len(row), seed)
    plan = Plan.of(row, RULES[name], asking)
    some = attend(take(q, row, plan.queries), take(k, row, plan.keys), take(v, row, plan.keys), plan, Dense())
    whole = attend(q, k, v, Plan.of(row, RULES[name]), Dense())
    torch.testing.assert_close(some, take(whole, row, plan.queries), rtol=0, atol=1e-12)


@given(st.permutations(range(4)), rules, SEED)
def test_the_order_of_segments_says_nothing(order: list[int], name: str, seed: int) -> None:
    kinds = [("source", 0), ("reference", 0), ("answer", 1), ("target", 2)]
    row = Sequence([Segment(kind, beat, grid(n + 1, 1, 1)) for n, (kind, beat) in enumerate(kinds)])  # type: ignore[arg-type]
    moved = Sequence([row.segments[i] for i in order])
    q, k, v = qkv(len(row), seed)
    out = attend(q, k, v, Plan.of(row, RULES[name]), Dense())
    there = attend(*(take(part, row, order) for part in (q, k, v)), Plan.of(moved, RULES[name]), Dense())
    torch.testing.assert_close(there, take(out, row, order), rtol=0, atol=1e-12)


def take(x: Tensor, row: Sequence, numbers: list[int] | tuple[int, ...]) -> Tensor:
    """The tokens of some segments, in the order of `numbers`."""
    parts = x.split([len(s) for s in row], dim=1)
    return torch.cat([parts[i] for i in numbers], dim=1)
