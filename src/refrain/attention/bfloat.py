"""Exact attention in bfloat16 on processors whose bfloat16 products torch's fused attention leaves unused.

On such a processor (AVX-512 BF16, no AMX) torch 2.13 multiplies matrices four times faster in bfloat16 than in float32,
and attends no faster. Here every product is such a multiplication. A logit is the sum of two bfloat16 numbers, the
rounded product and what rounding took from it, so that it keeps 16 bits; the rest is rounded as in the fused kernel.
"""

from functools import cache

import torch
from torch import Tensor

ROWS = 128  # queries at a time: their logits should stay in the cache
FEW = 1024  # keys of a row that is learnt from whole: torch's fused gradient is slower than products up to here


def serves(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Whether `attend` is right here, and faster than torch's own."""
    return _is_ours(q) and not _is_learnt(q, k, v)


def teaches(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Whether `learn` is right here, and faster than torch's own."""
    return _is_ours(q) and _is_learnt(q, k, v) and k.shape[1] <= FEW and q.shape[2] == k.shape[2]


def learn(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Unmasked attention with gradients: q [B, Lq, H, D], k, v [B, Lk, H, D] of bfloat16 -> [B, Lq, H, D].

    Logits are rounded to bfloat16 here, as a linear layer's outputs are under autocast.
    """
    queries, keys, values = (x.transpose(1, 2) for x in (q * q.shape[-1] ** -0.5, k, v))
    return ((queries @ keys.transpose(2, 3)).softmax(-1) @ values).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Unmasked attention: q [B, Lq, H, D], k, v [B, Lk, H / G, D] of bfloat16 -> [B, Lq, H, D]."""
    out, scale, shared = torch.empty_like(q), q.shape[-1] ** -0.5, q.shape[2] // k.shape[2]
    nothing = q.new_zeros(1, 1)
    for b in range(q.shape[0]):
        for h in range(q.shape[2]):
            keys, values = k[b, :, h // shared].T, v[b, :, h // shared]
            for start in range(0, q.shape[1], ROWS):
                rows = q[b, start : start + ROWS, h]
                logits = torch.addmm(nothing, rows, keys, beta=0, alpha=scale)  # [ROWS, Lk], rounded
                taken = torch.addmm(logits, rows, keys, beta=-1, alpha=scale)  # by rounding
                mass = logits.float().add_(taken).softmax(-1)
                out[b, start : start + ROWS, h] = mass.to(q.dtype) @ values
    return out


def _is_ours(q: Tensor) -> bool:
    return q.device.type == "cpu" and q.dtype == torch.bfloat16 and _has_products()


def _is_learnt(q: Tensor, k: Tensor, v: Tensor) -> bool:
    return torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v))


@cache
def _has_products() -> bool:
    cpu = torch.cpu
    return cpu._is_avx512_bf16_supported() and not cpu._is_amx_tile_supported()  # pyright: ignore[reportPrivateUsage]
