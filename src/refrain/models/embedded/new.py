"""A fresh embedded model, and how a trained one is written: a small Wan in diffusers' folder layout.

Everything but the codec is of the classes that a real Wan folder names, so the embedded model is loaded, prepared and
walked by the very code that serves Wan.
"""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import UniPCMultistepScheduler, WanTransformer3DModel
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from refrain.models.protocols import Card
from refrain.models.wan.load import CLEAN_EMBEDDING

from .codec import LinearCodec

LOUDER = 3.0
LONGEST = 24  # words of an instruction, its end counted
REFERENCES = ("one", "two", "three", "four")  # how the references <1> to <4> are read


def new_tokenizer(vocabulary: tuple[str, ...]) -> PreTrainedTokenizerFast:
    """Whole words, lower case; whatever is no letter separates them, and unknown words become one sign.

    References are read by their numbers, "<1>" as "one", where the vocabulary has that word.
    """
    numbers = {word: n for n, word in enumerate(("<pad>", "</s>", "<unk>", *vocabulary))}
    plain = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    plain.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace("'", ""), normalizers.Replace("\u2019", ""),
         *(normalizers.Replace(f"<{n}>", f" {word} ") for n, word in enumerate(REFERENCES, 1) if word in vocabulary)]
    )  # fmt: skip
    plain.pre_tokenizer = pre_tokenizers.Split(Regex("[^a-z]+"), "removed")
    plain.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=LONGEST
    )


def new_text_encoder(words: int, width: int = 192) -> UMT5EncoderModel:
    """A small UMT5 encoder for `words` words and three signs."""
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=words + 3, d_model=width, d_kv=32, d_ff=2 * width, num_layers=2, num_heads=width // 32,
            dropout_rate=0.0, pad_token_id=0, eos_token_id=1, tie_word_embeddings=True,
        )
    )  # fmt: skip


def new_transformer(channels: int, text: int, width: int, layers: int) -> tuple[WanTransformer3DModel, nn.Conv3d]:
    """A small Wan whose target carries its base and its place on the channels, and the embedding of clean tokens.

    The last projection starts at zero: an untrained model adds nothing to what the state shows. Words start louder
    than torch would have them, for they must be heard among the signs of padding that follow them.
    """
    net = WanTransformer3DModel(
        num_attention_heads=width // 64, attention_head_dim=64, in_channels=2 * channels + 2, out_channels=channels,
        text_dim=text, freq_dim=256, ffn_dim=4 * width, num_layers=layers, cross_attn_norm=True,
    )  # fmt: skip
    nn.init.zeros_(net.proj_out.weight)
    nn.init.zeros_(net.proj_out.bias)
    with torch.no_grad():
        net.condition_embedder.text_embedder.linear_2.weight.mul_(LOUDER)
    return net, nn.Conv3d(channels, width, (1, 2, 2), (1, 2, 2))


def save(folder: Path, parts: dict[str, Any], card: Card, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write a folder that `load_wan` reads. parts: transformer, clean_embedding, text_encoder, tokenizer, vae."""
    folder.mkdir(parents=True, exist_ok=True)
    transformer: WanTransformer3DModel = parts["transformer"]
    transformer.to(dtype).save_pretrained(folder / "transformer")
    embedding = {name: value.to(dtype).contiguous() for name, value in parts["clean_embedding"].state_dict().items()}
    save_file(embedding, folder / "transformer" / CLEAN_EMBEDDING)
    parts["text_encoder"].to(dtype).save_pretrained(folder / "text_encoder")
    parts["tokenizer"].save_pretrained(folder / "tokenizer")
    codec: LinearCodec = parts["vae"]
    codec.save_pretrained(folder / "vae")
    UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=card.sampling.shift
    ).save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "WanPipeline",
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": [None, None],
        "vae": ["refrain", "LinearCodec"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    card.save(folder)
