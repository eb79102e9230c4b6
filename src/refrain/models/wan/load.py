"""Read a Wan 2.1 or 2.2 checkpoint: a diffusers folder, or the id of one on the Hugging Face hub.

Loading is strict. The names and shapes in the safetensors headers are compared with what each module needs before a
byte of weights is read, pickles are refused, and no code from the folder is ever run.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel  # pyright: ignore[reportPrivateImportUsage]
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase, UMT5Config, UMT5EncoderModel
from transformers.utils import logging

from refrain.errors import BadInput, BadWeights, Unsupported
from refrain.models.embedded.codec import LinearCodec
from refrain.models.protocols import CARD, Card

CLEAN_EMBEDDING = "clean_embedding.safetensors"
GATES = "gates.safetensors"
PARTS = {
    "transformer": ("WanTransformer3DModel",),
    "vae": ("AutoencoderKLWan", "LinearCodec"),
    "text_encoder": ("UMT5EncoderModel",),
}
WEIGHTS = ("diffusion_pytorch_model.safetensors", "model.safetensors")
PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}
WANTED = [f"{part}/*" for part in ("transformer", "transformer_2", "vae", "text_encoder", "tokenizer", "scheduler")]
EXAMPLE = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"


@dataclass(frozen=True, eq=False)
class WanParts:
    """What a Wan folder holds, loaded.

    transformers:     one, or (high noise, low noise) with `boundary`, the noise time in [0, 1] where they take turns.
    clean_embeddings: for each transformer, the patch embedding of clean tokens; its own unless the card says otherwise.
    gates:            for each transformer, the learned gates of its blocks (`Isa(coarse_gate=True)`), or None.
    vae:              Wan's codec, or the linear one of the embedded model.
    shift:            the flow shift that the folder's scheduler asks for.
    """

    transformers: tuple[WanTransformer3DModel, ...]
    clean_embeddings: tuple[nn.Module, ...]
    gates: tuple[nn.ModuleList | None, ...]
    boundary: float | None
    vae: AutoencoderKLWan | LinearCodec
    tokenizer: PreTrainedTokenizerBase
    text_encoder: UMT5EncoderModel
    shift: float
    card: Card
    folder: Path


def load_wan(
    model: str | Path,
    dtype: torch.dtype = torch.bfloat16,
    device: str | torch.device = "cpu",
    card: Card | None = None,
    vae_dtype: torch.dtype = torch.float32,
) -> WanParts:
    """Load a Wan text-to-video checkpoint in `dtype` (the layers that diffusers keeps in float32 stay so).

    model: a folder, or a hub id. card: what the checkpoint was trained on; read from its refrain.json unless given.
    Raises BadInput where there is nothing to load, Unsupported for another kind of pipeline, and BadWeights for a
    folder that is incomplete, strange or unsafe.
    """
    folder = find(model)
    _refuse_pickles(folder)
    index = read_json(folder / "model_index.json")
    _check_kinds(folder, index)
    card = card or Card.load(folder)
    names = ["transformer", "transformer_2"] if _names(index, "transformer_2") else ["transformer"]
    boundary = index.get("boundary_ratio")
    if (len(names) == 2) != (boundary is not None):
        raise BadWeights(f"{folder / 'model_index.json'} must name both transformer_2 and boundary_ratio, or neither.")
    transformers = tuple(read_module(WanTransformer3DModel, folder / name, dtype).to(device) for name in names)
    embeddings = tuple(
        _clean_embedding(folder / name, net) if card.clean_embedding else net.patch_embedding
        for name, net in zip(names, transformers)
    )
    return WanParts(
        transformers=transformers,
        clean_embeddings=embeddings,
        gates=tuple(_gates(folder / name, net) for name, net in zip(names, transformers)),
        boundary=boundary,
        vae=_codec(folder / "vae", _names(index, "vae"), vae_dtype).to(device),
        tokenizer=_tokenizer(folder / "tokenizer"),
        text_encoder=read_module(UMT5EncoderModel, folder / "text_encoder", dtype).to(device),
        shift=_shift(folder / "scheduler" / "scheduler_config.json"),
        card=card,
        folder=folder,
    )


# -- the folder --------------------------------------------------------------------------------------------------------


def find(model: str | Path) -> Path:
    """The local folder of a checkpoint; a hub id is downloaded first, JSON and safetensors only."""
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise BadWeights(f"{folder} is a single file; give a diffusers folder, or a hub id such as {EXAMPLE}.")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", str(model)):
        raise BadInput(f"There is no folder {folder}; give a diffusers folder, or a hub id such as {EXAMPLE}.")
    patterns = [f"{place}.{kind}" for place in ("*", *WANTED) for kind in ("json", "safetensors")]
    patterns = [p for p in patterns if p != "*.safetensors"] + ["tokenizer/*.model", "tokenizer/*.txt"]
    offline = huggingface_hub.constants.HF_HUB_OFFLINE
    try:
        got = huggingface_hub.snapshot_download(
            str(model),
            allow_patterns=patterns,
            local_files_only=offline,
        )
    except (HfHubHTTPError, EntryNotFoundError, HFValidationError, OSError) as error:
        if offline:
            raise BadWeights(
                f"{model} was never downloaded here, and HF_HUB_OFFLINE forbids it now; unset it."
            ) from error
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise BadWeights(
            f"{model} is no folder here and the hub did not give it ({reason}); check the name and the connection."
        ) from error
    return Path(got)


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file; BadWeights where it is missing or something else."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadWeights(
            f"{path.parent} has no {path.name}; give a folder in diffusers' layout, such as {EXAMPLE}."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadWeights(f"{path} is not readable JSON ({error}); get the file anew.") from None
    if not isinstance(said, dict):
        raise BadWeights(f"{path} holds no JSON object; get the file anew.")
    return said


def _refuse_pickles(folder: Path) -> None:
    for place in (folder, *(folder / pattern.split("/")[0] for pattern in WANTED)):
        found = sorted(p for p in place.glob("*") if p.suffix.lower() in PICKLES)
        if found:
            raise BadWeights(
                f"{found[0]} is a pickle, which can run code when it is read; give a folder of safetensors, such as "
                f"one of the repositories whose names end in -Diffusers ({EXAMPLE})."
            )


def _names(index: dict[str, Any], part: str) -> str | None:
    """The class that model_index.json names for a part: [library, class], or [null, null] for none."""
    said = index.get(part)
    return said[1] if isinstance(said, list) and len(said) == 2 else None


def _check_kinds(folder: Path, index: dict[str, Any]) -> None:
    kinds = {**PARTS, **({"transformer_2": PARTS["transformer"]} if _names(index, "transformer_2") else {})}
    for part, needed in kinds.items():
        if _names(index, part) not in needed:
            raise Unsupported(
                f"{folder} has {_names(index, part) or 'nothing'} as its {part}, not {needed[0]}; give a text-to-video "
                f"Wan 2.1 or 2.2 such as {EXAMPLE}."
            )


def _codec(folder: Path, kind: str | None, dtype: torch.dtype) -> AutoencoderKLWan | LinearCodec:
    if kind == "LinearCodec":
        return LinearCodec.from_pretrained(folder)
    return read_module(AutoencoderKLWan, folder, dtype)


def _tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    if (folder / "tokenizer.json").is_file():
        read_json(folder / "tokenizer.json")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadWeights(f"{folder} holds no tokenizer that can be read ({str(error).splitlines()[0]}).") from error


def _shift(path: Path) -> float:
    said = read_json(path)
    shift = said.get("flow_shift", said.get("shift", 1.0))
    if not isinstance(shift, int | float) or not 0 < shift < float("inf"):
        raise BadWeights(f"{path} asks for a flow shift of {shift!r}, which is no positive number.")
    return float(shift)


# -- the weights -------------------------------------------------------------------------------------------------------


def read_module(kind: type[Any], folder: Path, dtype: torch.dtype) -> Any:
    """A diffusers or transformers module from `folder` (config.json and safetensors) in `dtype`, in evaluation mode.

    Raises BadWeights, naming up to three tensors, unless the files hold exactly what the module needs.
    """
    held = dict(_held(folder))
    blueprint = _blueprint(kind, folder)
    wanted = {name: tuple(tensor.shape) for name, tensor in blueprint.state_dict().items()}
    tied = dict(getattr(kind, "_tied_weights_keys", None) or {})
    spare = [re.compile(p) for p in getattr(kind, "_keys_to_ignore_on_load_unexpected", None) or []]
    missing = [n for n in wanted if n not in held and tied.get(n) not in held]
    extra = [n for n in held if n not in wanted and not any(p.search(n) for p in spare)]
    shaped = [f"{n} {held[n]} for {wanted[n]}" for n in wanted if n in held and held[n] != wanted[n]]
    for names, trouble in ((missing, "lacks"), (extra, "holds unknown"), (shaped, "has wrongly shaped")):
        if names:
            listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise BadWeights(f"{folder} {trouble} tensors ({len(names)}: {listed}) for {kind.__name__}; get it anew.")
    with _no_bars():
        return kind.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True).eval()


@contextmanager
def _no_bars() -> Iterator[None]:
    """transformers draws a progress bar for every module that it reads; the caller has its own."""
    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def _blueprint(kind: type[Any], folder: Path) -> nn.Module:
    """The module that config.json describes, without memory for its weights."""
    config = read_json(folder / "config.json")
    try:
        with torch.device("meta"):
            return kind(UMT5Config(**config)) if kind is UMT5EncoderModel else kind.from_config(config)
    except (TypeError, ValueError) as error:
        raise BadWeights(f"{folder / 'config.json'} does not describe a {kind.__name__} ({error}).") from error


def _held(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the tensors in `folder`, from the headers of one file or of all shards of an index."""
    for name in WEIGHTS:
        if (folder / f"{name}.index.json").is_file():
            index = read_json(folder / f"{name}.index.json")
            files = sorted(set(index.get("weight_map", {}).values()))
            if not files or any(Path(file).name != file for file in files):
                raise BadWeights(f"{folder / name}.index.json names no files beside it; get it anew.")
            break
        if (folder / name).is_file():
            files = [name]
            break
    else:
        raise BadWeights(f"{folder} holds no weights in safetensors; give a folder such as {EXAMPLE}.")
    for file in files:
        try:
            with safe_open(folder / file, framework="pt") as opened:
                for key in opened.keys():  # noqa: SIM118
                    yield key, tuple(opened.get_slice(key).get_shape())
        except (SafetensorError, OSError) as error:
            raise BadWeights(f"{folder / file} cannot be read ({error}); get it anew.") from error


