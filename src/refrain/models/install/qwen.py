"""Qwen-Image-Edit in diffusers: words, the target and the pictures to edit in one row of tokens."""

from typing import Any

import torch
from diffusers import QwenImageTransformer2DModel
from diffusers.models.transformers.transformer_qwenimage import QwenDoubleStreamAttnProcessor2_0, apply_rotary_emb_qwen
from torch import Tensor, nn

from refrain.errors import Unsupported

from .given import Given, Part, noise_time, plan_of, words
from .planned import Host, Planned


def attentions(transformer: Any) -> list[tuple[int, nn.Module]]:
    """Every joint attention and its layer."""
    if transformer.config.use_layer3d_rope:
        raise Unsupported(
            "Qwen-Image-Layered makes several pictures at once; refrain.install knows rows of one target."
        )
    return [(number, block.attn) for number, block in enumerate(transformer.transformer_blocks)]


def read(transformer: nn.Module, given: dict[str, Any]) -> Given:
    """img_shapes: for each sample its pictures (frames, y, x), the target first; a mask of words [B, L], or None.

    Padded words are left out of the row, sample by sample, since nobody sees them.
    """
    found = pictures(given["img_shapes"])
    t, mask = noise_time(given["timestep"]), given["encoder_hidden_states_mask"]
    count = given["encoder_hidden_states"].shape[1]
    if mask is None or bool(mask.all()):
        return Given(t, (plan_of(words(count) + found),))
    length = sum(frames * rows * columns for _, (frames, rows, columns) in found)
    shown = torch.arange(count, count + length, device=mask.device)
    kept = tuple(torch.cat([row.nonzero().flatten(), shown]) for row in mask)
    return Given(t, tuple(plan_of(words(len(tokens) - length) + found) for tokens in kept), kept)


def pictures(shapes: list[Any]) -> tuple[Part, ...]:
    """The pictures of a batch whose samples are all alike; a sample's entry is a list of shapes, or one shape."""
    samples = [list(sample) if isinstance(sample[0], list | tuple) else [sample] for sample in shapes]
    if any(sample != samples[0] for sample in samples):
        raise Unsupported(f"The samples of a batch differ in their pictures; give them one by one: {shapes}.")
    target, *sources = (tuple(shape) for shape in samples[0])
    return Part("target", target), *(Part("source", shape) for shape in sources)


class PlannedQwen(Planned, QwenDoubleStreamAttnProcessor2_0):
    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        encoder_hidden_states_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Any:
        if self.dense or encoder_hidden_states is None:
            return super().__call__(
                attn, hidden_states, encoder_hidden_states, encoder_hidden_states_mask, attention_mask, image_rotary_emb
            )
        width = attn.inner_dim // attn.heads
        said, shown = encoder_hidden_states, hidden_states
        q, k, v = (layer(shown).unflatten(-1, (-1, width)) for layer in (attn.to_q, attn.to_k, attn.to_v))
        words_q, words_k, words_v = (
            layer(said).unflatten(-1, (-1, width)) for layer in (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
        )
        q, k = _normed(attn.norm_q, q), _normed(attn.norm_k, k)
        words_q, words_k = _normed(attn.norm_added_q, words_q), _normed(attn.norm_added_k, words_k)
        if image_rotary_emb is not None:
            for_pictures, for_words = image_rotary_emb
            q, k = (apply_rotary_emb_qwen(x, for_pictures, use_real=False) for x in (q, k))
            words_q, words_k = (apply_rotary_emb_qwen(x, for_words, use_real=False) for x in (words_q, words_k))

        row = (torch.cat(both, dim=1) for both in ((words_q, q), (words_k, k), (words_v, v)))
        out = self.look(*row, attention_mask).flatten(2, 3).to(q.dtype)
        heard, seen = out.tensor_split([said.shape[1]], dim=1)
        seen = attn.to_out[0](seen.contiguous())
        return (attn.to_out[1](seen) if len(attn.to_out) > 1 else seen), attn.to_add_out(heard.contiguous())


def _normed(norm: nn.Module | None, x: Tensor) -> Tensor:
    return x if norm is None else norm(x)


HOST = Host((QwenImageTransformer2DModel,), attentions, read, QwenDoubleStreamAttnProcessor2_0, PlannedQwen)
