"""One door to attention: who sees whom is said by the plan, how it is computed is said by the spec."""

from torch import Tensor

from refrain.errors import BadInput

from . import dense, flex
from .isa import run as isa
from .plan import Plan
from .spec import Dense, Flex, Isa, Spec


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Spec, gate: Tensor | None = None) -> Tensor:
    """Attention under a plan: q [B, Lq, H, D], k and v [B, Lk, H, D], in row order -> [B, Lq, H, D].

    Lq and Lk are the tokens of `plan.queries` and `plan.keys`. k and v may have fewer heads, each shared by as many
    neighbouring heads of q. `gate` [B, Lq, 1 or H] belongs to `Isa(coarse_gate=True)`. Raises BadInput where the tensors
    do not fit the plan, Unsupported where the spec cannot be honoured, and TypeError for a spec that nothing answers to;
    there is no fallback.
    """
    plan.check(q, k, v)
    if gate is not None and not isinstance(spec, Isa):
        raise BadInput(f"A gate belongs to Isa(coarse_gate=True), not to {type(spec).__name__}.")
    match spec:
        case Dense():
            return dense.attend(q, k, v, plan)
        case Flex():
            return flex.attend(q, k, v, plan, spec)
        case Isa():
            return isa.attend(q, k, v, plan, spec, gate)
        case _:  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"No attention answers to {spec!r}.")
