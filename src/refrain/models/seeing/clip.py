"""CLIP (Radford et al., arXiv 2103.00020): pictures and words in one space; PickScore (arXiv 2305.01569) is one too."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoTokenizer, CLIPModel

from refrain.errors import BadWeights

from . import folder as weights
from .view import View

WHERE = (
    "a CLIP folder in transformers' layout, such as openai/clip-vit-large-patch14 or openai/clip-vit-base-patch32 "
    "(MIT), or yuvalkirstain/PickScore_v1 (MIT), from huggingface.co"
)
KINDS = {(768, 32): "B/32", (768, 16): "B/16", (1024, 14): "L/14", (1280, 14): "H/14"}  # by width and patch


class Seen(NamedTuple):
    """Features of frames. pooled: of the picture tower [T, P]; shared: of the space of pictures and words [T, D]."""

    pooled: np.ndarray
    shared: np.ndarray


@dataclass(frozen=True, eq=False)
class Clip:
    """A CLIP model. name: of the weights, with their hash. kind: B/32, L/14, …, or empty. scale: of its logits."""

    model: Any
    tokenizer: Any
    view: View
    name: str
    kind: str
    scale: float
    device: str

    @staticmethod
    def load(model: str | Path, device: str = "cpu") -> "Clip":
        """Load a folder or hub id. Raises BadWeights, Unsupported."""
        home = weights.found(model, ("clip",), WHERE)
        network = weights.loaded(CLIPModel, home, device)
        try:
            tokenizer = AutoTokenizer.from_pretrained(home, local_files_only=True)
        except (OSError, ValueError) as error:
            raise BadWeights(f"{home} has no tokenizer that can be read; get it anew.") from error
        size = network.config.vision_config
        return Clip(
            network, tokenizer, View.of(home), weights.name_of(model, list(home.glob("*.safetensors"))),
            KINDS.get((size.hidden_size, size.patch_size), ""), float(network.logit_scale.exp()), device,
        )  # fmt: skip

    @torch.no_grad()
    def pictures(self, frames: np.ndarray) -> Seen:
        """uint8 [T, Y, X, 3] -> features, float32, not normalised."""
        batches = self.view.batches(frames, self.device)
        pooled = torch.cat([self.model.vision_model(pixel_values=batch).pooler_output for batch in batches])  # [T, P]
        return Seen(pooled.cpu().numpy(), self.model.visual_projection(pooled).cpu().numpy())

    @torch.no_grad()
    def words(self, texts: Sequence[str]) -> np.ndarray:
        """Texts -> features in the shared space, float32 [N, D]; what a text has beyond 77 tokens is not read."""
        most = self.model.config.text_config.max_position_embeddings
        said = self.tokenizer(list(texts), padding=True, truncation=True, max_length=most, return_tensors="pt")
        out = self.model.text_model(input_ids=said["input_ids"].to(self.device))
        return self.model.text_projection(out.pooler_output).cpu().numpy()
