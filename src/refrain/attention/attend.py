"""One door to attention: who sees whom is said by the plan, how it is computed is said by the spec."""

import torch
from torch import Tensor

from refrain.errors import BadInput

from . import dense, flex
from .isa import run as isa
from .plan import Plan
from .spec import Dense, Flex, Isa, Spec

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def attend(
    q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Spec, gate: Tensor | None = None, checked: bool = False
) -> Tensor:
    """Attention under a plan: q [B, Lq, H, D], k and v [B, Lk, H, D], in row order -> [B, Lq, H, D].

    Lq and Lk are the tokens of `plan.queries` and `plan.keys`. k and v may have fewer heads, each shared by as many
    neighbouring heads of q. `gate` [B, Lq, 1 or H] belongs to `Isa(coarse_gate=True)`. checked: the caller has looked
    for NaN and infinity in k and v. Raises BadInput where the tensors do not fit the plan or hold NaN or infinity (not
    looked for within `torch.compile` and CUDA graphs, which cannot ask), Unsupported where the spec cannot be honoured,
    and TypeError for a spec that nothing answers to; there is no fallback.
    """
    plan.check(q, k, v)
    _check_gate(gate, q, spec)
    check_numbers({"q": q} | ({} if checked else {"k": k, "v": v}) | ({} if gate is None else {"gate": gate}))
    match spec:
        case Dense():
            return dense.attend(q, k, v, plan)
        case Flex():
            return flex.attend(q, k, v, plan, spec)
        case Isa():
            return isa.attend(q, k, v, plan, spec, gate)
        case _:  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"No attention answers to {spec!r}.")


def _check_gate(gate: Tensor | None, q: Tensor, spec: Spec) -> None:
    """Refuse a gate that nobody asked for, one that is missing, and one that does not fit."""
    wanted = isinstance(spec, Isa) and spec.coarse_gate
    if wanted and gate is None:
        raise BadInput("Isa(coarse_gate=True) needs a gate [B, Lq, 1 or H]; without one, leave coarse_gate out.")
    if gate is None:
        return
    if not wanted:
        raise BadInput(f"A gate belongs to Isa(coarse_gate=True), not to {type(spec).__name__} without it.")
    if gate.ndim != 3 or gate.shape[:2] != q.shape[:2] or gate.shape[2] not in (1, q.shape[2]):
        raise BadInput(
            f"The gate must be [B, Lq, 1 or H], here [{q.shape[0]}, {q.shape[1]}, 1 or {q.shape[2]}]; "
            f"got {tuple(gate.shape)}."
        )
    if gate.device != q.device:
        raise BadInput(f"The gate must be where q is, on {q.device}, not on {gate.device}.")


def check_numbers(named: dict[str, Tensor]) -> None:
    """Refuse what is not of floats, and NaN and infinity: with those in it, a sum is one of them too."""
    for name, x in named.items():
        if x.dtype not in FLOATS:
            raise BadInput(f"{name} is of {x.dtype}; attention takes float16, bfloat16, float32 or float64.")
    first = next(iter(named.values()))
    if torch.compiler.is_compiling() or first.is_meta or (first.is_cuda and torch.cuda.is_current_stream_capturing()):
        return
    with torch.no_grad():
        sums = [x.sum(dtype=torch.promote_types(x.dtype, torch.float32)) for x in named.values()]
        if bool(torch.stack([total.isfinite() for total in sums]).all()):
            return
        for name, x in named.items():  # or else finite numbers add up to infinity, which is no fault of theirs
            if not bool(x.isfinite().all()):
                raise BadInput(f"{name} holds NaN or infinity: look at the weights, the precision and what was put in.")
