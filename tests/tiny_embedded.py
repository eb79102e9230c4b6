"""A tiny model in the embedded model's folder layout, which changes everything at random."""

from pathlib import Path

import torch
from transformers.utils import logging

from refrain.models.embedded.codec import PLACE, LinearCodec, LinearMap
from refrain.models.embedded.new import new_text_encoder, new_tokenizer, new_transformer, save
from refrain.models.protocols import Card, Sampling

torch.set_num_threads(1)  # at this size a second thread costs more than it brings

WORDS = tuple("a and at bed black fog green heavy in it make night of put rain red snow the to tint white with".split())
CARD = Card(
    name="tiny",
    kinds=("text", "source", "answer", "target"),
    context_words="none",
    coarse=(1, 2, 2),
    key_frames=1,
    history=1,
    window=3,
    clean_embedding=True,
    prediction="change",
    shows_base=True,
    shows_place=True,
    short_side=64,
    multiple=32,
    sampling=Sampling(steps=2, guidance=2.0),
    understands=("make it snow", "heavy fog"),
    content_words=("snow", "fog", "rain", "black and white"),
    colour_words=("red", "green"),
    refused_words=("remove", "without"),
)


def save_tiny_embedded(folder: Path, card: Card = CARD, seed: int = 0) -> Path:
    """Write such a folder, loaded by the code that loads the real one."""
    torch.manual_seed(seed)
    codec = quarters()
    net, clean = new_transformer(codec.channels, text=32, width=64, layers=2)
    torch.nn.init.normal_(net.proj_out.weight, std=0.2)
    torch.nn.init.normal_(net.proj_out.bias, std=0.5)
    parts = {
        "transformer": net,
        "clean_embedding": clean,
        "text_encoder": new_text_encoder(len(WORDS), 32),
        "tokenizer": new_tokenizer(WORDS),
        "vae": codec,
    }
    logging.disable_progress_bar()
    save(folder, parts, card)
    logging.enable_progress_bar()
    return folder


def quarters() -> LinearCodec:
    """A codec that keeps the mean of every quarter of a place, over all frames of a group: 12 channels."""
    codec = LinearCodec(channels=12, window=PLACE)
    _keep_quarters(codec.first)
    _keep_quarters(codec.group)
    return codec


def _keep_quarters(linear: LinearMap) -> None:
    frames, half = linear.analysis.shape[1] // 3, PLACE // 2
    for colour in range(3):
        for y in range(2):
            for x in range(2):
                channel = colour * 4 + y * 2 + x
                quarter = torch.zeros(PLACE, PLACE)
                quarter[y * half : (y + 1) * half, x * half : (x + 1) * half] = 1
                planes = torch.arange(frames) * 3 + colour
                linear.analysis[channel, planes] = quarter / (half * half * frames)
                for plane in planes.tolist():
                    linear.synthesis[plane * PLACE**2 : (plane + 1) * PLACE**2, channel, 1, 1] = quarter.flatten()
