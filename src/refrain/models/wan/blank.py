"""A Wan transformer of random numbers: for measuring speed at real widths without real weights."""

import torch
from diffusers import WanTransformer3DModel

from .denoiser import Expert


def blank_expert(layers: int, heads: int, head: int, feed: int, text: int, channels: int, dtype: torch.dtype) -> Expert:
    """`layers` blocks with `heads` heads of width `head`, in `dtype`; what diffusers keeps in float32 stays so."""
    torch.manual_seed(0)
    net = WanTransformer3DModel(
        num_attention_heads=heads, attention_head_dim=head, ffn_dim=feed, text_dim=text, num_layers=layers,
        in_channels=channels, out_channels=channels, cross_attn_norm=True,
    )  # fmt: skip
    for name, weight in net.eval().requires_grad_(False).named_parameters():
        if not any(kept in name for kept in net._keep_in_fp32_modules):
            weight.data = weight.data.to(dtype)
    return Expert(net, net.patch_embedding)
