"""What a checkpoint says of itself in its JSON files, read without its weights and without diffusers.

Enough to refuse words that it does not know, to predict what an edit costs, and to list what it can do.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from refrain.errors import BadInput, BadWeights

from .protocols import CARD, Card

EMBEDDED = Path(__file__).parent / "embedded" / "weights"
INSIDE = {"embedded": EMBEDDED, "embedded-sessions": EMBEDDED.parent / "sessions"}
"""The models that come with the package, by name."""


@dataclass(frozen=True)
class Network:
    """The sizes of one transformer, and how many take turns.

    frame_pixels: pixels that one latent place covers on a side; latent_frames: frames in one latent frame.
    """

    layers: int
    heads: int
    head_width: int
    feed_forward: int
    channels_in: int
    channels_out: int
    text_width: int
    text_length: int
    experts: int
    frame_pixels: int
    latent_frames: int
    linear_codec: bool

    @property
    def width(self) -> int:
        return self.heads * self.head_width


@dataclass(frozen=True)
class Outline:
    """A checkpoint from outside: its card, its sizes, the words that it knows (none where it knows any)."""

    folder: Path
    card: Card
    network: Network
    vocabulary: frozenset[str]

    @classmethod
    def of(cls, model: str | Path) -> Self:
        """Read a model of `INSIDE`, a folder, or a hub id (of which only the JSON files are fetched).

        Raises BadInput where there is nothing, BadWeights for a folder that says too little.
        """
        folder = _folder(model)
        card = Card.load(folder)
        index = _json(folder / "model_index.json")
        network = _network(folder, _class(index, "vae") == "LinearCodec", _class(index, "transformer_2") is not None)
        return cls(folder, card, network, _vocabulary(folder) if card.content_words else frozenset())

    def weight_bytes(self) -> int:
        """Bytes of all safetensors files, as they lie there."""
        return sum(path.stat().st_size for path in self.folder.rglob("*.safetensors"))


def _folder(model: str | Path) -> Path:
    if model in INSIDE:
        if not (INSIDE[str(model)] / CARD).is_file():
            raise BadWeights(f"This installation lacks {model}; install refrain-edit again, or give another --model.")
        return INSIDE[str(model)]
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise BadWeights(f"{folder} is a single file; give a folder in diffusers' layout, or a hub id.")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(model)):
        raise BadInput(
            f"There is no model folder {folder}; give a folder in diffusers' layout, a hub id, or one of "
            f"{', '.join(INSIDE)}."
        )
    return _from_hub(str(model))


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json"]))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise BadWeights(f"{name} is neither a folder here nor to be had from the hub: {reason}.") from error


def _network(folder: Path, linear: bool, two: bool) -> Network:
    net, vae = _json(folder / "transformer" / "config.json"), _json(folder / "vae" / "config.json")
    place = folder / "tokenizer" / "tokenizer_config.json"
    length = _json(place).get("model_max_length", 512) if place.is_file() else 512
    try:
        return Network(
            layers=net["num_layers"],
            heads=net["num_attention_heads"],
            head_width=net["attention_head_dim"],
            feed_forward=net["ffn_dim"],
            channels_in=net["in_channels"],
            channels_out=net.get("out_channels") or net["in_channels"],
            text_width=net["text_dim"],
            text_length=int(min(512, length)),
            experts=2 if two else 1,
            frame_pixels=vae.get("scale_factor_spatial", 8),
            latent_frames=vae.get("scale_factor_temporal", 4),
            linear_codec=linear,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadWeights(f"{folder / 'transformer' / 'config.json'} lacks {error}; get it anew.") from None


def _vocabulary(folder: Path) -> frozenset[str]:
    """The words of a tokenizer of whole words."""
    said = _json(folder / "tokenizer" / "tokenizer.json").get("model", {})
    words = said.get("vocab", {}) if isinstance(said, dict) else {}
    return frozenset(words if isinstance(words, dict) else ())


def _class(index: dict[str, Any], part: str) -> str | None:
    said = index.get(part)
    return said[1] if isinstance(said, list) and len(said) == 2 else None


def _json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadWeights(f"{path.parent} has no {path.name}; give a folder in diffusers' layout.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadWeights(f"{path} is not readable JSON ({error}); get the file anew.") from None
    if not isinstance(said, dict):
        raise BadWeights(f"{path} holds no JSON object; get the file anew.")
    return said
