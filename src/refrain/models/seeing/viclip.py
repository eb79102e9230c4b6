"""ViCLIP (Wang et al., InternVid, arXiv 2307.06942): eight frames as one, and words, in one space.

The network is written here under the names of its published tensors, `vision_encoder.*`, `text_encoder.*` and `temp`;
its sizes are read from them. It is CLIP but for three things: patches are marked by frame and place and attend to all
frames at once, one class token stands for the clip, and a text ends after 32 tokens.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer

from refrain.errors import BadWeights

from .folder import filled, name_of, tensors_of
from .view import View

FILE = "viclip.safetensors"
HEAD = 64  # features of a head of attention
SIDE = 224  # pixels of what is shown
KINDS = {(1024, 14): "L/14", (768, 16): "B/16"}  # by width and patch
CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
VIEWS = {  # own: as it was trained and is tested by its authors; the others as those benchmarks show it frames
    "own": View(*IMAGENET, SIDE, SIDE, square=True),
    "editverse": View(*CLIP, SIDE, SIDE),
    "vbench": View(*CLIP, SIDE, SIDE, smooth=False),
}
Shown = Literal["own", "editverse", "vbench"]


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // HEAD, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(c_fc=nn.Linear(width, 4 * width), gelu=_Gelu(), c_proj=nn.Linear(4 * width, width))
        )

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=hidden)[0]
        return x + self.mlp(self.ln_2(x))


class _Gelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)  # as CLIP's


class _Blocks(nn.Module):
    def __init__(self, width: int, many: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(width) for _ in range(many))

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            x = block(x, hidden)
        return x


class _Sight(nn.Module):
    """Frames float [N, 3, T, Y, X] -> features [N, D]."""

    def __init__(self, size: "Sizes") -> None:
        super().__init__()
        width, patch = size.width, (1, size.patch, size.patch)
        self.conv1 = nn.Conv3d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(size.places + 1, width))
        self.temporal_positional_embedding = nn.Parameter(torch.zeros(1, size.frames, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = _Blocks(width, size.layers)
        self.proj = nn.Parameter(torch.zeros(width, size.shared))

    def forward(self, frames: Tensor) -> Tensor:
        x = self.conv1(frames).flatten(3).permute(0, 2, 3, 1)  # [N, T, places, W]
        x = x + self.positional_embedding[1:] + self.temporal_positional_embedding[0, :, None]
        first = (self.class_embedding + self.positional_embedding[0]).expand(len(x), 1, -1)  # [N, 1, W]
        x = self.transformer(self.ln_pre(torch.cat([first, x.flatten(1, 2)], 1)))  # [N, 1 + T·places, W]
        return self.ln_post(x[:, 0]) @ self.proj


class _Reading(nn.Module):
    """Tokens int [N, L] and where each text ends [N] -> features [N, D]."""

    def __init__(self, size: "Sizes") -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(size.tokens, size.text_width)
        self.positional_embedding = nn.Parameter(torch.zeros(size.longest, size.text_width))
        self.transformer = _Blocks(size.text_width, size.text_layers)
        self.ln_final = nn.LayerNorm(size.text_width)
        self.text_projection = nn.Parameter(torch.zeros(size.text_width, size.shared))

    def forward(self, tokens: Tensor, end: Tensor) -> Tensor:
        x = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]  # [N, L, W]
        hidden = torch.full((tokens.shape[1],) * 2, -torch.inf, device=x.device).triu(1)  # nobody reads ahead
        x = self.transformer(x, hidden)
        return self.ln_final(x)[torch.arange(len(x)), end] @ self.text_projection


@dataclass(frozen=True)
class Sizes:
    """Of a ViCLIP: widths, layers, pixels of a patch, patches of a frame, frames, tokens and the longest text."""

    width: int
    layers: int
    patch: int
    places: int
    frames: int
    shared: int
    text_width: int
    text_layers: int
    tokens: int
    longest: int

    @staticmethod
    def of(tensors: Mapping[str, Tensor], path: Path) -> "Sizes":
        """The sizes that a file's tensors have. Raises BadWeights where one that tells them is not there."""
        try:
            conv, places = tensors["vision_encoder.conv1.weight"], tensors["vision_encoder.positional_embedding"]
            words, text = tensors["text_encoder.token_embedding.weight"], tensors["text_encoder.positional_embedding"]
            return Sizes(
                conv.shape[0], _layers(tensors, "vision"), conv.shape[-1], len(places) - 1,
                tensors["vision_encoder.temporal_positional_embedding"].shape[1],
                tensors["vision_encoder.proj"].shape[1], words.shape[1], _layers(tensors, "text"), words.shape[0],
                len(text),
            )  # fmt: skip
        except (KeyError, IndexError) as error:
            raise BadWeights(f"{path} lacks {error.args[0]} of ViCLIP; make it as docs/evaluation.md says.") from None


