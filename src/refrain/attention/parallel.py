"""Attention over several ranks, after DeepSpeed-Ulysses (arXiv 2309.14509): ranks share tokens, attention shares heads.

Every rank holds a run of the row's tokens and all heads. One exchange gives it all tokens and a run of the heads; it
attends to these as if it were alone, so every spec and every kernel works; a second exchange gives the tokens back.
"""

from dataclasses import replace
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor

from refrain.errors import BadInput, Unsupported

from .attend import attend
from .plan import Plan
from .spec import Isa, Spec


def share(tokens: int, rank: int, ranks: int) -> tuple[int, int]:
    """Where a rank's run of so many tokens starts and stops; the first ranks hold one more where they must."""
    whole, over = divmod(tokens, ranks)
    start = rank * whole + min(rank, over)
    return start, start + whole + (rank < over)


def attend_parallel(
    q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Spec, group: Any = None, gate: Tensor | None = None
) -> Tensor:
    """`attend` over the ranks of `group` (None: all of them): this rank's tokens in, their answers out.

    q [B, its share of Lq, H, D] and k, v [B, its share of Lk, H / G, D] are the runs `share` names of the tokens of
    `plan.queries` and of `plan.keys`, in row order; gate as in `attend`, of q's tokens -> [B, its share of Lq, H, D].
    All ranks call this together, with equal plan and spec; it carries gradients. A rank works on its run of the heads:
    budgets of heads go with them. Raises Unsupported where heads do not divide by the ranks, BadInput for tensors that
    are no share of the plan, and what `attend` raises. A rank that raises alone leaves the others waiting.
    """
    if not dist.is_available() or not dist.is_initialized():
        raise BadInput("No process group: call torch.distributed.init_process_group first, or use attend.")
    ranks, rank = dist.get_world_size(group), dist.get_rank(group)
    if rank < 0:
        raise BadInput("This process is not of the group that it was asked to attend with.")
    asked, held = (sum(plan.lengths[i] for i in numbers) for numbers in (plan.queries, plan.keys))
    given = {"q": (q, asked), "k": (k, held), "v": (v, held)}
    if gate is not None:  # one gate for all heads goes to every rank
        wide = gate.repeat_interleave(ranks, dim=-1) if gate.shape[-1] == 1 else gate
        given["gate"] = wide[..., None], asked
    for name, (x, tokens) in given.items():
        _check(name, x, tokens, rank, ranks)
    q, k, v, *more = (_to_heads(x, tokens, group) for x, tokens in given.values())
    out = attend(q, k, v, plan, _of_rank(spec, rank, ranks), more[0][..., 0] if more else None)
    return _to_tokens(out, group)


def _check(name: str, x: Tensor, tokens: int, rank: int, ranks: int) -> None:
    """Refuse heads that cannot be dealt out, and tokens that are not this rank's."""
    start, stop = share(tokens, rank, ranks)
    if x.ndim != 4 or x.shape[1] != stop - start:
        raise BadInput(
            f"Rank {rank} of {ranks} holds tokens {start} to {stop} of {tokens}, so {name} must be "
            f"[B, {stop - start}, H, D], not {tuple(x.shape)}."
        )
    if x.shape[2] % ranks:
        raise Unsupported(
            f"{x.shape[2]} heads of {name} cannot be dealt out to {ranks} ranks; take ranks that divide them."
        )


def _of_rank(spec: Spec, rank: int, ranks: int) -> Spec:
    """The spec with the budgets of this rank's heads."""
    if not isinstance(spec, Isa) or not spec.budgets:
        return spec
    runs = [share(len(layer), rank, ranks) for layer in spec.budgets]
    return replace(spec, budgets=tuple(layer[a:b] for layer, (a, b) in zip(spec.budgets, runs)))


def _to_heads(x: Tensor, tokens: int, group: Any) -> Tensor:
    """This rank's tokens of all heads [B, L / R, H, D] -> all tokens of its heads [B, L, H / R, D]."""
    ranks = dist.get_world_size(group)
    batch, own, heads, width = x.shape
    parts = x.reshape(batch, own, ranks, heads // ranks, width).permute(2, 1, 0, 3, 4)  # [R, L / R, B, H / R, D]
    lengths = _lengths(tokens, ranks)
    return _exchange(parts.flatten(0, 1), [own] * ranks, lengths, group).transpose(0, 1)


def _to_tokens(x: Tensor, group: Any) -> Tensor:
    """All tokens of this rank's heads [B, L, H / R, D] -> its tokens of all heads [B, L / R, H, D]."""
    ranks, rank = dist.get_world_size(group), dist.get_rank(group)
    lengths = _lengths(x.shape[1], ranks)
    parts = _exchange(x.transpose(0, 1), lengths, [lengths[rank]] * ranks, group)  # [R L / R, B, H / R, D]
    return parts.reshape(ranks, lengths[rank], *parts.shape[1:]).permute(2, 1, 0, 3, 4).flatten(2, 3)


def _lengths(tokens: int, ranks: int) -> list[int]:
    return [stop - start for start, stop in (share(tokens, rank, ranks) for rank in range(ranks))]


def _exchange(x: Tensor, sent: list[int], got: list[int], group: Any) -> Tensor:
    return cast(Tensor, _Exchange.apply(x, sent, got, group))  # pyright: ignore[reportUnknownMemberType]


class _Exchange(torch.autograd.Function):
    """x [sum(sent), ...]: its first sent[0] rows go to rank 0, and so on; got[n] rows come from rank n.

    Its gradient is the same exchange the other way round.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, sent: list[int], got: list[int], group: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.way = sent, got, group
        out = x.new_empty(sum(got), *x.shape[1:])
        dist.all_to_all_single(out, x.contiguous(), got, sent, group=group)  # pyright: ignore[reportUnknownMemberType]
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        sent, got, group = ctx.way
        back = grad.new_empty(sum(sent), *grad.shape[1:])
        dist.all_to_all_single(back, grad.contiguous(), sent, got, group=group)  # pyright: ignore[reportUnknownMemberType]
        return back, None, None, None
