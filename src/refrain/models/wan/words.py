"""Wan's words behind the `TextEncoder` protocol: UMT5 states, as diffusers' WanPipeline makes them."""

import html

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

from refrain.errors import BadInput

LONGEST = 512  # tokens; the transformers of Wan were trained on rows of words that long


class WanWords:
    """Texts to states [B, N, W], N = 512 (or the tokenizer's limit, if smaller); rows of padding are zero.

    HTML entities are unescaped and runs of blanks become one, as in WanPipeline; it also mends spelling marks where
    the package ftfy happens to be installed, which is left out here, so that a text means the same on every machine.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, encoder: UMT5EncoderModel) -> None:
        self._tokenizer = tokenizer
        self._encoder = encoder.eval().requires_grad_(False)
        self.length = min(LONGEST, tokenizer.model_max_length)

    @torch.no_grad()
    def encode(self, texts: list[str]) -> Tensor:
        """States [B, N, W] in the encoder's dtype and on its device. Raises BadInput for a text that is too long."""
        return states_of(self._tokenizer, self._encoder, texts)


def states_of(tokenizer: PreTrainedTokenizerBase, encoder: UMT5EncoderModel, texts: list[str]) -> Tensor:
    """States [B, N, W] of texts, through which gradients may flow. Raises BadInput for a text that is too long."""
    length = min(LONGEST, tokenizer.model_max_length)
    tokens = tokenizer(
        [" ".join(html.unescape(html.unescape(text)).split()) for text in texts],
        padding="max_length",
        max_length=length,
        add_special_tokens=True,
        return_attention_mask=True,
        return_tensors="pt",
    )
    if tokens.input_ids.shape[1] > length:
        raise BadInput(
            f"These words make {tokens.input_ids.shape[1]} tokens, and the model hears {length}; say it shorter."
        )
    mask = tokens.attention_mask.to(encoder.device)  # [B, N]
    states = encoder(tokens.input_ids.to(encoder.device), mask).last_hidden_state  # [B, N, W]
    return states * mask[..., None].to(states)
