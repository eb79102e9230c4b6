"""Wan's video codec behind the `Codec` protocol: frames to normalised latents and back.

The mode of the posterior is taken, never a sample, so that the same frames give the same latents.
"""

from typing import Any

import torch
from diffusers import AutoencoderKLWan  # pyright: ignore[reportPrivateImportUsage]
from torch import Tensor

from refrain.errors import BadInput


class WanCodec:
    """Frames [B, T, 3, Y, X] in [-1, 1], T = 4k + 1, to latents [B, C, k + 1, Y / 8, X / 8] and back.

    Wan 2.2 TI2V-5B divides by 16 in space. `tiled` works on overlapping squares of 256 pixels and blends them: less
    memory, and nearly the same result. One clip at a time: the network keeps its place in the clip.
    """

    def __init__(self, vae: AutoencoderKLWan, tiled: bool = False) -> None:
        config: Any = vae.config
        self.channels: int = config.z_dim
        self.frames_per_latent: int = config.scale_factor_temporal
        self.pixels_per_latent: int = config.scale_factor_spatial
        self._vae = vae.eval().requires_grad_(False)
        self._mean = torch.tensor(config.latents_mean).view(1, -1, 1, 1, 1)
        self._std = torch.tensor(config.latents_std).view(1, -1, 1, 1, 1)
        if tiled:
            vae.enable_tiling()

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Normalised latents [B, C, k + 1, Y', X'] float32 of frames [B, T, 3, Y, X] in [-1, 1].

        Raises BadInput unless T = 4k + 1 and Y and X are multiples of `pixels_per_latent`: the network would drop the
        rest without a word.
        """
        self._check(frames)
        pixels = frames.transpose(1, 2).to(self._vae.device, self._vae.dtype)  # [B, 3, T, Y, X]
        posterior = self._vae.encode(pixels, return_dict=False)[0]
        latents = posterior.mode().float()  # [B, C, k + 1, Y', X']
        return (latents - self._mean.to(latents)) / self._std.to(latents)

    @torch.no_grad()
    def decode(self, latents: Tensor, first: bool = True) -> Tensor:
        """Frames [B, 4k + 1, 3, Y, X] float32 in [-1, 1] of latents [B, C, k + 1, Y', X'].

        With `first=False` the latents start in the middle of a clip and every one of them gives four frames; what came
        before is unknown to the network, and the first latent stands in for it.
        """
        if latents.ndim != 5 or latents.shape[1] != self.channels:
            raise BadInput(f"Latents must be [B, {self.channels}, T, Y, X], not {tuple(latents.shape)}.")
        if not first:
            latents = torch.cat([latents[:, :, :1], latents], dim=2)
        z = latents.to(self._vae.device, torch.float32)
        z = (z * self._std.to(z) + self._mean.to(z)).to(self._vae.dtype)
        frames = self._vae.decode(z, return_dict=False)[0].transpose(1, 2).float()  # [B, T, 3, Y, X]
        return frames if first else frames[:, 1:]

    def _check(self, frames: Tensor) -> None:
        if frames.ndim != 5 or frames.shape[2] != 3:
            raise BadInput(f"Frames must be [B, T, 3, Y, X], not {tuple(frames.shape)}.")
        t, y, x = frames.shape[1], *frames.shape[3:]
        if t % self.frames_per_latent != 1:
            raise BadInput(f"This codec takes 4k + 1 frames (1, 5, 9, ...), not {t}; repeat the last frame to fill up.")
        if y % self.pixels_per_latent or x % self.pixels_per_latent:
            raise BadInput(
                f"This codec takes frames whose sides are multiples of {self.pixels_per_latent}, not {x}x{y}; pad them."
            )
