"""DINO (arXiv 2104.14294) and DINOv2 (arXiv 2304.07193): features of pictures learnt without words."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Dinov2Model, ViTModel

from . import folder as weights
from .view import View

WHERE = (
    "a DINO folder in transformers' layout, such as facebook/dino-vits16, facebook/dino-vitb16 or facebook/dinov2-base "
    "(Apache-2.0), from huggingface.co"
)
KINDS = {
    ("vit", 384, 16): "v1 S/16", ("vit", 768, 16): "v1 B/16", ("vit", 768, 8): "v1 B/8",
    ("dinov2", 768, 14): "v2 base",
}  # fmt: skip
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class Dino:
    """A DINO model. name: of the weights, with their hash. kind: such as `v1 S/16`, empty for others."""

    model: Any
    view: View
    name: str
    kind: str
    device: str

    @staticmethod
    def load(model: str | Path, device: str = "cpu") -> "Dino":
        """Load a folder or hub id; frames are resized to 256 and cropped to 224. Raises BadWeights, Unsupported."""
        home = weights.found(model, ("vit", "dinov2"), WHERE)
        kind = weights.read_json(home / "config.json")["model_type"]
        network = (
            weights.loaded(ViTModel, home, device, add_pooling_layer=False)
            if kind == "vit"
            else weights.loaded(Dinov2Model, home, device)
        )
        size = network.config
        return Dino(
            network, View(MEAN, SPREAD, 256, 224), weights.name_of(model, list(home.glob("*.safetensors"))),
            KINDS.get((kind, size.hidden_size, size.patch_size), ""), device,
        )  # fmt: skip

    def as_vbench(self) -> "Dino":
        """The same network as VBench shows it frames: shorter side 224, nothing cropped, bilinear without averaging."""
        return replace(self, view=self.view.with_sizes(224, None, "bilinear", smooth=False))

    @torch.no_grad()
    def pictures(self, frames: np.ndarray) -> np.ndarray:
        """uint8 [T, Y, X, 3] -> the class token behind the last norm, float32 [T, D], not normalised."""
        more = {"interpolate_pos_encoding": True} if self.model.config.model_type == "vit" else {}
        found = [
            self.model(pixel_values=batch, **more).last_hidden_state[:, 0]
            for batch in self.view.batches(frames, self.device)
        ]
        return torch.cat(found).cpu().numpy()
