"""A LoRA as one safetensors file, read strictly: every tensor must be known and must fit."""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from refrain.errors import BadInput, BadWeights
from refrain.models.protocols import CARD, Card

from .adapter import layers, parameters
from .card import KEY, LoraCard
from .names import CLEAN, Style, ours, theirs
from .shipped import located

DIFFUSERS = "lora_adapter_metadata"  # where diffusers looks for alpha


@dataclass(frozen=True, eq=False)
class Lora:
    """A file, read. card: what it says of itself; None-like where another tool wrote it.

    pairs: for every layer A [rank, in] and B [out, rank]. clean: the patch embedding of clean tokens, where it was
    trained too. known: whether Refrain wrote the file, so that its base is known. hash: SHA-256 of the file.
    """

    path: Path
    card: LoraCard
    pairs: dict[str, tuple[Tensor, Tensor]]
    clean: dict[str, Tensor]
    known: bool
    hash: str


def outline(path: str | Path) -> LoraCard | None:
    """What a file says of itself, without its weights; None where another tool wrote it."""
    path = _found(path)
    said = _header(path).get(KEY)
    return None if said is None else LoraCard.parse(said, path.name)


def read(path: str | Path) -> Lora:
    """Read a LoRA in diffusers', Wan's (ComfyUI), kohya's or musubi-tuner's names. Raises BadWeights, in one sentence.

    A file of another tool says no base and no tokens: it is taken to touch all of them, as these tools have it.
    """
    path = _found(path)
    said, tensors = _header(path).get(KEY), _tensors(path)
    parts: dict[str, dict[str, Tensor]] = {}
    clean = {key.removeprefix(CLEAN): tensor for key, tensor in tensors.items() if key.startswith(CLEAN)}
    unknown: list[str] = []
    for key, tensor in tensors.items():
        place = ours(key)
        if place is not None:
            parts.setdefault(place[0], {})[place[1]] = tensor
        elif not key.startswith(CLEAN):
            unknown.append(key)
    if not parts:
        raise BadWeights(f"No tensor of {path.name} is of a Wan LoRA ({_some(unknown) or 'it is empty'}); give one "
                         "in diffusers', ComfyUI's or kohya's names.")  # fmt: skip
    if unknown:
        raise BadWeights(f"{path.name} holds tensors that no attention or feed-forward LoRA of Wan has "
                         f"({_some(unknown)}); give one of those layers alone.")  # fmt: skip
    half = [layer for layer, part in parts.items() if not {"A", "B"} <= set(part)]
    if half:
        raise BadWeights(f"{path.name} has only half of {_some(half)}; get the file anew.")
    pairs = {layer: (part["A"], part["B"]) for layer, part in parts.items()}
    alphas = {float(part["alpha"]) for part in parts.values() if "alpha" in part}
    card = _card(path, said, pairs, alphas, _alpha(path))
    return Lora(path, card, pairs, clean, said is not None, _sum(path))


def save(
    path: str | Path, transformer: nn.Module, card: LoraCard, name: str = "default", clean: nn.Module | None = None
) -> None:
    """Write the adapter `name` in diffusers' names, with what `card` says; rank, alpha and tokens are the adapter's.

    clean: the patch embedding of clean tokens, where it was trained too (IC-Effect).
    """
    config = transformer.peft_config[name]  # pyright: ignore
    reach = getattr(config, "tokens", "all")
    if clean is not None and reach == "target":
        raise BadInput("A LoRA on target tokens alone leaves clean ones as they are; save no clean embedding with it.")
    card = replace(card, rank=config.r, alpha=float(config.lora_alpha), tokens=reach)  # pyright: ignore
    held = parameters(transformer, name)
    pairs = {
        path: (held[f"{path}.lora_A.weight"], held[f"{path}.lora_B.weight"]) for path, _ in layers(transformer, name)
    }
    beside = {} if clean is None else dict(clean.state_dict())
    _write(Path(path), card, pairs, beside, "diffusers")


def export(source: str | Path, path: str | Path, style: Style = "comfyui") -> None:
    """Write a LoRA anew in another tool's names: `comfyui` (Wan's own) or `diffusers`."""
    lora = read(source)
    _write(Path(path), lora.card, lora.pairs, lora.clean, style)


def base_of(folder: Path) -> tuple[str, str]:
    """Name of a checkpoint, and the hash of its (first) transformer: SHA-256 over the bytes of its safetensors."""
    files = sorted((folder / "transformer").glob("*.safetensors"))
    name = Card.load(folder).name if (folder / CARD).is_file() else ""
    return name or folder.name, _sums(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache(maxsize=8)
def _sums(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Of files that have not changed since, computed once: a large base takes a minute."""
    sum_ = hashlib.sha256()
    for path, _, _ in files:
        sum_.update(path.name.encode() + bytes.fromhex(_sum(path)))
    return sum_.hexdigest()


def _write(
    path: Path, card: LoraCard, pairs: dict[str, tuple[Tensor, Tensor]], clean: dict[str, Tensor], style: Style
) -> None:
    """Aside, and then renamed."""
    tensors = {f"{CLEAN}{key}": tensor for key, tensor in clean.items()}
    for layer, (a, b) in pairs.items():
        down, up, alpha = theirs(layer, style)
        tensors |= {down: a, up: b} | ({} if alpha is None else {alpha: torch.tensor(card.alpha)})
    told = {"format": "pt", KEY: card.dump()}
    if style == "diffusers":
        facts = {"r": card.rank, "lora_alpha": card.alpha, "target_modules": sorted(pairs)}
        told[DIFFUSERS] = json.dumps({f"transformer.{key}": value for key, value in facts.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.part")
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, aside, metadata=told)
    os.replace(aside, path)


def _card(
    path: Path, said: str | None, pairs: dict[str, tuple[Tensor, Tensor]], alphas: set[float], told: float | None
) -> LoraCard:
    """The file's own card, held against its tensors; or one made from them."""
    ranks = {n for a, b in pairs.values() for n in (a.shape[0], b.shape[-1])}
    if len(ranks) != 1 or any(a.ndim != 2 or b.ndim != 2 for a, b in pairs.values()):
        raise BadWeights(f"The layers of {path.name} have ranks {sorted(ranks)}; give a LoRA of one rank.")
    if len(alphas) > 1:
        raise BadWeights(f"The layers of {path.name} have alphas {sorted(alphas)}; give a LoRA of one alpha.")
    rank = ranks.pop()
    if said is None:
        return LoraCard(rank, next(iter(alphas), told or float(rank)))
    card = LoraCard.parse(said, path.name)
    if card.rank != rank or (alphas and alphas != {card.alpha}):
        raise BadWeights(f"{path.name} says rank {card.rank} and alpha {card.alpha:g}, and its tensors say otherwise; "
                         "get the file anew.")  # fmt: skip
    return card


def _alpha(path: Path) -> float | None:
    """What diffusers notes of a LoRA's alpha."""
    try:
        said = json.loads(_header(path).get(DIFFUSERS, "{}")).get("transformer.lora_alpha")
        return None if said is None else float(said)
    except (ValueError, AttributeError, TypeError):
        raise BadWeights(f"{path.name} notes its alpha in a way that cannot be read; get the file anew.") from None


def _found(path: str | Path) -> Path:
    path = located(path)
    if path.suffix != ".safetensors":
        raise BadWeights(f"{path} is no .safetensors file, and other kinds can run code when read; give safetensors.")
    return path


def _header(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise BadWeights(f"{path} cannot be read ({str(error).splitlines()[0]}); get it anew.") from error


def _tensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
