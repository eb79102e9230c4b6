"""Flux in diffusers, and so Flux-Kontext: words, the target and its context pictures in one row of tokens."""

from typing import Any

import torch
from diffusers import FluxTransformer2DModel
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_flux import FluxAttnProcessor
from torch import Tensor, nn

from refrain.errors import Unsupported

from .given import Given, Part, noise_time, plan_of, words
from .planned import Host, Planned


def attentions(transformer: Any) -> list[tuple[int, nn.Module]]:
    """Every joint attention and its layer: first the blocks of two streams, then those of one."""
    blocks = [*transformer.transformer_blocks, *transformer.single_transformer_blocks]
    return [(number, block.attn) for number, block in enumerate(blocks)]


def read(transformer: nn.Module, given: dict[str, Any]) -> Given:
    """img_ids [L, 3], (picture, y, x) of every token: picture 0 is the target; timesteps of 0 to 1."""
    ids = given["img_ids"]
    parts = words(given["encoder_hidden_states"].shape[1]) + pictures(ids[0] if ids.ndim == 3 else ids)
    return Given(noise_time(given["timestep"]), (plan_of(parts),))


def pictures(ids: Tensor) -> tuple[Part, ...]:
    """The pictures of a row by their ids [L, 3]; each must be a raster, columns fastest."""
    places = ids.float().cpu()
    numbers, counts = torch.unique_consecutive(places[:, 0], return_counts=True)
    found = tuple(
        Part("source" if number else "target", (1, *_raster(run[:, 1:])))
        for number, run in zip(numbers.tolist(), places.split(counts.tolist()))
    )
    if all(part.kind != "target" for part in found):
        raise Unsupported("No token of img_ids is of picture 0, the target; refrain.install cannot tell what is made.")
    return found


def _raster(places: Tensor) -> tuple[int, int]:
    """Rows and columns of a picture whose tokens stand at places [L, 2]."""
    columns = int((places[:, 0] == places[0, 0]).long().cumprod(0).sum())
    if len(places) % columns == 0:
        table = places.unflatten(0, (-1, columns))  # [Y, X, 2]
        if (table[:, :1, 0] == table[..., 0]).all() and (table[:1, :, 1] == table[..., 1]).all():
            return len(table), columns
    raise Unsupported("The img_ids of a picture are not a raster, row by row; refrain.install reads nothing else.")


class PlannedFlux(Planned, FluxAttnProcessor):
    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        if self.dense:
            return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb)
        q, k, v = _project(attn, hidden_states)
        if encoder_hidden_states is not None:
            q, k, v = (torch.cat(both, dim=1) for both in zip(_project_words(attn, encoder_hidden_states), (q, k, v)))
        if image_rotary_emb is not None:
            q, k = (apply_rotary_emb(x, image_rotary_emb, sequence_dim=1) for x in (q, k))
        out = self.look(q, k, v, attention_mask).flatten(2, 3).to(q.dtype)
        if encoder_hidden_states is None:
            return out
        heard, seen = out.tensor_split([encoder_hidden_states.shape[1]], dim=1)
        return attn.to_out[1](attn.to_out[0](seen.contiguous())), attn.to_add_out(heard.contiguous())


def _project(attn: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """q, k, v [B, L, H, D] of picture tokens (of all tokens, in a block of one stream), q and k normed."""
    qkv = attn.to_qkv(x).chunk(3, dim=-1) if attn.fused_projections else (attn.to_q(x), attn.to_k(x), attn.to_v(x))
    q, k, v = (y.unflatten(-1, (-1, attn.head_dim)) for y in qkv)
    return attn.norm_q(q), attn.norm_k(k), v


def _project_words(attn: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """The same of words."""
    fused = attn.fused_projections
    qkv = (
        attn.to_added_qkv(x).chunk(3, dim=-1) if fused else (attn.add_q_proj(x), attn.add_k_proj(x), attn.add_v_proj(x))
    )
    q, k, v = (y.unflatten(-1, (-1, attn.head_dim)) for y in qkv)
    return attn.norm_added_q(q), attn.norm_added_k(k), v


HOST = Host((FluxTransformer2DModel,), attentions, read, FluxAttnProcessor, PlannedFlux)
