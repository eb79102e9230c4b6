"""LoRAs that a denoiser wears for a while: put on, and taken off again whatever happens."""

from collections.abc import Generator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from refrain.errors import BadWeights, Unsupported
from refrain.models.protocols import Denoiser
from refrain.models.wan.denoiser import WanDenoiser
from refrain.models.wan.expert import Expert

from .adapter import attach, detach, parameters
from .file import Lora, base_of


@dataclass(frozen=True, eq=False)
class Worn:
    """A LoRA, and how strongly it counts; 1 is as trained."""

    lora: Lora
    weight: float = 1.0


@contextmanager
def worn(denoiser: Denoiser, loras: tuple[Worn, ...]) -> Generator[tuple[str, ...], None, None]:
    """The names of the adapters, while they stand on the denoiser's transformers; afterwards all is as it was."""
    if not loras:
        yield ()
        return
    if not isinstance(denoiser, WanDenoiser):
        raise Unsupported("Only a Wan denoiser wears LoRAs.")
    if sum(bool(one.lora.clean) for one in loras) > 1:
        raise Unsupported("Two of these LoRAs bring an embedding of clean tokens, and there is place for one; use one.")
    before, names = denoiser.experts, tuple(f"worn_{n}" for n in range(len(loras)))
    trained = [(p, p.requires_grad) for one in before for p in one.transformer.parameters()]
    for one in loras:
        for n, expert in enumerate(before):
            _check_fit(one.lora, expert.transformer, n)
    try:
        for name, one in zip(names, loras):
            denoiser.experts = tuple(_with(expert, n, name, one) for n, expert in enumerate(denoiser.experts))
        yield names
    finally:
        denoiser.experts = before
        for expert in before:
            for name in set(names) & set(getattr(expert.transformer, "peft_config", {})):
                detach(expert.transformer, name)
        for parameter, needed in trained:
            parameter.requires_grad_(needed)


def check_base(lora: Lora, folder: Path, any_base: bool = False) -> None:
    """Raise BadWeights unless the LoRA was trained on the checkpoint in `folder`, or the user takes any base."""
    name, found = base_of(folder)
    if any_base or lora.card.base_hash == found:
        return
    if not lora.known or not lora.card.base_hash:
        raise BadWeights(f"{lora.path.name} does not say what it was trained on; if it is for {name}, allow any base.")
    raise BadWeights(f"{lora.path.name} was trained on {lora.card.base or 'another base'}, and this {name} has other "
                     "weights; load that base, or allow any base.")  # fmt: skip


def load(transformer: nn.Module, lora: Lora, name: str = "default", weight: float = 1.0) -> None:
    """Attach a file's adapter, with its weights, scaled by `weight`. Raises BadWeights where it does not fit."""
    _check_fit(lora, transformer, None)
    card = lora.card
    attach(transformer, card.rank, card.alpha, tuple(lora.pairs), card.tokens, name)
    held: dict[str, Any] = parameters(transformer, name)
    with torch.no_grad():
        for layer, (a, b) in lora.pairs.items():
            held[f"{layer}.lora_A.weight"].copy_(a)
            held[f"{layer}.lora_B.weight"].copy_(b * weight)


def _with(expert: Expert, number: int, name: str, one: Worn) -> Expert:
    if one.lora.card.expert not in (None, number):
        return expert
    load(expert.transformer, one.lora, name, one.weight)
    for parameter in expert.transformer.parameters():
        parameter.requires_grad_(False)
    if not one.lora.clean:
        return expert
    embedding = deepcopy(expert.clean_embedding)
    try:
        embedding.load_state_dict(one.lora.clean)
    except RuntimeError:
        raise BadWeights(f"The clean embedding of {one.lora.path.name} does not fit; use it on its own base.") from None
    return replace(expert, clean_embedding=embedding)


def _check_fit(lora: Lora, transformer: nn.Module, number: int | None) -> None:
    """Every layer must be there and of the right width."""
    if number is not None and lora.card.expert not in (None, number):
        return
    for layer, (a, b) in lora.pairs.items():
        try:
            module: Any = transformer.get_submodule(layer)
        except AttributeError:
            raise BadWeights(
                f"{lora.path.name} is for {layer}, which this model has not; use it on its own base."
            ) from None
        base = getattr(module, "base_layer", module)
        if (base.in_features, base.out_features) != (a.shape[1], b.shape[0]):
            raise BadWeights(f"{lora.path.name} is for layers of {a.shape[1]} x {b.shape[0]} numbers, and {layer} here "
                             f"has {base.in_features} x {base.out_features}; use it on its own base.")  # fmt: skip
