"""From a name to a host: everything an editor needs, loaded from one folder in diffusers' layout."""

from dataclasses import dataclass
from pathlib import Path

import torch

from refrain.errors import Unsupported

from .outline import INSIDE
from .protocols import Card, Codec, Denoiser, TextEncoder
from .wan.codec import WanCodec
from .wan.denoiser import Expert, WanDenoiser
from .wan.load import load_wan
from .wan.words import WanWords


@dataclass(frozen=True, eq=False)
class Host:
    """A model, ready to edit. vocabulary: the words it knows, empty where it knows any."""

    codec: Codec
    words: TextEncoder
    denoiser: Denoiser
    card: Card
    vocabulary: frozenset[str]
    folder: Path


def host(model: str | Path, dtype: torch.dtype, place: torch.device, card: Card | None = None) -> Host:
    """Load a model that comes with the package, by its name, a diffusers Wan folder, or a hub id.

    card: in place of the folder's own.
    """
    parts = load_wan(INSIDE.get(str(model), model), dtype, place, card)
    words = WanWords(parts.tokenizer, parts.text_encoder)
    empty = words.encode([""]) if parts.card.context_words == "empty" else None
    experts = tuple(Expert(*each) for each in zip(parts.transformers, parts.clean_embeddings, parts.gates))
    denoiser = WanDenoiser(experts, parts.card, parts.boundary, empty)
    codec = WanCodec(parts.vae) if hasattr(parts.vae, "quant_conv") else parts.vae
    known = frozenset(parts.tokenizer.get_vocab()) if parts.card.content_words else frozenset[str]()
    return Host(codec, words, denoiser, parts.card, known, parts.folder)


def device(name: str) -> torch.device:
    """A device by its name; Unsupported, in one sentence, where this machine has none."""
    try:
        place = torch.device(name)
    except RuntimeError:
        raise Unsupported(f"There is no device called {name}; say cpu, cuda, cuda:1 or mps.") from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(place.type, False):
        raise Unsupported(f"This machine, or this build of torch, has no {name}; say --device cpu.")
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise Unsupported(f"This machine has {torch.cuda.device_count()} CUDA devices; {name} is not among them.")
    return place


def usual_dtype(place: torch.device) -> torch.dtype:
    """float32 on the CPU, bfloat16 elsewhere."""
    return torch.float32 if place.type == "cpu" else torch.bfloat16
