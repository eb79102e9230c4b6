"""Exact attention by torch's compiled `flex_attention`; tiles that nobody sees are skipped."""

from torch import Tensor

from refrain.errors import Unsupported

from .plan import Plan
from .spec import Flex


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Flex) -> Tensor:
    """q [B, Lq, H, D], k, v [B, Lk, H / G, D] -> [B, Lq, H, D]."""
    raise Unsupported("Flex is not ready yet.")
