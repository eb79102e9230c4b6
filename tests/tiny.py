"""Tiny Wan checkpoints in the real folder layout, made in memory: no download, a second or two each."""

from pathlib import Path
from typing import Literal

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel
from transformers.utils import logging

torch.set_num_threads(1)  # at this size a second thread costs more than it brings

Kind = Literal["wan2.1", "wan2.2-a14b", "wan2.2-ti2v-5b"]
KINDS: tuple[Kind, ...] = ("wan2.1", "wan2.2-a14b", "wan2.2-ti2v-5b")
VOCABULARY = [
    "<pad>",
    "</s>",
    "<unk>",
    *("make", "it", "snow", "rain", "a", "cat", "dog", "on", "the", "street", "at", "night", "blurry", "red", "&"),
]


def tiny_tokenizer(length: int = 16) -> PreTrainedTokenizerFast:
    """One token a word, `</s>` at the end, at most `length` tokens."""
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(VOCABULARY)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=length,
    )


def tiny_text_encoder(seed: int = 0) -> UMT5EncoderModel:
    """A UMT5 of width 32 with two layers."""
    torch.manual_seed(seed)
    config = UMT5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    return UMT5EncoderModel(config).eval()


def tiny_vae(kind: Kind = "wan2.1", seed: int = 0) -> AutoencoderKLWan:
    """A codec that divides by 8 in space (16 for TI2V-5B) and by 4 in time."""
    torch.manual_seed(seed)
    common = {"num_res_blocks": 1, "temperal_downsample": [False, True, True], "dim_mult": [1, 1, 1, 1]}
    if kind != "wan2.2-ti2v-5b":
        return AutoencoderKLWan(base_dim=3, z_dim=16, **common).eval()
    spread = torch.linspace(0.3, 1.2, 48)
    return AutoencoderKLWan(
        **common,
        base_dim=4,
        decoder_base_dim=4,
        z_dim=48,
        is_residual=True,
        patch_size=2,
        in_channels=12,
        out_channels=12,
        scale_factor_spatial=16,
        latents_mean=(spread - 0.7).tolist(),
        latents_std=spread.tolist(),
    ).eval()


def tiny_transformer(kind: Kind = "wan2.1", seed: int = 0, channels: int | None = None) -> WanTransformer3DModel:
    """Two blocks of two heads, twelve channels each."""
    torch.manual_seed(seed)
    channels = channels or (48 if kind == "wan2.2-ti2v-5b" else 16)
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels,
        out_channels=channels,
        text_dim=32,
        freq_dim=256,
        ffn_dim=32,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    ).eval()


def tiny_pipeline(kind: Kind = "wan2.1", shift: float = 3.0) -> WanPipeline:
    """diffusers' own pipeline around tiny parts of one kind."""
    two = kind == "wan2.2-a14b"
    pipeline = WanPipeline(
        tokenizer=tiny_tokenizer(),
        text_encoder=tiny_text_encoder(),
        vae=tiny_vae(kind),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift),
        transformer=tiny_transformer(kind, seed=1),
        transformer_2=tiny_transformer(kind, seed=2) if two else None,
        boundary_ratio=0.875 if two else None,
        expand_timesteps=kind == "wan2.2-ti2v-5b",
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_tiny(folder: Path, kind: Kind = "wan2.1", shift: float = 3.0) -> Path:
    """Save such a pipeline as a diffusers folder (no refrain.json) and return the folder."""
    logging.disable_progress_bar()
    tiny_pipeline(kind, shift).save_pretrained(folder, safe_serialization=True)
    logging.enable_progress_bar()
    return folder