def _layers(tensors: Mapping[str, Tensor], part: str) -> int:
    numbers = (re.match(rf"{part}_encoder\.transformer\.resblocks\.(\d+)\.", name) for name in tensors)
    return 1 + max((int(one[1]) for one in numbers if one), default=-1)


class Network(nn.Module):
    """Both towers, and the temperature of its training, which no score uses."""

    def __init__(self, size: Sizes) -> None:
        super().__init__()
        self.vision_encoder, self.text_encoder = _Sight(size), _Reading(size)
        self.temp = nn.Parameter(torch.zeros(()))


@dataclass(frozen=True, eq=False)
class Viclip:
    """A ViCLIP. name: of its file, with its hash. kind: L/14, B/16 or empty. frames: how many it wants."""

    network: Network
    tokenizer: Any
    name: str
    kind: str
    frames: int
    longest: int
    device: str

    @staticmethod
    def load(folder: str | Path, device: str = "cpu") -> "Viclip":
        """Load a folder of viclip.safetensors and the files of CLIP's tokenizer. Raises BadWeights."""
        home = Path(folder)
        file = home / FILE
        tensors = tensors_of(
            file, "ViCLIP (ViClip-InternVid-10M-FLT.pth of huggingface.co/OpenGVLab/ViCLIP) comes as a pickle, make "
            "the folder of it",
        )  # fmt: skip
        size = Sizes.of(tensors, file)
        network = Network(size)
        filled(network, tensors, file)
        try:
            tokenizer = AutoTokenizer.from_pretrained(home, local_files_only=True)
        except (OSError, ValueError) as error:
            raise BadWeights(f"{home} has no tokenizer that can be read; put CLIP's there.") from error
        if len(tokenizer) != size.tokens or size.width % HEAD or size.places * size.patch**2 != SIDE**2:
            raise BadWeights(
                f"{home} has a tokenizer of {len(tokenizer)} words for a network of {size.tokens}, or a network that "
                f"does not see {SIDE} pixels; put openai/clip-vit-large-patch14's tokenizer beside a published ViCLIP."
            )
        kind = KINDS.get((size.width, size.patch), "")
        return Viclip(network.to(device), tokenizer, name_of(home, [file]), kind, size.frames, size.longest, device)

    @torch.no_grad()
    def clip(self, frames: np.ndarray, shown: Shown = "own") -> np.ndarray:
        """As many frames as it wants, uint8 [T, Y, X, 3] -> features of the clip, float32 [1, D], not normalised."""
        view = VIEWS[shown]
        seen = torch.cat(list(view.batches(frames, self.device)))  # [T, 3, y, x]
        return self.network.vision_encoder(seen.transpose(0, 1)[None]).cpu().numpy()

    @torch.no_grad()
    def words(self, texts: Sequence[str]) -> np.ndarray:
        """Texts -> features, float32 [N, D]; what a text has beyond 32 tokens, with its two ends, is not read."""
        said = [self.tokenizer(text, truncation=True, max_length=self.longest)["input_ids"] for text in texts]
        end = torch.tensor([len(one) - 1 for one in said], device=self.device)
        tokens = torch.tensor([one + [0] * (self.longest - len(one)) for one in said], device=self.device)  # [N, L]
        return self.network.text_encoder(tokens, end).cpu().numpy()
