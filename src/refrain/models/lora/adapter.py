"""Low-rank adapters on a Wan transformer, by peft: W x becomes W x + alpha / rank * B A x, with B = 0 at first.

IC-Effect (arXiv 2512.15635): rank 96 for general editing, merged; then rank 32 an effect; alpha = rank; all four
projections of self- and cross-attention.
"""

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn

from refrain.errors import BadInput
from refrain.models.wan.touch import Reach

TARGETS = tuple(f"{attn}.{part}" for attn in ("attn1", "attn2") for part in ("to_q", "to_k", "to_v", "to_out.0"))
FEED_FORWARD = ("ffn.net.0.proj", "ffn.net.2")


@dataclass
class Placed(LoraConfig):
    """peft's configuration, and which tokens the adapter may touch."""

    tokens: Reach = field(default="all")


def attach(
    transformer: nn.Module,
    rank: int = 32,
    alpha: float | None = None,
    targets: Iterable[str] = TARGETS,
    tokens: Reach = "all",
    name: str = "default",
    seed: int = 0,
) -> dict[str, nn.Parameter]:
    """Put a new adapter on a transformer; returns its parameters, the only ones that still require gradients.

    alpha:   the rank, unless given. targets: linear layers of a block (`attn1.to_q`), or whole paths of them.
    tokens:  which tokens of a row it touches. Kept to the `target`, what is remembered of clean tokens is the base's.
    Names are diffusers': `blocks.0.attn1.to_q.lora_A.weight`. Raises BadInput for what cannot be attached.
    """
    paths = _paths(transformer, tuple(targets))
    if rank < 1 or (alpha is not None and not alpha > 0):
        raise BadInput(f"A LoRA has a rank of 1 or more and an alpha above 0, not {rank} and {alpha}.")
    if name in getattr(transformer, "peft_config", {}):
        raise BadInput(f"There is an adapter {name!r} already; detach it, or choose another name.")
    pattern = "|".join(map(re.escape, paths))
    config = Placed(
        r=rank, lora_alpha=rank if alpha is None else alpha, target_modules=pattern, bias="none", tokens=tokens
    )  # pyright: ignore[reportArgumentType]  # peft says int, and divides
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several adapters are what we want
        torch.manual_seed(seed)
        inject_adapter_in_model(config, transformer, name)
    everyone = list(transformer.peft_config)  # pyright: ignore
    for _, layer in layers(transformer):
        layer.set_adapter([one for one in everyone if one in layer.lora_A])
    transformer._hf_peft_config_loaded = True  # pyright: ignore  # else diffusers does not look for adapters
    for other, parameter in transformer.named_parameters():
        parameter.requires_grad_(f".lora_A.{name}." in other or f".lora_B.{name}." in other)
    return parameters(transformer, name)


def parameters(transformer: nn.Module, name: str = "default") -> dict[str, nn.Parameter]:
    """An adapter's parameters by the names that they have in a file: A [rank, in], B [out, rank]."""
    return {
        f"{path}.lora_{which}.weight": getattr(layer, f"lora_{which}")[name].weight
        for path, layer in layers(transformer, name)
        for which in ("A", "B")
    }


def detach(transformer: nn.Module, name: str = "default") -> None:
    """Take an adapter away; where it was the last, the linear layers stand again as they stood."""
    _require(transformer, name)
    for path, layer in list(layers(transformer, name)):
        if len(layer.lora_A) == 1:
            _replace(transformer, path, layer.get_base_layer())
        else:
            layer.delete_adapter(name)
    _forget(transformer, name)


@contextmanager
def bare(transformer: nn.Module) -> Iterator[None]:
    """The base as it is without its adapters, while this lasts."""
    worn = [layer for _, layer in layers(transformer)]
    for layer in worn:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in worn:
            layer.enable_adapters(True)


@torch.no_grad()
def merge(transformer: nn.Module, name: str = "default") -> None:
    """Write an adapter into the base, W + alpha / rank * B A, and take it away (IC-Effect's first stage).

    Raises BadInput for one that does not touch all tokens: merged, it would.
    """
    _require(transformer, name)
    if getattr(transformer.peft_config[name], "tokens", "all") != "all":  # pyright: ignore
        raise BadInput("A LoRA that is kept to some tokens would touch all of them once merged; train it on all.")
    for _, layer in layers(transformer, name):
        weight = layer.get_base_layer().weight
        weight.copy_((weight.double() + _delta(layer, name)).to(weight.dtype))
    detach(transformer, name)


def layers(transformer: nn.Module, name: str | None = None) -> Iterator[tuple[str, Any]]:
    """Paths and layers that carry adapters, or this adapter."""
    for path, part in transformer.named_modules():
        if isinstance(part, LoraLayer) and (name is None or name in part.lora_A):
            yield path, part


def _delta(layer: Any, name: str) -> torch.Tensor:
    """alpha / rank * B A in float64, so that merging rounds once."""
    return layer.lora_B[name].weight.double() @ layer.lora_A[name].weight.double() * layer.scaling[name]


def _paths(transformer: nn.Module, targets: tuple[str, ...]) -> list[str]:
    """The linear layers that `targets` name."""
    ends = tuple(f".{target}" for target in targets)
    known = [
        path.removesuffix(".base_layer")
        for path, part in transformer.named_modules()
        if isinstance(part, nn.Linear) and ".lora_" not in path
    ]
    for target in targets:
        if not any(path == target or path.endswith(f".{target}") for path in known):
            raise BadInput(f"The transformer has no linear layer {target}; a LoRA goes on {', '.join(TARGETS)}.")
    return [path for path in known if path in targets or path.endswith(ends)]


def _require(transformer: nn.Module, name: str) -> None:
    if name not in getattr(transformer, "peft_config", {}):
        raise BadInput(f"There is no adapter {name!r} on the transformer.")


def _replace(transformer: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, child = path.rpartition(".")
    setattr(transformer.get_submodule(parent), child, layer)


def _forget(transformer: Any, name: str) -> None:
    del transformer.peft_config[name]
    if not transformer.peft_config:
        del transformer.peft_config
        transformer._hf_peft_config_loaded = False
