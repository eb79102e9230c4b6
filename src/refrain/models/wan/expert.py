"""One Wan transformer of a denoiser, with what a checkpoint keeps beside it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from refrain.sequence import Segment

from .block import word_keys
from .hearing import Voice
from .memory import Cause, identity, weights_cause
from .touch import Touches, adapters

STEPS_OF_TIME = 1000.0  # Wan counts noise time from 0 to 1000


@dataclass(frozen=True, eq=False)
class Expert:
    """One transformer, and the patch embedding of its clean tokens (its own, where a checkpoint has one).

    gates: for every block a linear layer, width -> 1 or heads, where a checkpoint has learnt them for
           `Isa(coarse_gate=True)`.
    """

    transformer: Any  # diffusers' WanTransformer3DModel
    clean_embedding: nn.Module
    gates: nn.ModuleList | None = None

    @property
    def dtype(self) -> torch.dtype:
        return self.transformer.patch_embedding.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.transformer.patch_embedding.weight.device

    def weights(self, clean: bool = False) -> Cause:
        """The state of all weights and adapters; with `clean`, less those adapters that touch the target alone."""
        beside = (self.clean_embedding,) if self.gates is None else (self.clean_embedding, self.gates)
        apart = [name for name, reach in adapters(self.transformer).items() if clean and reach == "target"]
        return weights_cause(self.transformer, *beside, apart=frozenset(apart))

    def time(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Noise times [B] -> embedding [B, W] and modulation [B, 6, W]."""
        embed = self.transformer.condition_embedder
        wave = embed.timesteps_proj(t.to(self.device) * STEPS_OF_TIME)
        row = embed.time_embedder(wave.to(embed.time_embedder.linear_1.weight.dtype)).to(self.dtype)  # [B, W]
        return row, embed.time_proj(embed.act_fn(row)).unflatten(1, (6, -1))

    def tokens(self, latents: Tensor, clean: bool) -> Tensor:
        """Latents [B, C, T, Y, X] -> tokens [B, L, W]."""
        embedding = self.clean_embedding if clean else self.transformer.patch_embedding
        tokens = embedding(latents.to(self.device, self.dtype)).flatten(2).transpose(1, 2)
        return tokens.to(self.dtype)  # under autocast the row stays in full precision: what words add is small at first

    def latents(self, x: Tensor, time: Tensor, segment: Segment) -> Tensor:
        """Tokens [B, L, W] of the target -> the network's output [B, C, T, Y, X]."""
        net = self.transformer
        shift, scale = (net.scale_shift_table + time[:, None]).chunk(2, dim=1)
        out = net.proj_out((net.norm_out(x.float()) * (1 + scale) + shift).type_as(x))  # [B, L, pt * py * px * C]
        out = out.unflatten(1, segment.size).unflatten(-1, (*net.config.patch_size, -1))
        return out.permute(0, 7, 1, 4, 2, 5, 3, 6).flatten(6, 7).flatten(4, 5).flatten(2, 3)

    def words(self, states: Tensor, touches: Touches = None) -> list[tuple[Tensor, Tensor]]:
        """Keys and values [B, N, H, D] of words [B, N, W] in every block."""
        embedded = self.transformer.condition_embedder.text_embedder(states.to(self.device, self.dtype))
        return [word_keys(block, embedded, touches) for block in self.transformer.blocks]

    def said(self, voice: Voice) -> Cause:
        """All that the keys and values of a voice depend on."""
        reaches = adapters(self.transformer)
        weights = self.weights(clean=all(reaches.get(name) != "target" for name in voice.adapters))
        key = ("words", identity(voice.states), voice.adapters, weights.key)
        return Cause(key, (voice.states, *weights.of))

    def gate(self, layer: int, seen: Tensor) -> Tensor | None:
        """How much of the coarse attention each token [B, L, W] adds in block `layer`, in -1/4..1/4: [B, L, 1 or H].

        LIVEditor's learned term, 0.5 (sigmoid(linear(x)) - 0.5); x is what queries are made of.
        """
        return None if self.gates is None else 0.5 * (self.gates[layer](seen).sigmoid() - 0.5)
