"""In-context sparse attention in a diffusers pipeline that people already have, without training.

    install(pipe.transformer, Isa(keep=1/8))    # pipe(...) as before
    uninstall(pipe.transformer)

The attention processors are replaced by subclasses of theirs, and a hook tells these what each forward pass is given.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from refrain.attention import Dense, Flex, Isa, Spec
from refrain.attention.isa.run import chosen_kernel
from refrain.errors import BadInput, Unsupported

from . import flux, qwen, wan
from .planned import Host, Planned, Watch

__all__ = ["Installed", "install", "uninstall"]


@dataclass(frozen=True)
class Installed:
    """What was installed.

    host:   the transformer's class.
    layers: how many attentions go by the spec.
    spec:   the choice of attention.
    kernel: what answers on `device`: a kernel of Isa, `flex`, or `diffusers` where all is dense; `auto` chooses anew
            where the transformer is moved later.
    device: where the transformer stood.
    """

    host: str
    layers: int
    spec: Spec
    kernel: str
    device: torch.device


HOSTS = (wan.HOST, flux.HOST, qwen.HOST)


def install(transformer: nn.Module, spec: Spec = Isa()) -> Installed:  # noqa: B008  # a frozen record
    """Let the self-attention of a diffusers transformer (joint attention, on Flux and Qwen) go by `spec`.

    transformer: that of a diffusers pipeline (Wan T2V, I2V, VACE or TI2V; Flux; Qwen-Image), compiled by torch or not,
    with LoRAs or not. A second call replaces the spec. Where a pipeline has two (Wan 2.2 A14B), install on both.
    Raises Unsupported for a transformer that is not known, for attention processors that somebody else has put there,
    and for a spec that the host cannot honour; BadInput where a spec's budgets are not for this transformer.
    """
    bare = _bare(transformer)
    host = _host(bare)
    attentions = host.attentions(bare)
    _check_spec(spec, bare, attentions)
    uninstall(bare)
    _check_processors(host, attentions)

    watch = Watch(host.read, spec)
    watch.stand_at(bare)
    for layer, attn in attentions:
        attn.set_processor(host.planned(watch, layer, attn.processor))
    device = next(bare.parameters()).device
    return Installed(type(bare).__name__, len(attentions), spec, _kernel(spec, bare, device), device)


def uninstall(transformer: nn.Module) -> None:
    """Put back the very processors that stood before `install`; nothing happens where nothing was installed."""
    bare = _bare(transformer)
    for module in bare.modules():
        processor = getattr(module, "processor", None)
        if isinstance(processor, Planned):
            module.set_processor(processor.restored())
    for hook in [*bare._forward_pre_hooks.values()]:
        watch = getattr(hook, "__self__", None)
        if isinstance(watch, Watch):
            watch.leave()


def _bare(transformer: nn.Module) -> nn.Module:
    """The transformer itself, where torch.compile has wrapped it."""
    return getattr(transformer, "_orig_mod", transformer)


def _host(transformer: nn.Module) -> Host:
    for host in HOSTS:
        if isinstance(transformer, host.models):
            return host
    known = ", ".join(model.__name__ for host in HOSTS for model in host.models)
    within = (
        " Give it the pipeline's transformer: install(pipe.transformer)." if hasattr(transformer, "transformer") else ""
    )
    raise Unsupported(f"refrain.install knows {known}, not {type(transformer).__name__}.{within}")


def _check_spec(spec: Spec, transformer: nn.Module, attentions: list[tuple[int, nn.Module]]) -> None:
    """Refuse at once what would fail in the first step."""
    if not isinstance(spec, Dense | Flex | Isa):
        raise BadInput(f"A spec is Dense(), Flex() or Isa(), not {spec!r}.")
    if not isinstance(spec, Isa):
        return
    if spec.coarse_gate:
        name = type(transformer).__name__
        raise Unsupported(f"Isa(coarse_gate=True) needs a gate that was learned; {name} has none: leave it out.")
    for layer, attn in attentions:
        spec.at(layer, 0.0)
        if spec.budgets and len(spec.budgets[0]) != attn.heads:
            raise BadInput(f"Layer {layer} has {attn.heads} heads; its budgets are for {len(spec.budgets[0])}.")


def _check_processors(host: Host, attentions: list[tuple[int, nn.Module]]) -> None:
    for layer, attn in attentions:
        if type(attn.processor) is not host.processor:
            found, wanted = type(attn.processor).__name__, host.processor.__name__
            raise Unsupported(
                f"Layer {layer} is attended by {found}; refrain.install takes the place of {wanted} only."
            )


def _kernel(spec: Spec, transformer: Any, device: torch.device) -> str:
    if isinstance(spec, Isa):
        return chosen_kernel(spec, device, transformer.dtype, transformer.config.attention_head_dim)
    return "flex" if isinstance(spec, Flex) else "diffusers"
