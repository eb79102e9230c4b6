"""The names of a Wan LoRA's tensors: diffusers' (ours), Wan's own (ComfyUI), kohya's and musubi-tuner's.

transformer.blocks.0.attn1.to_q.lora_A.weight              diffusers; alpha stands in the metadata
diffusion_model.blocks.0.self_attn.q.lora_down.weight      Wan; `.alpha` beside it
lora_unet_blocks_0_self_attn_q.lora_down.weight            kohya, musubi-tuner; `.alpha` beside it
"""

import re
from typing import Literal

Style = Literal["diffusers", "comfyui"]

WAN = {
    "attn1.to_q": "self_attn.q", "attn1.to_k": "self_attn.k", "attn1.to_v": "self_attn.v",
    "attn1.to_out.0": "self_attn.o",
    "attn2.to_q": "cross_attn.q", "attn2.to_k": "cross_attn.k", "attn2.to_v": "cross_attn.v",
    "attn2.to_out.0": "cross_attn.o",
    "ffn.net.0.proj": "ffn.0", "ffn.net.2": "ffn.2",
}  # fmt: skip
OURS = {wan: ours for ours, wan in WAN.items()}
KOHYA = {wan.replace(".", "_"): ours for ours, wan in WAN.items()}
PARTS = {"lora_A.weight": "A", "lora_down.weight": "A", "lora_B.weight": "B", "lora_up.weight": "B", "alpha": "alpha"}
CLEAN = "lora_clean_embedding."  # diffusers takes no tensor without `lora` in its name, and leaves this one alone


def ours(key: str) -> tuple[str, str] | None:
    """A tensor's layer (`blocks.0.attn1.to_q`) and part (`A`, `B` or `alpha`); None for a name that is not known."""
    found = re.fullmatch(r"(.+?)\.(lora_A\.weight|lora_B\.weight|lora_down\.weight|lora_up\.weight|alpha)", key)
    layer = None if found is None else _layer(found[1])
    return None if found is None or layer is None else (layer, PARTS[found[2]])


def theirs(layer: str, style: Style) -> tuple[str, str, str | None]:
    """What A, B and alpha of a layer are called; diffusers has no name for alpha."""
    if style == "diffusers":
        return f"transformer.{layer}.lora_A.weight", f"transformer.{layer}.lora_B.weight", None
    _, number, rest = layer.split(".", 2)
    stem = f"diffusion_model.blocks.{number}.{WAN[rest]}"
    return f"{stem}.lora_down.weight", f"{stem}.lora_up.weight", f"{stem}.alpha"


def _layer(stem: str) -> str | None:
    for pattern, known in (
        (r"(?:transformer\.)?blocks\.(\d+)\.(.+)", {layer: layer for layer in WAN}),
        (r"diffusion_model\.blocks\.(\d+)\.(.+)", OURS),
        (r"lora_unet_blocks_(\d+)_(.+)", KOHYA),
    ):
        found = re.fullmatch(pattern, stem)
        if found is not None and found[2] in known:
            return f"blocks.{found[1]}.{known[found[2]]}"
    return None
