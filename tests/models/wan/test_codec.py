"""Wan's codec and words behind our doors equal diffusers', and never drop a frame or a word without saying so."""

import pytest
import torch
from diffusers import WanPipeline

from refrain.errors import BadInput
from refrain.models.protocols import Codec, TextEncoder
from refrain.models.wan.codec import WanCodec
from refrain.models.wan.words import WanWords
from tiny import KINDS, Kind, tiny_pipeline, tiny_text_encoder, tiny_tokenizer, tiny_vae


def some_frames(frames: int = 9, rows: int = 32, columns: int = 64) -> torch.Tensor:
    return torch.rand(2, frames, 3, rows, columns, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("kind", KINDS)
def test_latents_are_the_normalised_mode(kind: Kind):
    vae = tiny_vae(kind)
    codec: Codec = WanCodec(vae)
    frames = some_frames()
    latents = codec.encode(frames)
    side = 16 if kind == "wan2.2-ti2v-5b" else 8
    assert (codec.frames_per_latent, codec.pixels_per_latent) == (4, side)
    assert latents.shape == (2, codec.channels, 3, 32 // side, 64 // side)
    with torch.no_grad():
        mode = vae.encode(frames.transpose(1, 2)).latent_dist.mode()
    mean, std = (torch.tensor(vae.config[f"latents_{x}"]).view(1, -1, 1, 1, 1) for x in ("mean", "std"))
    torch.testing.assert_close(latents * std + mean, mode)
    assert torch.equal(codec.encode(frames), latents)
    decoded = codec.decode(latents)
    assert decoded.shape == frames.shape
    with torch.no_grad():
        torch.testing.assert_close(decoded, vae.decode(mode).sample.transpose(1, 2))


def test_frames_come_out_within_bounds():
    vae = tiny_vae()
    with torch.no_grad():
        vae.decoder.conv_out.weight.mul_(100)
    decoded = WanCodec(vae).decode(torch.randn(1, 16, 2, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert decoded.abs().max() == 1


@pytest.mark.parametrize("frames", [1, 5, 13])
def test_no_frame_is_lost(frames: int):
    codec = WanCodec(tiny_vae())
    assert codec.decode(codec.encode(some_frames(frames))).shape[1] == frames


@pytest.mark.parametrize("frames", [0, 2, 4, 8, 80])
def test_other_frame_counts_are_refused_not_trimmed(frames: int):
    with pytest.raises(BadInput, match=r"4k \+ 1 frames"):
        WanCodec(tiny_vae()).encode(torch.zeros(1, frames, 3, 16, 16))


@pytest.mark.parametrize("shape", [(1, 5, 3, 12, 16), (1, 5, 3, 16, 20)])
def test_sides_must_be_whole_latents(shape: tuple[int, ...]):
    with pytest.raises(BadInput, match="multiples of 8"):
        WanCodec(tiny_vae()).encode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 3, 5, 16, 16), (5, 3, 16, 16)])
def test_frames_in_another_order_are_refused(shape: tuple[int, ...]):
    with pytest.raises(BadInput, match=r"\[B, T, 3, Y, X\]"):
        WanCodec(tiny_vae()).encode(torch.zeros(shape))


def test_latents_from_the_middle_give_four_frames_each():
    """And the further behind the cut, the more they are what the whole clip would give."""
    codec = WanCodec(tiny_vae())
    latents = codec.encode(some_frames(25, 16, 16))
    late = codec.decode(latents[:, :, 3:], first=False)
    whole = codec.decode(latents)[:, 9:]
    assert late.shape == whole.shape
    assert (late - whole)[:, 12:].abs().mean() < (late - whole)[:, :4].abs().mean()


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_change_little(kind: Kind):
    vae = tiny_vae(kind)
    frames = some_frames(5, 64, 96)
    whole = WanCodec(vae).encode(frames)
    vae.enable_tiling(48, 48, 32, 32)
    tiled = WanCodec(vae)
    latents = tiled.encode(frames)
    assert latents.shape == whole.shape
    assert (latents - whole).abs().mean() < 0.1 * whole.std()
    pixels = tiled.decode(whole)
    vae.disable_tiling()
    expected = WanCodec(vae).decode(whole)
    assert pixels.shape == expected.shape
    assert (pixels - expected).abs().mean() < 0.3 * expected.std()


# -- words -------------------------------------------------------------------------------------------------------------

TEXTS = ["make it snow", "", "  a cat \n &amp;amp; a   dog", "nobody knows these words"]


@pytest.fixture(scope="module")
def pipeline() -> WanPipeline:
    return tiny_pipeline()


def test_words_are_those_of_wan(pipeline: WanPipeline):
    words: TextEncoder = WanWords(pipeline.tokenizer, pipeline.text_encoder)
    states = words.encode(TEXTS)
    theirs, _ = pipeline.encode_prompt(TEXTS, do_classifier_free_guidance=False, max_sequence_length=16)
    assert states.shape == (4, 16, 32)
    torch.testing.assert_close(states, theirs, rtol=0, atol=0)
    assert states[1, 1:].abs().max() == 0
    assert states[1, 0].abs().max() > 0


def test_words_do_not_depend_on_their_company_or_on_chance():
    encoder = tiny_text_encoder().train()
    words = WanWords(tiny_tokenizer(), encoder)
    together = words.encode(TEXTS)
    alone = torch.cat([words.encode([text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_too_many_words_are_refused_not_cut():
    words = WanWords(tiny_tokenizer(), tiny_text_encoder())
    words.encode(["snow " * 15])
    with pytest.raises(BadInput, match="17 tokens"):
        words.encode(["snow " * 16])


def test_wan_hears_512_tokens_whatever_the_tokenizer_says():
    assert WanWords(tiny_tokenizer(length=10**9), tiny_text_encoder()).length == 512
