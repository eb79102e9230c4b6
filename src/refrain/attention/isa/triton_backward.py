"""Exact-or-mean attention on a GPU, backward: every gradient is summed by one program, in one order, without atomics.

With weights p of exact keys and w of means (both already divided by the row's sum), D = do . o, and for the means of a
segment of slope H r = s do . H^T q (0 at order 0):

    exact: dv += p do           da = p (do . v - D)            dk += s da q          dq += s da k
    means: dvbar += w do        da = w (do . vbar + r - D)     dkbar += s da q       dq += s da kbar
    slope: dH += s w q do^T     and, with t the sum of w over the segment,           dq += s t H do

`rows` goes over the list of a query tile and then over all means, `columns` over those whose list a key tile is on,
`means` over all query tiles for 64 means, `slopes` over a share of the query tiles. Torch carries the gradients of the
statistics on to keys and values.
"""
# pyright: basic, reportArgumentType=false, reportIndexIssue=false, reportCallIssue=false, reportAttributeAccessIssue=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false

from typing import Any, NamedTuple

import triton
import triton.language as tl

from .triton_forward import MEAN


class Heard(NamedTuple):
    """The answers [B, H, N, S, D], what is to change in them, and log2 of their sums of weights [B, H, N, S]."""

    o: Any
    do: Any
    lse: Any


class Felt(NamedTuple):
    """What `rows` finds and the others need, float32: D [B, H, N, S]; D - r and t [B, H, N, segments, S]."""

    delta: Any
    rest_delta: Any
    rest: Any


