"""LoRAs for tests: of random numbers, on an editor's own transformer."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from refrain.editing.editor import Editor
from refrain.models.lora import LoraCard, attach, base_of, detach, save


def lora(editor: Editor, path: Path, tokens: Any = "target", seed: int = 1, **facts: Any) -> Path:
    """A LoRA of the editor's transformer that changes something."""
    net: Any = editor.denoiser.experts[0].transformer  # type: ignore
    for n, (key, p) in enumerate(attach(net, 2, tokens=tokens, name="made").items()):
        if "lora_B" in key:
            nn.init.normal_(p, std=0.5, generator=torch.Generator().manual_seed(100 * seed + n))
    assert editor.folder is not None
    name, hash_ = base_of(editor.folder)
    facts = {"base": name, "base_hash": hash_, "words": "heavy fog", **facts}
    save(path, net, LoraCard(1, 1.0, **facts), "made")
    detach(net, "made")
    return path
