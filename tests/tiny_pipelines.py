"""diffusers' own editing pipelines around tiny random parts: no download, a second or two each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    FluxKontextPipeline,
    FluxTransformer2DModel,
    QwenImageEditPipeline,
    QwenImageTransformer2DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from PIL import Image
from torch import Tensor, nn
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    T5Config,
    T5EncoderModel,
)

from tiny import tiny_pipeline, tiny_text_encoder, tiny_tokenizer, tiny_vae

WAN: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "out_channels": 16,
    "text_dim": 32,
    "freq_dim": 256,
    "ffn_dim": 32,
    "rope_max_seq_len": 32,
}


@dataclass(frozen=True)
class Tiny:
    """A pipeline, and a call of it for a side in pixels and a batch: the latents that it makes."""

    pipeline: DiffusionPipeline
    run: Callable[..., Tensor]

    @property
    def transformer(self) -> nn.Module:
        return self.pipeline.transformer


def picture(side: int) -> Image.Image:
    ramp = torch.linspace(0, 255, side * side * 3).reshape(side, side, 3).byte()
    return Image.fromarray(ramp.numpy())


def wan(kind: str = "wan2.1") -> Tiny:
    """Text to video; `wan2.2-ti2v-5b` has a noise time for each token."""
    pipeline = tiny_pipeline(kind)

    def run(side: int = 32, batch: int = 1, **more: Any) -> Tensor:
        side = 2 * side if kind == "wan2.2-ti2v-5b" else side
        return _video(pipeline, side, **_words(batch, 16), **more)

    return Tiny(pipeline, run)


def wan_from_picture(expand: bool = False) -> Tiny:
    """Image to video: on channels, with a picture that is heard as words are (2.1); or as a first frame (TI2V)."""
    torch.manual_seed(0)
    kind = "wan2.2-ti2v-5b" if expand else "wan2.1"
    heard = {} if expand else {"image_dim": 8, "added_kv_proj_dim": 24}
    channels = 48 if expand else 36
    model = WanTransformer3DModel(
        **{**WAN, "out_channels": 48 if expand else 16}, in_channels=channels, num_layers=2, **heard
    )
    eye = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=16
        )
    )
    pipeline = WanImageToVideoPipeline(
        tokenizer=tiny_tokenizer(),
        text_encoder=tiny_text_encoder(),
        vae=tiny_vae(kind),
        scheduler=_scheduler(),
        image_encoder=None if expand else eye.eval(),
        image_processor=None if expand else CLIPImageProcessor(crop_size=32, size=32),
        transformer=model.eval(),
        expand_timesteps=expand,
    )
    pipeline.set_progress_bar_config(disable=True)

    def run(side: int = 32, batch: int = 1, **more: Any) -> Tensor:
        side = 2 * side if expand else side
        said = _words(batch, 16 if expand else 512)  # diffusers finds the picture's states before the last 512
        return _video(pipeline, side, image=picture(side), **said, **more)

    return Tiny(pipeline, run)


def vace() -> Tiny:
    """A video and a mask in blocks of their own, beside the layers 0 and 2."""
    torch.manual_seed(0)
    model = WanVACETransformer3DModel(**WAN, in_channels=16, num_layers=3, vace_layers=[0, 2], vace_in_channels=96)
    pipeline = WanVACEPipeline(
        tokenizer=tiny_tokenizer(),
        text_encoder=tiny_text_encoder(),
        vae=tiny_vae(),
        scheduler=_scheduler(),
        transformer=model.eval(),
    )
    pipeline.set_progress_bar_config(disable=True)

    def run(side: int = 32, batch: int = 1, **more: Any) -> Tensor:
        video, mask = [picture(side)] * 9, [Image.new("L", (side, side), 255)] * 9
        return _video(pipeline, side, video=video, mask=mask, **_words(batch, 16), **more)

    return Tiny(pipeline, run)


def kontext() -> Tiny:
    """Words, a target and a context picture of another size."""
    torch.manual_seed(0)
    model = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    clip = CLIPTextConfig(
        vocab_size=64, hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4,), latent_channels=4, norm_num_groups=1, layers_per_block=1, shift_factor=0.06,
        scaling_factor=1.5, use_quant_conv=False, use_post_quant_conv=False,
    )  # fmt: skip
    t5 = T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    pipeline = FluxKontextPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae.eval(),
        text_encoder=CLIPTextModel(clip).eval(),
        tokenizer=tiny_tokenizer(),
        text_encoder_2=T5EncoderModel(t5).eval(),
        tokenizer_2=tiny_tokenizer(),
        transformer=model.eval(),
    )
    pipeline.set_progress_bar_config(disable=True)

    def run(side: int = 16, batch: int = 1, **more: Any) -> Tensor:
        return pipeline(
            image=picture(12), prompt=["make it snow"] * batch, max_sequence_length=16, height=side, width=side,
            max_area=side * side, _auto_resize=False, **_steps(more),
        ).images  # fmt: skip

    return Tiny(pipeline, run)


def qwen_edit() -> Tiny:
    """Words (encoded beforehand: its encoder is a language model of its own), a target and the picture to edit.

    The pipeline brings every picture to a megapixel; the tests that use it make `calculate_dimensions` more modest.
    """
    torch.manual_seed(0)
    model = QwenImageTransformer2DModel(
        patch_size=2, in_channels=64, out_channels=16, num_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    pipeline = QwenImageEditPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=AutoencoderKLQwenImage(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval(),
        text_encoder=None,
        tokenizer=None,
        processor=None,
        transformer=model.eval(),
    )
    pipeline.set_progress_bar_config(disable=True)

    def run(side: int = 96, batch: int = 1, padded: tuple[int, ...] = (), **more: Any) -> Tensor:
        """`padded`: for each sample, how many of its nine words are padding."""
        padded = padded or (2,) * batch
        words = torch.randn(len(padded), 9, 32, generator=torch.Generator().manual_seed(1))
        mask = torch.stack([torch.arange(9) < 9 - count for count in padded]).long()
        return pipeline(
            image=picture(96), prompt_embeds=words, prompt_embeds_mask=mask, height=side, width=side,
            negative_prompt_embeds=words.flip(1), negative_prompt_embeds_mask=torch.ones_like(mask), **_steps(more),
        ).images  # fmt: skip

    return Tiny(pipeline, run)


def _words(batch: int, length: int) -> dict[str, Tensor]:
    """Encoded beforehand: with words as text, some of these pipelines want a library that mends text."""
    states = torch.randn(2, 1, length, 32, generator=torch.Generator().manual_seed(1)).expand(2, batch, length, 32)
    return {"prompt_embeds": states[0], "negative_prompt_embeds": states[1]}


def _scheduler() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)


def _video(pipeline: DiffusionPipeline, side: int, **more: Any) -> Tensor:
    return pipeline(height=side, width=side, num_frames=9, **{"guidance_scale": 3.0, **_steps(more)}).frames


def _steps(more: dict[str, Any]) -> dict[str, Any]:
    """Two steps, from the same noise each time; latents, unless said otherwise."""
    return {"num_inference_steps": 2, "output_type": "latent", "generator": torch.manual_seed(0), **more}