def _clean_embedding(folder: Path, net: WanTransformer3DModel) -> nn.Module:
    """The patch embedding that a checkpoint keeps for clean tokens, in a file beside the transformer's weights."""
    path = folder / CLEAN_EMBEDDING
    if not path.is_file():
        raise BadWeights(
            f"{path} is missing, though {CARD} says that clean tokens have a patch embedding of their own."
        )
    config: Any = net.config  # a target may carry more channels than the latents it becomes; clean tokens never do
    width = net.patch_embedding.out_channels
    embedding = nn.Conv3d(config.out_channels, width, config.patch_size, config.patch_size)
    try:
        embedding.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise BadWeights(f"{path} does not fit the transformer ({str(error).splitlines()[0]}).") from error
    return embedding.to(net.patch_embedding.weight).eval()


def _gates(folder: Path, net: WanTransformer3DModel) -> nn.ModuleList | None:
    """For every block a linear layer, width -> 1 or heads (`0.weight`, `0.bias`, ...); None without a file."""
    path = folder / GATES
    if not path.is_file():
        return None
    try:
        held = load_file(path)
        config: Any = net.config
        width, heads = config.num_attention_heads * config.attention_head_dim, config.num_attention_heads
        out = len(held["0.weight"])
        if out not in (1, heads):
            raise BadWeights(f"{path} has gates of {out} numbers; a gate has 1, or one for each of {heads} heads.")
        gates = nn.ModuleList(nn.Linear(width, out) for _ in range(config.num_layers))
        gates.load_state_dict(held)
    except (SafetensorError, OSError, RuntimeError, KeyError) as error:
        raise BadWeights(f"{path} does not fit the transformer ({str(error).splitlines()[0]}).") from error
    return gates.to(net.patch_embedding.weight).eval()
