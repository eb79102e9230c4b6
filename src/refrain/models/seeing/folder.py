"""Weights of networks that look: a folder in transformers' layout or a hub id, safetensors only, loaded whole."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers.utils import logging

from refrain.errors import BadInput, BadWeights, Unsupported

FILES = ["*.json", "*.txt", "*.safetensors"]


def found(model: str | Path, kinds: Sequence[str], where: str) -> Path:
    """The local folder of a model of one of these kinds, downloaded first where it is a hub id.

    where: from where such weights are to be had, for the error. Raises BadInput, Unsupported.
    """
    folder = Path(model)
    if folder.is_file():
        raise BadInput(f"{folder} is a file; give the folder that holds config.json and the safetensors.")
    if not folder.is_dir():
        try:
            folder = Path(huggingface_hub.snapshot_download(str(model), allow_patterns=FILES))
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            raise BadWeights(f"{model} is no folder here, and the hub did not give it; get {where}.") from error
    kind = read_json(folder / "config.json").get("model_type")
    if kind not in kinds:
        raise Unsupported(f"{folder} is {kind!r}, not {' or '.join(map(repr, kinds))}; get {where}.")
    return folder


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises BadWeights."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadWeights(f"{path} cannot be read; give a folder in transformers' layout.") from error
    if not isinstance(said, dict):
        raise BadWeights(f"{path} holds no JSON object; get it anew.")
    return said


def loaded(kind: Any, folder: Path, device: str | torch.device, **more: Any) -> Any:
    """A network of transformers from its folder, whole, in float32 and evaluation mode. Raises BadWeights."""
    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model, told = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True, dtype=torch.float32, **more
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise BadWeights(
            f"{folder} holds no whole safetensors for {kind.__name__} ({reason}); where it holds a pickle only, load "
            "and save it once with transformers elsewhere (docs/evaluation.md)."
        ) from error
    finally:
        if drawn:
            logging.enable_progress_bar()
    lacking = sorted({*told["missing_keys"], *(str(one) for one in told["mismatched_keys"])})
    if lacking:
        raise BadWeights(f"{folder} lacks {len(lacking)} tensors of {kind.__name__} (such as {lacking[0]}).")
    return model.to(device).eval().requires_grad_(False)


def tensors_of(file: Path, how: str) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises BadWeights, which says how one is made of what is published."""
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise BadWeights(f"{file} is no safetensors file; {how} as docs/evaluation.md says.") from error


def filled(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Fill a network of ours from a file's tensors: every one, in its shape, and none left over. Raises BadWeights."""
    wanted = module.state_dict()
    lacking, strange = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if lacking or strange:
        told = f"lacks {lacking[0]}" if lacking else f"holds {strange[0]}, which has no place"
        raise BadWeights(f"{path} {told}; make the file as docs/evaluation.md says.")
    for name, tensor in wanted.items():
        if tensor.shape != tensors[name].shape:
            raise BadWeights(f"{path}: {name} is {list(tensors[name].shape)}, not {list(tensor.shape)}; get it anew.")
    module.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
    module.eval().requires_grad_(False)


def name_of(model: str | Path, files: Sequence[Path]) -> str:
    """What scorers call these weights: the last part of their name and eight digits of the hash of their files."""
    total = hashlib.sha256()
    for file in sorted(files):
        with file.open("rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return f"{Path(model).name.removesuffix('.safetensors')}-{total.hexdigest()[:8]}"
