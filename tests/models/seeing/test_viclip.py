"""ViCLIP, with tiny ones of random weights: its arithmetic written down again, and files that are not whole refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTokenizer

from models.seeing.test_seeing import WORDS, frames
from refrain.errors import BadWeights
from refrain.models.seeing.viclip import VIEWS, Network, Sizes, Viclip

SIZES = Sizes(width=128, layers=2, patch=56, places=16, frames=3, shared=24, text_width=64, text_layers=1, tokens=6,
              longest=5)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("weights") / "tiny-viclip"
    CLIPTokenizer(vocab={word: n for n, word in enumerate(WORDS)}, merges=[]).save_pretrained(home)
    torch.manual_seed(0)
    tensors = {name: torch.randn_like(one) * 0.3 for name, one in Network(SIZES).state_dict().items()}
    save_file(tensors, home / "viclip.safetensors")
    return home


# the network again, in float64 and plain arithmetic, from the names of its tensors


def norm(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    apart = x - x.mean(-1, keepdim=True)
    return apart / (apart.square().mean(-1, keepdim=True) + 1e-5).sqrt() * w[f"{name}.weight"] + w[f"{name}.bias"]


def blocks(x: Tensor, w: dict[str, Tensor], part: str, many: int, ahead: bool) -> Tensor:
    """x [L, W]; ahead: whether tokens see those behind them."""
    for n in range(many):
        at = f"{part}.transformer.resblocks.{n}"
        q, k, v = (norm(x, w, f"{at}.ln_1") @ w[f"{at}.attn.in_proj_weight"].T + w[f"{at}.attn.in_proj_bias"]).chunk(
            3, -1
        )
        seen = list[Tensor]()
        for head in range(x.shape[1] // 64):
            of = slice(64 * head, 64 * head + 64)
            likeness = q[:, of] @ k[:, of].T / 8
            if not ahead:
                likeness = likeness.masked_fill(torch.ones_like(likeness).triu(1) > 0, -torch.inf)
            seen.append(likeness.softmax(-1) @ v[:, of])
        x = x + torch.cat(seen, -1) @ w[f"{at}.attn.out_proj.weight"].T + w[f"{at}.attn.out_proj.bias"]
        y = norm(x, w, f"{at}.ln_2") @ w[f"{at}.mlp.c_fc.weight"].T + w[f"{at}.mlp.c_fc.bias"]
        x = x + (y / (1 + (-1.702 * y).exp())) @ w[f"{at}.mlp.c_proj.weight"].T + w[f"{at}.mlp.c_proj.bias"]
    return x


def slow_clip(w: dict[str, Tensor], shown: Tensor) -> Tensor:
    """Frames [T, 3, 224, 224] -> [D]."""
    at, tokens = "vision_encoder", [w["vision_encoder.class_embedding"] + w["vision_encoder.positional_embedding"][0]]
    for t, frame in enumerate(shown):
        for place in range(16):
            top, left = 56 * (place // 4), 56 * (place % 4)
            patch = frame[:, top : top + 56, left : left + 56]
            token = (w[f"{at}.conv1.weight"][:, :, 0] * patch).sum((1, 2, 3))
            tokens.append(
                token + w[f"{at}.positional_embedding"][place + 1] + w[f"{at}.temporal_positional_embedding"][0, t]
            )
    x = blocks(norm(torch.stack(tokens), w, f"{at}.ln_pre"), w, at, 2, ahead=True)
    return norm(x[0], w, f"{at}.ln_post") @ w[f"{at}.proj"]


def slow_words(w: dict[str, Tensor], ids: list[int]) -> Tensor:
    at = "text_encoder"
    x = w[f"{at}.token_embedding.weight"][ids] + w[f"{at}.positional_embedding"][: len(ids)]
    return norm(blocks(x, w, at, 1, ahead=False)[-1], w, f"{at}.ln_final") @ w[f"{at}.text_projection"]


def test_viclip_is_its_arithmetic(folder: Path) -> None:
    viclip, shown = Viclip.load(folder), frames(3, 120, 160)
    w = {name: tensor.double() for name, tensor in load_file(folder / "viclip.safetensors").items()}
    assert (viclip.frames, viclip.kind) == (3, "") and viclip.name.startswith("tiny-viclip-")
    (given,) = VIEWS["own"].batches(shown, "cpu")
    wanted = slow_clip(w, given.double()).numpy()
    assert viclip.clip(shown)[0] == pytest.approx(wanted, abs=1e-4 * np.abs(wanted).max())
    wanted = [slow_words(w, [4, 0, 1, 5]).numpy(), slow_words(w, [4, 2, 5]).numpy()]
    for mine, one in zip(viclip.words(["x y", "z"]), wanted):
        assert mine == pytest.approx(one, abs=1e-4 * np.abs(one).max()), "a text ends where it ends, whatever follows"


def test_words_beyond_the_longest_text_are_not_read(folder: Path) -> None:
    viclip = Viclip.load(folder)
    assert np.array_equal(viclip.words(["x y z"]), viclip.words(["x y z w x"]))
    assert not np.allclose(viclip.words(["x y z"]), viclip.words(["x y w"]))


def test_its_authors_show_whole_frames_and_the_benchmarks_their_middle(folder: Path) -> None:
    viclip, wide = Viclip.load(folder), frames(3, 120, 160)
    sides = wide.copy()
    sides[:, :, :14], sides[:, :, 146:] = 0, 255  # 120 x 160 at 224 is 224 x 298, of which 37 are cut on either side
    assert not np.allclose(viclip.clip(wide), viclip.clip(sides))
    assert np.array_equal(viclip.clip(wide, "vbench"), viclip.clip(sides, "vbench"))
    assert not np.allclose(viclip.clip(wide, "vbench"), viclip.clip(wide, "editverse")), "only one of them averages"
    assert not np.allclose(viclip.clip(wide), viclip.clip(wide[::-1].copy())), "frames have an order"


def test_files_that_are_not_whole_are_refused_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="comes as a pickle, make the folder"):
        Viclip.load(tmp_path)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tensors = load_file(folder / "viclip.safetensors")
    wrong = {
        "lacks vision_encoder.conv1.weight": {k: v for k, v in tensors.items() if "conv1" not in k},
        "lacks temp": {k: v for k, v in tensors.items() if k != "temp"},
        "holds extra, which has no place": tensors | {"extra": torch.zeros(1)},
        "a tokenizer of 6 words for a network of 7": tensors
        | {"text_encoder.token_embedding.weight": torch.zeros(7, 64)},
    }
    for told, some in wrong.items():
        save_file(some, tmp_path / "viclip.safetensors")
        with pytest.raises(BadWeights, match=told):
            Viclip.load(tmp_path)
    save_file(tensors, tmp_path / "viclip.safetensors")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(BadWeights, match="no tokenizer"):
        Viclip.load(tmp_path)
