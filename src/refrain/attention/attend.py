"""One door to attention: what is computed is said by the plan, how it is computed is said by the spec."""

from torch import Tensor

from . import dense
from .plan import Plan
from .spec import Dense


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Dense) -> Tensor:
    """Attention under a plan: q [B, Lq, H, D], k and v [B, Lk, H, D], in row order -> [B, Lq, H, D].

    Lq and Lk are the tokens of `plan.queries` and `plan.keys`. Raises BadInput where the tensors do not fit the plan
    and TypeError for a spec that nothing answers to; there is no fallback.
    """
    plan.check(q, k, v)
    match spec:
        case Dense():
            return dense.attend(q, k, v, plan)
        case _:  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"No attention answers to {spec!r}.")
