"""Wan 2.1 and 2.2 in diffusers: text to video, image to video, VACE and TI2V. The row is one target.

What image-to-video and VACE are given stands on channels or in blocks of its own, at the target's places; words come by
cross-attention, which is left alone.
"""

from typing import Any

from diffusers import WanTransformer3DModel, WanVACETransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from torch import Tensor, nn

from refrain.models.wan.rope import rotate

from .given import Given, Part, noise_time, plan_of
from .planned import Host, Planned


def attentions(transformer: Any) -> list[tuple[int, nn.Module]]:
    """Every self-attention and its layer; a VACE block counts as the layer that it speaks to."""
    found = [(number, block.attn1) for number, block in enumerate(transformer.blocks)]
    if isinstance(transformer, WanVACETransformer3DModel):
        layers = transformer.config.vace_layers
        found += [(number, block.attn1) for number, block in zip(layers, transformer.vace_blocks)]
    return found


def read(transformer: nn.Module, given: dict[str, Any]) -> Given:
    """Latents [B, C, T, Y, X], cut into patches; timesteps of 0 to 1000, one a sample or one a token."""
    size = tuple(n // p for n, p in zip(given["hidden_states"].shape[2:], transformer.config.patch_size))
    return Given(noise_time(given["timestep"], 1000), (plan_of((Part("target", size),)),))


class PlannedWan(Planned, WanAttnProcessor):
    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        if self.dense or encoder_hidden_states is not None:
            return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, rotary_emb)
        if attn.fused_projections:
            q, k, v = attn.to_qkv(hidden_states).chunk(3, dim=-1)
        else:
            q, k, v = attn.to_q(hidden_states), attn.to_k(hidden_states), attn.to_v(hidden_states)
        q, k, v = (x.unflatten(2, (attn.heads, -1)) for x in (attn.norm_q(q), attn.norm_k(k), v))
        if rotary_emb is not None:
            by = rotary_emb[0][..., 0::2], rotary_emb[1][..., 1::2]  # the tables say each angle twice
            q, k = rotate(q, by), rotate(k, by)
        out = self.look(q, k, v, attention_mask).flatten(2, 3).type_as(q)
        return attn.to_out[1](attn.to_out[0](out))


HOST = Host((WanTransformer3DModel, WanVACETransformer3DModel), attentions, read, WanAttnProcessor, PlannedWan)
