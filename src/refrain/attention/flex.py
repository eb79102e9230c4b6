"""Exact attention by torch's compiled `flex_attention`; tiles that nobody sees are skipped.

A call is compiled for each set of shapes and dtype when it is first met, and kept: a new width, another number of
frames or another batch is compiled anew. With g++ 12, the first took 11 seconds of one core and each further
one 6 (PyTorch 2.13, Zen 5), so it pays where one plan is used many times.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor

from refrain.errors import Unsupported

from .plan import Plan
from .spec import Flex
from .tiles import SLOTS, Tiles

SHAPES = 64  # torch stops at eight sets of shapes by itself, and would then compute another way without saying so
FLOATS = (torch.float16, torch.bfloat16, torch.float32)


@dataclass(frozen=True, eq=False)
class Look:
    """Who looks at which tiles of keys, and how the logits are shifted.

    lists: int32 [B or 1, H or 1, N, M] numbers of tiles of keys, those that are looked at first.
    count: int32 [B or 1, H or 1, N] how many these are.
    slots: [M S'] added to the logits of every key: 0, or -inf for a slot that holds nothing.
    means: [B, H, N, m] added to the logits of the last m keys, which are means; None where there are none.
    """

    lists: Tensor
    count: Tensor
    slots: Tensor
    means: Tensor | None = None


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Flex) -> Tensor:
    """q [B, Lq, H, D], k, v [B, Lk, H / G, D] -> [B, Lq, H, D]; no gradients. Unsupported where torch cannot do it."""
    refuse(q, k, v)
    tiling = plan.tiling(spec.tile, q.device)
    laid = [wide(tiles.lay(x)) for tiles, x in ((tiling.queries, q), (tiling.keys, k), (tiling.keys, v))]
    found = look(
        laid[0], laid[1], laid[2], Look(*listed(tiling.sees[None, None]), empty(tiling.keys, laid[1].shape[3]))
    )
    return tiling.queries.unlay(found[:, :, :, : tiling.queries.slots])


def refuse(q: Tensor, k: Tensor, v: Tensor) -> None:
    """Unsupported, by name, for what compiled attention cannot do."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v)):
        raise Unsupported(
            "Flex carries no gradients: use Dense(), Isa(kernel='gather') or Isa(kernel='triton') for these."
        )
    if q.dtype not in FLOATS:
        raise Unsupported(
            f"Flex takes float16, bfloat16 or float32, not {q.dtype}; use Dense() or Isa(kernel='gather')."
        )
    if compiler(q.device) is None:
        raise Unsupported(
            "Flex needs a C++ compiler, such as g++; install one, or use Dense() or Isa(kernel='gather')."
        )


def compiler(device: torch.device) -> str | None:
    """The compiler that torch would call to build for a device; None where it finds none."""
    from torch._inductor import config

    names = ("gcc", "clang", "cc") if device.type == "cuda" else [name for name in config.cpp.cxx if name]
    return next((found for found in map(shutil.which, names) if found), None)


def wide(x: Tensor) -> Tensor:
    """Tiles [B, H, N, S, D] as the device wants them: on CUDA of 64 slots, elsewhere as they are."""
    return torch.nn.functional.pad(x, (0, 0, 0, SLOTS - x.shape[3])) if x.is_cuda else x


def empty(tiles: Tiles, slots: int) -> Tensor:
    """[M S']: -inf for the slots, so many a tile, that hold nothing, else 0."""
    filled = torch.arange(slots, device=tiles.lengths.device) < tiles.lengths[:, None]
    return torch.zeros_like(filled, dtype=torch.float32).masked_fill_(~filled, -torch.inf).flatten()


def listed(wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Bool [.., N, M] -> numbers int32 [.., N, M], what is wanted first and in order; how many these are [.., N]."""
    order = wanted.to(torch.int8).argsort(dim=-1, descending=True, stable=True)
    return order.to(torch.int32), wanted.sum(-1, dtype=torch.int32)


def look(q: Tensor, k: Tensor, v: Tensor, at: Look) -> Tensor:
    """q [B, H, N, S, D], k, v [B, H / G, M, S', D] -> [B, H, N, S, D], by one compiled call."""
    from torch._dynamo import config
    from torch._dynamo.exc import FailOnRecompileLimitHit
    from torch.nn.attention.flex_attention import BlockMask

    none = torch.zeros_like(at.count), torch.zeros_like(at.lists)
    mask = BlockMask.from_kv_blocks(
        *none, at.count, at.lists, BLOCK_SIZE=(q.shape[3], k.shape[3]),
        seq_lengths=(q.shape[2] * q.shape[3], k.shape[2] * k.shape[3]),
    )  # fmt: skip
    try:
        with config.patch(recompile_limit=SHAPES):  # pyright: ignore[reportUnknownMemberType]
            return _compiled()(*(x.flatten(2, 3) for x in (q, k, v)), mask, at.slots, at.means).view(q.shape)
    except FailOnRecompileLimitHit:
        raise Unsupported(
            f"Flex was compiled for {SHAPES} sets of shapes already: use Dense() or Isa(kernel='gather') for so many, "
            "or a new process."
        ) from None


@cache
def _compiled() -> Callable[..., Tensor]:
    return torch.compile(_look, dynamic=False, fullgraph=True)  # pyright: ignore[reportUnknownMemberType]


def _look(q: Tensor, k: Tensor, v: Tensor, mask: Any, slots: Tensor, means: Tensor | None) -> Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    first = k.shape[2] - (0 if means is None else means.shape[3])
    tile = mask.BLOCK_SIZE[0]

    def shifted(score: Tensor, b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        score = score + slots[j]
        if means is None:
            return score
        return score + torch.where(j >= first, means[b, h, i // tile, (j - first).clamp(min=0)], 0.0)

    grouped, options = q.shape[1] != k.shape[1], {"BLOCK_M": SLOTS, "BLOCK_N": SLOTS} if q.is_cuda else None
    found = cast(Any, flex_attention)(
        q, k, v, score_mod=shifted, block_mask=mask, enable_gqa=grouped, kernel_options=options
    )
    return cast(Tensor, found)