@triton.jit
def rows(x, state, lists, heard, dq, felt, counts, z: tl.constexpr):
    """dq and `Felt`, of one tile of queries; empty slots get 0. Grid (N, B H)."""
    SQ: tl.constexpr = z.SQ
    D: tl.constexpr = z.D
    head = tl.program_id(1).to(tl.int64)
    n = tl.load(lists.order + head * counts.n + tl.program_id(0))
    row = head * counts.n + n
    held = head // z.GROUP * counts.m
    slot, key, d = tl.arange(0, SQ), tl.arange(0, z.SP), tl.arange(0, D)
    in_q, in_k = slot[:, None] * D + d, key[:, None] * D + d
    place, real = slot < z.S, slot < tl.load(x.asking + n)
    q = tl.load(x.q + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
    do = tl.load(heard.do + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
    o = tl.load(heard.o + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
    lse = tl.load(heard.lse + row * z.S + slot, mask=real, other=0.0)
    delta = tl.sum(do.to(tl.float32) * o.to(tl.float32), 1)
    tl.store(felt.delta + row * z.S + slot, delta, mask=place)
    acc = tl.zeros([SQ, D], tl.float32)

    for i in range(0, tl.load(lists.count + row)):
        entry = tl.load(lists.entries + row * counts.most + i)
        tile, filled = (held + entry // 128) * (z.P * D), key < entry % 128
        k = tl.load(x.k + tile + in_k, mask=filled[:, None], other=0.0)
        v = tl.load(x.v + tile + in_k, mask=filled[:, None], other=0.0)
        logits = tl.dot(q, tl.trans(k), input_precision=z.PRECISION) * z.SCALE2
        p = tl.where(filled, tl.exp2(logits - lse[:, None]), 0.0)
        da = p * (tl.dot(do, tl.trans(v), input_precision=z.PRECISION) - delta[:, None])
        acc = tl.dot(da.to(k.dtype), k, acc, input_precision=z.PRECISION)

    for segment in range(0, counts.segments):
        rest_delta, there = delta, (row * counts.segments + segment) * z.S
        if z.ORDER == 1:
            at = x.slope + (head // z.GROUP * counts.segments + segment) * (D * D)
            slope = tl.load(at + tl.arange(0, D)[:, None] * D + d)
            rise = tl.dot(q, slope, input_precision=z.PRECISION) * z.SCALE
            rest_delta = delta - tl.sum(do.to(tl.float32) * rise, 1)
            tl.store(felt.rest_delta + there + slot, rest_delta, mask=place)
        rest = tl.zeros([SQ], tl.float32)
        for start in range(tl.load(x.bounds + segment), tl.load(x.bounds + segment + 1), z.CHUNK):
            j = start + tl.arange(0, z.CHUNK)
            inside = j < tl.load(x.bounds + segment + 1)
            mean = tl.load(state + row * counts.m + j, mask=inside, other=0) == MEAN
            k = tl.load(x.mean_k + held * D + j[:, None] * D + d, mask=inside[:, None], other=0.0)
            v = tl.load(x.mean_v + held * D + j[:, None] * D + d, mask=inside[:, None], other=0.0)
            bias = tl.load(x.bias + j, mask=inside, other=0.0)
            logits = tl.dot(q, tl.trans(k), input_precision=z.PRECISION) * z.SCALE2 + bias
            w = tl.where(mean, tl.exp2(logits - lse[:, None]), 0.0)
            da = w * (tl.dot(do, tl.trans(v), input_precision=z.PRECISION) - rest_delta[:, None])
            acc = tl.dot(da.to(k.dtype), k, acc, input_precision=z.PRECISION)
            rest += tl.sum(w, 1)
        if z.ORDER == 1:
            tl.store(felt.rest + there + slot, rest, mask=place)
            slope = tl.load(at + tl.arange(0, D)[:, None] * D + d)
            acc += rest[:, None] * tl.dot(do, tl.trans(slope), input_precision=z.PRECISION)
    tl.store(dq + row * (z.S * D) + in_q, tl.where(real[:, None], acc * z.SCALE, 0.0).to(q.dtype), mask=place[:, None])


@triton.jit
def columns(x, lists, heard, delta, dk, dv, counts, z: tl.constexpr):
    """dk and dv of one tile of keys, from every head that shares it; empty slots get 0. Grid (M, B H / G)."""
    SP: tl.constexpr = z.SP
    D: tl.constexpr = z.D
    held = tl.program_id(1).to(tl.int64)
    j = tl.load(lists.order + held * counts.m + tl.program_id(0))
    slot, key, d = tl.arange(0, z.SQ), tl.arange(0, SP), tl.arange(0, D)
    in_q, in_k = slot[:, None] * D + d, key[:, None] * D + d
    filled = key < tl.load(x.held + j)
    tile = (held * counts.m + j) * (z.P * D)
    k = tl.load(x.k + tile + in_k, mask=filled[:, None], other=0.0)
    v = tl.load(x.v + tile + in_k, mask=filled[:, None], other=0.0)
    sum_k, sum_v = tl.zeros([SP, D], tl.float32), tl.zeros([SP, D], tl.float32)

    for head in range(held * z.GROUP, (held + 1) * z.GROUP):
        column = head * counts.m + j
        for i in range(0, tl.load(lists.count + column)):
            entry = tl.load(lists.entries + column * counts.most + i)
            row, real = head * counts.n + entry // 128, slot < entry % 128
            q = tl.load(x.q + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
            do = tl.load(heard.do + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
            lse = tl.load(heard.lse + row * z.S + slot, mask=real, other=0.0)
            less = tl.load(delta + row * z.S + slot, mask=real, other=0.0)
            logits = tl.dot(k, tl.trans(q), input_precision=z.PRECISION) * z.SCALE2
            p = tl.where(filled[:, None], tl.exp2(logits - lse), 0.0)
            sum_v = tl.dot(p.to(do.dtype), do, sum_v, input_precision=z.PRECISION)
            da = p * (tl.dot(v, tl.trans(do), input_precision=z.PRECISION) - less)
            sum_k = tl.dot(da.to(q.dtype), q, sum_k, input_precision=z.PRECISION)
    place = (key < z.P)[:, None]
    tl.store(dk + tile + in_k, (sum_k * z.SCALE).to(k.dtype), mask=place)
    tl.store(dv + tile + in_k, sum_v.to(v.dtype), mask=place)


@triton.jit
def means(x, state, heard, felt, dk, dv, counts, z: tl.constexpr):
    """Gradients, float32 [B, H / G, M, D], of 64 mean keys and mean values. Grid (M / 64 rounded up, B H / G)."""
    CHUNK: tl.constexpr = z.CHUNK
    D: tl.constexpr = z.D
    held = tl.program_id(1).to(tl.int64)
    j = tl.program_id(0) * CHUNK + tl.arange(0, CHUNK)
    slot, d = tl.arange(0, z.SQ), tl.arange(0, D)
    in_q, in_m = slot[:, None] * D + d, j[:, None] * D + d
    inside = j < counts.m
    k = tl.load(x.mean_k + held * counts.m * D + in_m, mask=inside[:, None], other=0.0)
    v = tl.load(x.mean_v + held * counts.m * D + in_m, mask=inside[:, None], other=0.0)
    bias = tl.load(x.bias + j, mask=inside, other=0.0)
    segment = tl.load(x.which + j, mask=inside, other=0)
    sum_k, sum_v = tl.zeros([CHUNK, D], tl.float32), tl.zeros([CHUNK, D], tl.float32)

    for head in range(held * z.GROUP, (held + 1) * z.GROUP):
        for n in range(0, counts.n):
            row, real = head * counts.n + n, slot < tl.load(x.asking + n)
            mean = tl.load(state + row * counts.m + j, mask=inside, other=0) == MEAN
            q = tl.load(x.q + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
            do = tl.load(heard.do + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
            lse = tl.load(heard.lse + row * z.S + slot, mask=real, other=0.0)
            if z.ORDER == 1:
                at = felt.rest_delta + row * counts.segments * z.S
                less = tl.load(at + segment[:, None] * z.S + slot, mask=real & inside[:, None], other=0.0)
            else:
                less = tl.load(felt.delta + row * z.S + slot, mask=real, other=0.0)
            logits = tl.dot(k, tl.trans(q), input_precision=z.PRECISION) * z.SCALE2 + bias[:, None]
            w = tl.where(mean[:, None], tl.exp2(logits - lse), 0.0)
            sum_v = tl.dot(w.to(do.dtype), do, sum_v, input_precision=z.PRECISION)
            da = w * (tl.dot(v, tl.trans(do), input_precision=z.PRECISION) - less)
            sum_k = tl.dot(da.to(q.dtype), q, sum_k, input_precision=z.PRECISION)
    tl.store(dk + held * counts.m * D + in_m, sum_k * z.SCALE, mask=inside[:, None])
    tl.store(dv + held * counts.m * D + in_m, sum_v, mask=inside[:, None])


@triton.jit
def slopes(x, do, rest, parts, shares, counts, z: tl.constexpr):
    """Parts of dH, float32 [B, H / G, segments, shares, D, D], to be summed. Grid (shares, B H / G segments)."""
    D: tl.constexpr = z.D
    share, which = tl.program_id(0), tl.program_id(1).to(tl.int64)
    held, segment = which // counts.segments, which % counts.segments
    slot, d = tl.arange(0, z.SQ), tl.arange(0, D)
    in_q = slot[:, None] * D + d
    acc = tl.zeros([D, D], tl.float32)
    for head in range(held * z.GROUP, (held + 1) * z.GROUP):
        for n in range(share, counts.n, shares):
            row, real = head * counts.n + n, slot < tl.load(x.asking + n)
            q = tl.load(x.q + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
            changed = tl.load(do + row * (z.S * D) + in_q, mask=real[:, None], other=0.0)
            mass = tl.load(rest + (row * counts.segments + segment) * z.S + slot, mask=real, other=0.0)
            weighed = (changed.to(tl.float32) * mass[:, None]).to(q.dtype)
            acc = tl.dot(tl.trans(q), weighed, acc, input_precision=z.PRECISION)
    at = parts + (which * shares + share) * (D * D)
    tl.store(at + tl.arange(0, D)[:, None] * D + d, acc * z.SCALE)
