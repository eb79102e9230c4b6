"""Which adapters act on which tokens: a LoRA may be kept to the target, to what is clean, or to single tokens.

peft owns the adapters. Its own forward knows no tokens, so the walk adds the low-rank terms to the chosen ones itself;
all others get exactly what the base gives them. What is touched is handed down and kept nowhere, so that a block that
is computed again for its gradients is touched as it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

Reach = Literal["all", "target", "clean"]
"""Which tokens of a row an adapter may touch."""


@dataclass(frozen=True, eq=False)
class Touch:
    """Adapter `name` acts on the tokens [n] of what is computed; on all of them where None."""

    name: str
    tokens: Tensor | None = None


Touches = tuple[Touch, ...] | None
"""Of all active adapters; None: each acts on every token, as peft would have it."""


def linear(layer: nn.Module, x: Tensor, touches: Touches) -> Tensor:
    """layer(x) of x [B, L, W]; where adapters stand on it, they act on the tokens that `touches` says."""
    if touches is None or not hasattr(layer, "lora_A"):
        return layer(x)
    lora: Any = layer
    out = lora.base_layer(x)
    for touch in touches:
        if touch.name in lora.lora_A:
            a, b = lora.lora_A[touch.name], lora.lora_B[touch.name]
            some = x if touch.tokens is None else x.index_select(1, touch.tokens)
            more = b(a(lora.lora_dropout[touch.name](some.to(a.weight.dtype)))) * lora.scaling[touch.name]
            out = out + more.to(out) if touch.tokens is None else out.index_add(1, touch.tokens, more.to(out))
    return out


def adapters(transformer: nn.Module) -> dict[str, Reach]:
    """The adapters that are active on a transformer, and which tokens each may touch (all, unless it says less)."""
    if not hasattr(transformer, "peft_config"):
        return {}
    parts: list[Any] = [part for part in transformer.modules() if hasattr(part, "lora_A")]
    awake = (part for part in parts if not part.disable_adapters and not part.merged)
    active = {name for part in awake for name in part.active_adapters if name in part.lora_A}
    configs: Any = transformer.peft_config
    return {name: getattr(configs[name], "tokens", "all") for name in configs if name in active}


def shifted(touches: Iterable[tuple[int, int, Touches]], device: torch.device) -> Touches:
    """Touches of single runs start .. stop as touches of the whole row; None where no run has any of its own."""
    each = list(touches)
    if all(one is None for _, _, one in each):
        return None
    if len(each) == 1:
        return each[0][2]
    return tuple(
        Touch(touch.name, start + (torch.arange(stop - start, device=device) if touch.tokens is None else touch.tokens))
        for start, stop, one in each
        for touch in one or ()
    )
