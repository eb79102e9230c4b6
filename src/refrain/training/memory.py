"""Will it fit? Bytes that a step needs, compared with those that are free before the first one, and what to do.

The activations of a Wan block were counted with `torch.autograd.graph.saved_tensors_hooks`, in bytes a token, and
tests/training/test_memory.py counts them again.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import nn

from refrain.errors import Unsupported

from .stage import Stage

# What a block keeps of each token for its gradients, in bytes a channel: of the row, and of the feed-forward's inside.
KEPT = {("fp32", "all"): (84, 8), ("fp32", "lora"): (54, 4), ("bf16", "all"): (68, 4), ("bf16", "lora"): (44, 2)}
ENDS = 12  # likewise outside of the blocks
GENERAL = "take smaller micro-batches and accumulate more, switch checkpointing on, or learn a LoRA of lower rank"


@dataclass(frozen=True)
class Need:
    """Bytes. cures: what would need less, cheapest first: the words for it, and the bytes it saves after those before.

    Weights are there already when a stage begins; the rest is to come.
    """

    weights: int
    gradients: int
    moments: int
    average: int
    activations: int
    cures: tuple[tuple[str, int], ...] = ()

    @property
    def lasting(self) -> int:
        """What every step needs, whatever the batch."""
        return self.gradients + self.moments + self.average

    @property
    def to_come(self) -> int:
        return self.lasting + self.activations


def need(
    transformer: Any, named: dict[str, nn.Parameter], stage: Stage, tokens: int, batch: int = 1,
    checkpointing: bool = False,
) -> Need:  # fmt: skip
    """What a stage needs that learns `named` through a Wan transformer (its config is read), on one device.

    tokens: of the longest row, its clean segments included. batch: rows in a micro-batch.
    """
    every = list(transformer.parameters())
    learnt = [p for p in named.values() if p.requires_grad]
    count = sum(p.numel() for p in learnt)
    moments = {"adamw8bit": 2 * count, "adamw": 8 * count}.get(stage.optimiser) or sum(
        p.numel() * (4 if p.ndim == 2 and ".blocks." in f".{name}" else 8) for name, p in named.items()
    )
    how = "all" if 2 * count > sum(p.numel() for p in every) else "lora"
    active = _activations(transformer, stage, how, tokens * batch, checkpointing)
    cures: list[tuple[str, int]] = []
    size, left = batch, active
    while size > 1:
        size //= 2
        now = _activations(transformer, stage, how, tokens * size, checkpointing)
        cures.append(
            (f"micro-batches of {size} (of {batch}), and accumulate {-(-batch // size)} times as many", left - now)
        )
        left = now
    if not checkpointing:
        now = _activations(transformer, stage, how, tokens * size, checkpointing=True)
        cures.append(("checkpointing on", left - now))
    if stage.optimiser != "adamw8bit":
        cures.append(("the optimiser `adamw8bit`", moments - 2 * count))
    grown = _bytes(learnt)
    cures.append(
        ("a LoRA of half the rank" if how == "lora" else "a LoRA instead of all weights", (grown * 2 + count) // 2)
    )
    return Need(_bytes(every), grown, moments, _bytes(named.values()), active, tuple(cures))


def advice(need: Need, free: int) -> str | None:
    """None where the need fits into `free` bytes; else one sentence with the cheapest cure."""
    if need.to_come <= free:
        return None
    parts = ("gradients", "moments", "average", "activations")
    told = ", ".join(f"{part} {_gb(getattr(need, part))}" for part in parts)
    over, taken = need.to_come - free, list[str]()
    for cure, saved in need.cures:
        if over <= 0:
            break
        if taken and cure.startswith("micro-batches") and taken[-1].startswith("micro-batches"):
            taken.pop()  # the smaller micro-batch says it all
        taken.append(cure)
        over -= saved
    cure = f"take {'; '.join(taken)}" if over <= 0 else "no cure is enough: take fewer frames or pixels, or more memory"
    return f"Beside its weights this stage needs about {_gb(need.to_come)} ({told}) and {_gb(free)} are free; {cure}."


def free(device: torch.device) -> int | None:
    """Bytes that are free on a device; None where it does not say."""
    if device.type == "cuda":
        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + idle
    return psutil.virtual_memory().available if device.type == "cpu" else None


def check(need: Need | None, device: torch.device) -> None:
    """Before the first step: Unsupported where not even gradients, moments and average fit.

    Where it is the activations that seem too many, a warning: they are an estimate.
    """
    there = free(device) if need is not None else None
    told = advice(need, there) if need is not None and there is not None else None
    if told is None or need is None or there is None:
        return
    if need.lasting > there:
        raise Unsupported(told)
    warnings.warn(told, stacklevel=3)


@contextmanager
def advised(need: Need | None, step: int) -> Iterator[None]:
    """Where memory is out after all, say what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch.OutOfMemoryError is a RuntimeError; on a CPU torch raises a plain one, which only its words tell
        out = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        if not out:
            raise
        cure = f"take {need.cures[0][0]}" if need is not None and need.cures else GENERAL
        raise Unsupported(f"Memory was out in step {step}; {cure}. The last checkpoint is good.") from error


def _activations(transformer: Any, stage: Stage, how: str, tokens: int, checkpointing: bool) -> int:
    """Bytes that are kept for the gradients of so many tokens, at the highest."""
    config = transformer.config
    width, layers = config.num_attention_heads * config.attention_head_dim, config.num_layers
    weight = next(transformer.blocks.parameters())
    half = stage.precision == "bf16" or weight.dtype == torch.bfloat16
    row, inside = KEPT["bf16" if half else "fp32", how]
    block = tokens * (row * width + inside * config.ffn_dim)
    if half and weight.dtype == torch.float32:  # autocast keeps a copy of the weights in half the bytes
        block += _bytes(transformer.blocks.parameters()) // 2 // layers
    kept = layers * tokens * width * weight.itemsize + block if checkpointing else layers * block
    return kept + tokens * ENDS * width


def _bytes(weights: Any) -> int:
    return sum(p.numel() * p.element_size() for p in weights)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
