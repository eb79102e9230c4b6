"""Where a run begins: a base that is loaded to learn, what of it learns, and how long its rows are."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from refrain.errors import Unsupported
from refrain.models.load import Host, host, usual_dtype
from refrain.models.lora import attach
from refrain.models.outline import INSIDE
from refrain.models.protocols import Card, Codec
from refrain.models.wan.denoiser import Expert, WanDenoiser
from refrain.models.wan.load import CLEAN_EMBEDDING, find
from refrain.models.wan.touch import Reach

from .batches import Drawn
from .buckets import GROUP

PATCH = 2  # latent rows and columns in one token


def base(model: str | Path, card: Card | None, place: torch.device, whole: bool) -> tuple[Host, WanDenoiser]:
    """A checkpoint, on the CPU but for its transformer, which is on `place` and learns the rows of `card`.

    card: None: its own. whole: all weights learn, so they are float32. A base that has no embedding of clean tokens,
    where the card wants one, begins with a copy of its target's. Of a base with two experts the first alone learns and
    then serves every noise time (IC-Effect and LIVEditor have it so), which a new card must say: Unsupported without.
    """
    folder = INSIDE.get(str(model)) or find(model)
    copied = card is not None and card.clean_embedding and not (folder / "transformer" / CLEAN_EMBEDDING).is_file()
    read = replace(card, clean_embedding=False) if card is not None and copied else card
    found = host(folder, torch.float32 if whole else usual_dtype(place), torch.device("cpu"), read)
    denoiser: Any = found.denoiser
    if len(denoiser.experts) > 1 and card is None:
        raise Unsupported(
            f"{folder} has two experts, and a run teaches one; begin with recipes/wan_general.py, which makes a model "
            "of the first."
        )
    one: Expert = denoiser.experts[0]
    if copied:
        one = replace(one, clean_embedding=deepcopy(one.transformer.patch_embedding))
    one.transformer.to(place)
    one.clean_embedding.to(place)
    empty = None if denoiser.empty is None else denoiser.empty.to(place)
    return found, WanDenoiser((one,), card or found.card, empty=empty)


def weights(
    denoiser: WanDenoiser, rank: int | None, targets: tuple[str, ...], tokens: Reach, embedding: bool, seed: int
) -> dict[str, nn.Parameter]:
    """What learns of a denoiser, by name, in float32; all else stays as it is.

    rank: of a new LoRA on `targets` and `tokens`, drawn from `seed`; None: all weights. embedding: that of clean tokens
    learns too, where it is one of its own.
    """
    one = denoiser.experts[0]
    for parameter in (*one.transformer.parameters(), *one.clean_embedding.parameters()):
        parameter.requires_grad_(rank is None)
    if rank is None:
        named = dict(one.transformer.named_parameters())
    else:
        named = dict(attach(one.transformer, rank, None, targets, tokens, seed=seed))
    if embedding and one.clean_embedding is not one.transformer.patch_embedding:
        named |= {f"clean_embedding.{key}": weight for key, weight in one.clean_embedding.named_parameters()}
    for weight in named.values():
        weight.data = weight.data.float()
        weight.requires_grad_(True)
    return named


@contextmanager
def moved(parts: tuple[object, ...], place: torch.device) -> Iterator[None]:
    """For a while the networks of these parts (a codec, words) are on `place`; then on the CPU, where they wait."""
    modules = [p for part in parts for p in ((part,) if isinstance(part, nn.Module) else vars(part).values())]
    modules = [module for module in modules if isinstance(module, nn.Module)]
    try:
        for module in modules:
            module.to(place)
        yield
    finally:
        for module in modules:
            module.to("cpu")


def row_length(drawn: Drawn, codec: Codec) -> int:
    """Tokens of the longest row that a run lays, its clean segments included."""
    card, longest = drawn.card, 0
    side = codec.pixels_per_latent * PATCH
    for bucket in drawn.buckets:
        frames = min((bucket.shape.frames - 1) // GROUP + 1, card.window)
        rows, columns = bucket.shape.height // side, bucket.shape.width // side
        t, y, x = (-(-many // factor) for many, factor in zip((frames, rows, columns), card.coarse))
        keys = 0 if card.coarse == (1, 1, 1) else card.key_frames
        longest = max(longest, t * y * x + (frames + keys + card.history) * rows * columns)
    return longest
