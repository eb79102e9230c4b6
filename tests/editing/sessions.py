"""What tests of sessions share: a small clip, a picture, a model that changes everything and one that murmurs."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file

from refrain.editing.editor import Editor
from refrain.media import Clip, PixelFormat
from tiny_embedded import CARD, save_tiny_embedded

WORDS = "make it snow"
KEEP = "heavy fog"  # which the murmuring model hears without acting on it


def moving(frames: int = 5, size: tuple[int, int] = (70, 106)) -> Clip:
    """Soft blobs that drift; its sides are no multiples of anything."""
    rng = np.random.default_rng(1)
    rows, columns = size
    wide = cv2.resize(
        rng.random((7, 11, 3)).astype(np.float32), (columns + 2 * frames, rows), interpolation=cv2.INTER_CUBIC
    )
    shown = np.stack([wide[:, 2 * n : 2 * n + columns] for n in range(frames)])  # [T, Y, X, 3]
    return Clip.of(torch.as_tensor(shown).permute(0, 3, 1, 2).clamp(0, 1) * 1.6 - 0.8, 8)


def photo() -> Clip:
    """A picture in the planes of a PNG."""
    clip = moving(1)
    return replace(Clip.of(clip.frames, 1, PixelFormat.named("gbrp")), still=True)


def changing(folder: Path, **facts: object) -> Editor:
    """A model that changes everything at random."""
    return Editor.from_pretrained(save_tiny_embedded(folder, replace(CARD, **facts)))


KNOWS_TURNS = {
    "turns": "edited",
    "rule": "block_causal",
    "kinds": ("text", "source", "reference", "mask", "answer", "target"),
    "offsets": {"mask": (0.0, 0.0, 20.0), "reference": (0.0, 30.0, 0.0)},
}  # facts of a card


def murmuring(folder: Path, level: float = 0.004, **facts: object) -> Editor:
    """A model that answers with its source and a little noise all over, of its own making in every turn."""
    save_tiny_embedded(folder, replace(CARD, **facts))
    path = next((folder / "transformer").glob("*.safetensors"))
    weights = load_file(path)
    for name in ("proj_out.weight", "proj_out.bias"):
        weights[name] = weights[name] * level
    save_file(weights, path, metadata={"format": "pt"})
    return Editor.from_pretrained(folder)


def same(a: Clip, b: Clip) -> bool:
    """Whether two clips are alike in all but where they lie."""
    planes = all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))
    facts = ("format", "times", "duration", "still", "pixel_aspect")
    return planes and all(getattr(a, name) == getattr(b, name) for name in facts)
