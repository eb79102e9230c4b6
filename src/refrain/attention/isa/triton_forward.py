"""Exact-or-mean attention on a GPU, forward: for every tile of queries one online softmax through both parts.

First the tiles on its list, exactly; then the means, 64 at a time, segment by segment, its row of states as a mask.
Sums of earlier parts, the mass on a segment's means too, shrink whenever the running maximum grows. Logits are
raw products of the stored numbers, scaled afterwards in float32, and in base 2; the backward recomputes them alike
(scaling low-precision keys first costs whole orders of magnitude in gradients: FastVideo, pull request 1730).
"""
# pyright: basic, reportArgumentType=false, reportIndexIssue=false, reportCallIssue=false, reportAttributeAccessIssue=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false

from typing import Any, NamedTuple

import triton
import triton.language as tl


class Laid(NamedTuple):
    """What every kernel reads. G query heads share a head of keys; `Sizes` names the rest.

    q [B, H, N, S, D]; k, v [B, H / G, M, P, D]; mean_k, mean_v [B, H / G, M, D] and slope [B, H / G, segments, D, D]
    of the dtype of q; bias [M] log2 of the lengths; which [M] a mean's segment and bounds [segments + 1] where the
    means of each segment begin; asking [N] and held [M] the lengths, int32.
    """

    q: Any
    k: Any
    v: Any
    mean_k: Any
    mean_v: Any
    slope: Any
    bias: Any
    which: Any
    bounds: Any
    asking: Any
    held: Any


class Lists(NamedTuple):
    """Who is exact, for rows (or, transposed, columns) of states.

    entries [B, H, rows, most]: 128 * tile + its length, ascending, so that one load says both; count [B, H, rows];
    order [B, H or H / G, rows]: the longest list first, so that a short one ends the day.
    """

    entries: Any
    count: Any
    order: Any


class Counts(NamedTuple):
    """Numbers that change from row to row: N query tiles, M key tiles, segments of keys, and the width of the lists."""

    n: int
    m: int
    segments: int
    most: int


class Sizes(NamedTuple):
    """Numbers that a kernel is compiled for.

    D: head width. S, P: slots of a query and of a key tile. SQ, SP: these, padded to a power of two of at least 16.
    CHUNK: means at a time. GROUP: query heads for each head of keys. ORDER: 1 with slopes. SCALE: 1 / sqrt(D).
    SCALE2: that times log2(e). PRECISION: how float32 is multiplied.
    """

    D: int
    S: int
    P: int
    SQ: int
    SP: int
    CHUNK: int
    GROUP: int
    ORDER: int
    SCALE: float
    SCALE2: float
    PRECISION: str


MEAN, EXACT = tl.constexpr(1), tl.constexpr(2)


@triton.jit
def forward(x, state, lists, o, lse, counts, z: tl.constexpr):
    """o [B, H, N, S, D] and lse [B, H, N, S] in base 2; empty slots get 0. Grid (N, B H)."""
    SQ: tl.constexpr = z.SQ
    D: tl.constexpr = z.D
    head = tl.program_id(1).to(tl.int64)
    n = tl.load(lists.order + head * counts.n + tl.program_id(0))
    row = head * counts.n + n
    held = head // z.GROUP * counts.m  # the first tile of this head's keys
    slot, key, d = tl.arange(0, SQ), tl.arange(0, z.SP), tl.arange(0, D)
    real = slot < tl.load(x.asking + n)
    in_q, in_k = slot[:, None] * D + d, key[:, None] * D + d
    q = tl.load(x.q + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
    top = tl.full([SQ], -float("inf"), tl.float32)
    mass = tl.zeros([SQ], tl.float32)
    acc = tl.zeros([SQ, D], tl.float32)

    for i in range(0, tl.load(lists.count + row)):
        entry = tl.load(lists.entries + row * counts.most + i)
        tile, filled = (held + entry // 128) * (z.P * D), key < entry % 128
        k = tl.load(x.k + tile + in_k, mask=filled[:, None], other=0.0)
        v = tl.load(x.v + tile + in_k, mask=filled[:, None], other=0.0)
        logits = tl.dot(q, tl.trans(k), input_precision=z.PRECISION) * z.SCALE2
        p, top, shrink = soften(tl.where(filled, logits, -float("inf")), top)
        mass = mass * shrink + tl.sum(p, 1)
        acc = tl.dot(p.to(v.dtype), v, acc * shrink[:, None], input_precision=z.PRECISION)

    for segment in range(0, counts.segments):
        rest = tl.zeros([SQ], tl.float32)  # the mass on this segment's means
        for start in range(tl.load(x.bounds + segment), tl.load(x.bounds + segment + 1), z.CHUNK):
            j = start + tl.arange(0, z.CHUNK)
            inside = j < tl.load(x.bounds + segment + 1)
            mean = tl.load(state + row * counts.m + j, mask=inside, other=0) == MEAN
            k = tl.load(x.mean_k + held * D + j[:, None] * D + d, mask=inside[:, None], other=0.0)
            v = tl.load(x.mean_v + held * D + j[:, None] * D + d, mask=inside[:, None], other=0.0)
            bias = tl.load(x.bias + j, mask=inside, other=0.0)
            logits = tl.dot(q, tl.trans(k), input_precision=z.PRECISION) * z.SCALE2 + bias
            p, top, shrink = soften(tl.where(mean, logits, -float("inf")), top)
            mass = mass * shrink + tl.sum(p, 1)
            rest = rest * shrink + tl.sum(p, 1)
            acc = tl.dot(p.to(v.dtype), v, acc * shrink[:, None], input_precision=z.PRECISION)
        if z.ORDER == 1:
            there = (head // z.GROUP * counts.segments + segment) * (D * D)
            slope = tl.load(x.slope + there + tl.arange(0, D)[:, None] * D + d)
            acc += (rest * z.SCALE)[:, None] * tl.dot(q, slope, input_precision=z.PRECISION)

    mass = tl.where(mass == 0.0, 1.0, mass)  # who sees nothing hears nothing
    out = tl.where(real[:, None], acc / mass[:, None], 0.0)
    place = slot < z.S
    tl.store(o + row * (z.S * D) + in_q, out.to(q.dtype), mask=place[:, None])
    tl.store(lse + row * z.S + slot, tl.where(real, top + tl.log2(mass), 0.0), mask=place)


@triton.jit
def soften(logits, top):
    """Weights 2^(logits - the new maximum), that maximum, and how far sums of before must shrink."""
    new = tl.maximum(top, tl.max(logits, 1))
    safe = tl.where(new == -float("inf"), 0.0, new)  # nothing was seen yet: weights 0, not NaN
    return tl.exp2(logits - safe[:, None]), new, tl.exp2(top - safe)


@triton.jit
def compact(state, lengths, entries, count, columns, most, BLOCK: tl.constexpr):
    """Write where a row of states [rows, columns] is exact as a list of `Lists`, and its length. Grid (rows,)."""
    row = tl.program_id(0).to(tl.int64)
    found = tl.zeros([], tl.int32)
    for start in range(0, columns, BLOCK):
        j = start + tl.arange(0, BLOCK)
        exact = (tl.load(state + row * columns + j, mask=j < columns, other=0) == EXACT).to(tl.int32)
        entry = j * 128 + tl.load(lengths + j, mask=j < columns, other=0)
        tl.store(entries + row * most + found + tl.cumsum(exact, 0) - exact, entry, mask=exact > 0)
        found += tl.sum(exact, 0)
    tl.store(count + row, found)
