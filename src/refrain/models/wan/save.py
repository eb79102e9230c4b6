"""Write a checkpoint that came of another: a new transformer and card, all else as the base has it."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file

from refrain.errors import BadInput
from refrain.models.protocols import Card

from .expert import Expert
from .load import CLEAN_EMBEDDING, read_json

SAME = ("vae", "text_encoder", "tokenizer", "scheduler")


def save_wan(folder: Path, base: Path, one: Expert, card: Card) -> Path:
    """A folder in diffusers' layout with one expert, which `load_wan` reads; `base`: where all else is taken from.

    Written aside and then renamed. Raises BadInput where the folder is there already.
    """
    if folder.exists():
        raise BadInput(f"{folder} is there already; move it away, or give another folder.")
    aside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    for part in SAME:
        shutil.copytree(base / part, aside / part)
    one.transformer.save_pretrained(aside / "transformer")
    if one.clean_embedding is not one.transformer.patch_embedding:
        held = {key: weight.detach().cpu().contiguous() for key, weight in one.clean_embedding.state_dict().items()}
        save_file(held, aside / "transformer" / CLEAN_EMBEDDING)
        card = replace(card, clean_embedding=True)
    index = read_json(base / "model_index.json")
    index = {key: value for key, value in index.items() if key != "boundary_ratio"}
    index["transformer_2"] = [None, None]
    (aside / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    card.save(aside)
    os.replace(aside, folder)
    return folder
