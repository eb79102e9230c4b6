"""A whole text-to-video run with our own parts is WanPipeline's, frame by frame.

Both read the same folder. Ours: words, a row that holds only a target, guidance, UniPC over Wan's times, codec.
"""

from pathlib import Path

import pytest
import torch
from diffusers import WanPipeline
from torch import Tensor

from refrain.flow import guided, told_in_thousandths, unipc, wan_times
from refrain.models.protocols import Card
from refrain.models.wan.codec import WanCodec
from refrain.models.wan.denoiser import Expert, WanDenoiser
from refrain.models.wan.load import WanParts, load_wan
from refrain.models.wan.words import WanWords
from refrain.sequence import Segment, Sequence, grid
from tiny import KINDS, Kind, save_tiny

FRAMES, ROWS, COLUMNS, STEPS = 9, 32, 64, 6
ASKED, UNASKED = "make it snow on the street at night", "blurry"


def some_noise(codec: WanCodec) -> Tensor:
    side = codec.pixels_per_latent
    shape = (1, codec.channels, (FRAMES - 1) // 4 + 1, ROWS // side, COLUMNS // side)
    return torch.randn(shape, generator=torch.Generator().manual_seed(7))


def ours(parts: WanParts, guidance: float, boundary: float | None = None) -> tuple[Tensor, list[int]]:
    """Frames [1, T, 3, Y, X] in [0, 1], and which expert was asked at each step."""
    codec, words = WanCodec(parts.vae), WanWords(parts.tokenizer, parts.text_encoder)
    experts = tuple(Expert(*pair) for pair in zip(parts.transformers, parts.clean_embeddings))
    denoiser = WanDenoiser(experts, parts.card, parts.boundary if boundary is None else boundary)
    noise = some_noise(codec)
    states = words.encode([ASKED, UNASKED])
    rows = [row_of(noise, one[None]) for one in states]
    asked, unasked = (denoiser.prepare(row).velocity for row in rows)
    served: list[int] = []

    def watched(x: Tensor, t: float) -> Tensor:
        served.append(denoiser.expert(t))
        return asked(x, t)

    velocity = told_in_thousandths(guided(watched, unasked, guidance))
    with torch.no_grad():
        latents = unipc(velocity, noise, wan_times(STEPS, parts.shift))
    return codec.decode(latents) / 2 + 0.5, served


def row_of(noise: Tensor, states: Tensor) -> Sequence:
    """A row with nothing but a target, and the words that ask for it."""
    _, _, t, y, x = noise.shape
    place = torch.zeros(states.shape[1], 3)
    words = Segment("text", 0, place, content=states)
    return Sequence([words, Segment("target", 0, grid(t, y // 2, x // 2))])


def theirs(folder: Path, guidance: float) -> Tensor:
    """Frames [1, T, 3, Y, X] in [0, 1] of diffusers' own pipeline, loaded from the same folder."""
    pipeline = WanPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt=ASKED,
        negative_prompt=UNASKED,
        height=ROWS,
        width=COLUMNS,
        num_frames=FRAMES,
        num_inference_steps=STEPS,
        guidance_scale=guidance,
        latents=some_noise(WanCodec(pipeline.vae)),
        max_sequence_length=16,
        output_type="pt",
    ).frames


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_ours_is_wans(kind: Kind, guidance: float, tmp_path: Path):
    folder = save_tiny(tmp_path / kind, kind)
    frames, served = ours(load_wan(folder, torch.float32, card=Card()), guidance)
    expected = theirs(folder, guidance)
    assert frames.shape == expected.shape == (1, FRAMES, 3, ROWS, COLUMNS)
    assert (frames - expected).abs().max() <= 1e-4
    assert set(served) == ({0, 1} if kind == "wan2.2-a14b" else {0})
