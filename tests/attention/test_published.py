"""`Isa.published()` is LIVEditor's Algorithm 1 (arXiv 2605.04569), held to a slow, literal transcription of it.

Two details of the paper are settled: coarse scores are softmaxed (its text says so, its line of pseudocode forgets it),
and alpha_f is halved between dense and sparse either way, an odd block going to the sparse half. The paper knows only
full blocks of 64; here the last block of a segment may be shorter, and weighs by its true length wherever blocks weigh.
"""

import math
from dataclasses import replace
from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from refrain.attention import Isa, Plan, attend
from refrain.sequence import RULES, Segment, Sequence, grid

Blocks = list[range]
KERNELS = ("reference", "gather")


def blocks_of(start: int, stop: int, b: int) -> Blocks:
    """Blocks of b tokens in raster order; the last may be shorter."""
    return [range(at, min(at + b, stop)) for at in range(start, stop, b)]


def algorithm_1(
    q: Tensor, k: Tensor, v: Tensor, asking: Blocks, noise: Blocks, context: Blocks, b: int
) -> dict[range, tuple[Tensor, Tensor]]:
    """One head, q, k, v [L, D] in float64: (output, coarse output) of every block that asks.

    alpha_s = 1/8, alpha_f = 1/2, alpha_ns = 1/16. Under `full` everybody asks and the target's blocks are the noise.
    """
    scale = 1 / math.sqrt(q.shape[1])
    keys = noise + context

    # Lines 1-7: pool; coarse scores; coarse output.
    q_mean = {i: sum(q[n] for n in i) / len(i) for i in asking}
    k_mean = {j: sum(k[n] for n in j) / len(j) for j in keys}
    v_mean = {j: sum(v[n] for n in j) / len(j) for j in keys}
    score: dict[range, dict[range, float]] = {}
    for i in asking:
        raw = {j: len(j) * math.exp(scale * float(q_mean[i] @ k_mean[j])) for j in keys}
        total = sum(raw.values())
        score[i] = {j: raw[j] / total for j in keys}
    coarse = {i: sum(score[i][j] * v_mean[j] for j in keys) for i in asking}

    # Lines 8-14: the saliency of context blocks is what the target's blocks give them; the best stay, the rest goes.
    voters = [i for i in asking if i in noise] or asking
    saliency = {j: sum(score[i][j] for i in voters) for j in context}
    count = math.floor(1 / 8 * (sum(map(len, context)) // b))
    kept = sorted(context, key=lambda j: saliency[j], reverse=True)[: max(count, 1)]
    new = noise + kept

    # Lines 15-20: sharpness is the variance over the target's columns; the sharpest half is dense.
    columns = noise or context
    sharpness: dict[range, float] = {}
    for i in asking:
        row = [score[i][j] for j in columns]
        middle = sum(row) / len(row)
        sharpness[i] = sum((x - middle) ** 2 for x in row) / len(row)
    dense = sorted(asking, key=lambda i: sharpness[i], reverse=True)[: math.floor(len(asking) / 2)]

    # Algorithm 2: exact blocks and the means of the others, in one online softmax.
    out: dict[range, tuple[Tensor, Tensor]] = {}
    for i in asking:
        best = sorted(new, key=lambda j: score[i][j], reverse=True)
        exact = new if i in dense else best[: max(math.floor(1 / 16 * len(new)), 1)]
        out[i] = one_block(q[i.start : i.stop] * scale, k, v, k_mean, v_mean, new, exact), coarse[i].expand(len(i), -1)
    return out


def one_block(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    k_mean: dict[range, Tensor],
    v_mean: dict[range, Tensor],
    new: Blocks,
    exact: Blocks,
) -> Tensor:
    """Equation 4 for queries [S, D]: a running maximum m, and what stands above and below the fraction's line."""
    m, numerator = torch.full((len(q), 1), -math.inf, dtype=q.dtype), torch.zeros_like(q)
    below = torch.zeros_like(m)
    for j in new:
        if j in exact:
            z, values, weight = q @ k[j.start : j.stop].T, v[j.start : j.stop], 1
        else:
            z, values, weight = q @ k_mean[j][:, None], v_mean[j][None], len(j)
        above = torch.maximum(m, z.amax(1, keepdim=True))
        p, fade = weight * torch.exp(z - above), torch.exp(m - above)
        m, below, numerator = above, below * fade + p.sum(1, keepdim=True), numerator * fade + p @ values
    return numerator / below


def literally(q: Tensor, k: Tensor, v: Tensor, row: Sequence, rule: str, b: int, gate: Tensor | None = None) -> Tensor:
    """The whole row [B, L, H, D]. Under `full` one run of the algorithm; else one for each segment and what it sees."""
    ends = list(accumulate(len(s) for s in row))
    cut = [blocks_of(end - len(s), end, b) for s, end in zip(row, ends)]
    everybody = list(range(len(cut)))
    out, coarse = torch.zeros_like(q), torch.zeros_like(q)
    for asks in [everybody] if rule == "full" else [[n] for n in everybody]:
        seen = [n for n in everybody if RULES[rule](row.segments[asks[0]], row.segments[n])]
        asking = [block for n in asks for block in cut[n]]
        noise = [block for n in seen if row.segments[n].noisy for block in cut[n]]
        context = [block for n in seen if not row.segments[n].noisy for block in cut[n]]
        for batch in range(q.shape[0]):
            for h in range(q.shape[2]):
                of = (batch, slice(None), h)
                for block, (fine, rough) in algorithm_1(q[of], k[of], v[of], asking, noise, context, b).items():
                    out[batch, block.start : block.stop, h] = fine
                    coarse[batch, block.start : block.stop, h] = rough
    return out if gate is None else out + gate[..., None] * coarse


def qkv(tokens: int, seed: int, heads: int = 2, batch: int = 1) -> Tensor:
    """Smooth over the row, so that block means say something: [3, B, L, H, 4] in float64."""
    noise = torch.randn(3, batch, heads * 4, tokens + 8, generator=torch.Generator().manual_seed(seed))
    smooth = 3 * torch.nn.functional.avg_pool1d(noise.double().flatten(0, 1), 9, 1)  # [3 B, H 4, L]
    return smooth.unflatten(0, (3, batch)).unflatten(2, (heads, 4)).permute(0, 1, 4, 2, 3).contiguous()


def laid(source: int, target: int, target_first: bool = False) -> Sequence:
    pair = [Segment("source", 0, grid(1, 1, source)), Segment("target", 0, grid(1, 1, target))]
    return Sequence(pair[::-1] if target_first else pair)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("source", "target"), [(1024, 1024), (1100, 1000), (2000, 130)])
def test_blocks_of_64(source: int, target: int, kernel: str) -> None:
    row = laid(source, target)
    q, k, v = qkv(len(row), source, heads=1)
    out = attend(q, k, v, Plan.of(row, RULES["full"]), replace(Isa.published(), kernel=kernel))
    torch.testing.assert_close(out, literally(q, k, v, row, "full", 64), rtol=0, atol=tight(kernel))


@pytest.mark.parametrize("kernel", KERNELS)
@given(st.integers(1, 260), st.integers(9, 260), st.booleans(), st.integers(0, 99))
@settings(max_examples=10)
def test_blocks_of_8_and_any_length(kernel: str, source: int, target: int, target_first: bool, seed: int) -> None:
    """A target of one block has no variance; which of its queries are the sharpest is then nowhere said."""
    row = laid(source, target, target_first)
    q, k, v = qkv(len(row), seed)
    spec = replace(Isa.published(), tile=8, kernel=kernel)
    out = attend(q, k, v, Plan.of(row, RULES["full"]), spec)
    torch.testing.assert_close(out, literally(q, k, v, row, "full", 8), rtol=0, atol=tight(kernel))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("heads", [1, 2])
def test_the_learned_gate_adds_the_coarse_output(kernel: str, heads: int) -> None:
    row = laid(139, 150)
    q, k, v = qkv(len(row), 5, batch=2)
    gate = torch.rand(2, len(row), heads, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    spec = replace(Isa.published(coarse_gate=True), tile=8, kernel=kernel)
    out = attend(q, k, v, Plan.of(row, RULES["full"]), spec, gate)
    torch.testing.assert_close(out, literally(q, k, v, row, "full", 8, gate), rtol=0, atol=tight(kernel))


@pytest.mark.parametrize("rule", ["isolated", "block_causal"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_where_clean_ignores_noisy_each_segment_chooses_for_itself(rule: str, kernel: str) -> None:
    """The algorithm once for each segment, over what it sees: clean queries pre-select by their own scores."""
    row = Sequence(
        [
            Segment("source", 0, grid(1, 1, 131)),
            Segment("answer", 1, grid(1, 1, 200)),
            Segment("target", 2, grid(1, 1, 150)),
        ]
    )
    q, k, v = qkv(len(row), 3)
    out = attend(q, k, v, Plan.of(row, RULES[rule]), replace(Isa.published(), tile=8, kernel=kernel))
    torch.testing.assert_close(out, literally(q, k, v, row, rule, 8), rtol=0, atol=tight(kernel))


def test_the_algorithm_is_not_dense_attention_so_the_tests_above_can_fail() -> None:
    row = laid(1024, 1024)
    q, k, v = qkv(len(row), 1024, heads=1)
    exact = attend(q, k, v, Plan.of(row, RULES["full"]), Isa(keep=1.0, kernel="reference"))
    assert (literally(q, k, v, row, "full", 64) - exact).abs().max() > 1e-2


def tight(kernel: str) -> float:
    return 1e-12 if kernel == "reference" else 2e-6
