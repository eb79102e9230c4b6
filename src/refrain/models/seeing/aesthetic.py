"""LAION's aesthetic heads: how much people like a picture, 0 to 10, from CLIP L/14's features of length one.

v1 is one linear layer (`sa_0_4_vit_l_14_linear`, MIT); v2 is five without anything between them
(`sac+logos+ava1-l14-linearMSE`, Apache-2.0).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .folder import filled, name_of, tensors_of

WIDTH = 768  # of CLIP L/14's shared space
SECOND = {0: (WIDTH, 1024), 2: (1024, 128), 4: (128, 64), 6: (64, 16), 7: (16, 1)}  # layers of v2; dropout lay between


@dataclass(frozen=True, eq=False)
class Aesthetic:
    """A head. name: of its file, with its hash. version: 1 or 2."""

    head: nn.Module
    name: str
    version: int

    @staticmethod
    def load(path: str | Path) -> "Aesthetic":
        """Load a safetensors file with the tensors of v1 (`weight`, `bias`) or v2 (`layers.0.weight`, …)."""
        file = Path(path)
        tensors = tensors_of(
            file, "LAION's heads come as pickles from github.com/LAION-AI/aesthetic-predictor and "
            ".../christophschuhmann/improved-aesthetic-predictor, make one of them",
        )  # fmt: skip
        second = any(name.startswith("layers.") for name in tensors)
        head: nn.Module = nn.Linear(WIDTH, 1)
        if second:
            head = nn.Module()
            head.layers = nn.ModuleDict({str(n): nn.Linear(*size) for n, size in SECOND.items()})
        filled(head, tensors, file)
        return Aesthetic(head, name_of(file, [file]), 2 if second else 1)

    @torch.no_grad()
    def scores(self, features: np.ndarray) -> np.ndarray:
        """Features of CLIP L/14 of length one, float32 [T, 768] -> [T]."""
        found = torch.from_numpy(features)
        for layer in self.head.layers.values() if self.version == 2 else [self.head]:
            found = layer(found)
        return found[:, 0].numpy()
