"""Networks that look, with tiny ones of random weights: prepared as published, loaded whole or refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity
from torchmetrics.functional.image import lpips as torchmetrics_lpips
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
    Dinov2Config,
    Dinov2Model,
    ViTConfig,
    ViTModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from refrain.errors import BadInput, BadWeights, Unsupported
from refrain.models.seeing.aesthetic import SECOND, Aesthetic
from refrain.models.seeing.clip import Clip
from refrain.models.seeing.dino import Dino
from refrain.models.seeing.lpips import Lpips, Network
from refrain.models.seeing.view import View, resized

WORDS = ["x</w>", "y</w>", "z</w>", "w</w>", "<|startoftext|>", "<|endoftext|>"]  # one letter each needs no merges


def frames(count: int = 3, rows: int = 40, columns: int = 56) -> np.ndarray:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (count, 3, rows // 8, columns // 8), dtype=np.uint8)
    big = functional.interpolate(torch.from_numpy(small), size=(rows, columns), mode="bicubic")
    return big.permute(0, 2, 3, 1).contiguous().numpy()


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "tiny-clip"
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = CLIPTextConfig(
        **sizes, vocab_size=len(WORDS), max_position_embeddings=8, bos_token_id=4, eos_token_id=5, pad_token_id=5
    )
    vision = CLIPVisionConfig(**sizes, image_size=32, patch_size=8)
    CLIPModel(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=24)
    ).save_pretrained(folder)
    CLIPTokenizer(vocab={word: n for n, word in enumerate(WORDS)}, merges=[]).save_pretrained(folder)
    said = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder


def test_clip_sees_and_reads_as_transformers_own(clip_folder: Path) -> None:
    clip, shown = Clip.load(clip_folder), frames()
    seen, said = clip.pictures(shown), clip.words(["x y", "x z"])
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    given = processor(images=[Image.fromarray(one) for one in shown], return_tensors="pt")["pixel_values"]
    model = CLIPModel.from_pretrained(clip_folder)
    with torch.no_grad():
        ids = clip.tokenizer(["x y", "x z"], padding=True, return_tensors="pt")["input_ids"]
        out = model(input_ids=ids, pixel_values=given)
    wanted = out.logits_per_image.numpy()
    mine = clip.scale * _unit(seen.shared) @ _unit(said).T
    assert seen.pooled.shape == (3, 32) and np.abs(mine - wanted).max() < 0.02 * np.abs(wanted).max()
    assert clip.name.startswith("tiny-clip-") and clip.kind == ""


def test_words_beyond_the_longest_text_are_not_read(clip_folder: Path) -> None:
    clip = Clip.load(clip_folder)
    long, longer = clip.words(["x y " * 20]), clip.words(["x y " * 30])
    assert np.allclose(long, longer) and not np.allclose(long, clip.words(["x z"]))


def test_pictures_are_resized_as_pillow_does() -> None:
    one = frames(1, 120, 160)[0]
    for short in (32, 56, 200):
        mine = resized(torch.from_numpy(one).permute(2, 0, 1)[None], short)[0].permute(1, 2, 0).numpy().astype(int)
        wanted = np.asarray(Image.fromarray(one).resize((short * 160 // 120, short), Image.Resampling.BICUBIC)).astype(
            int
        )
        assert np.abs(mine - wanted).max() <= 2 and (mine != wanted).mean() < 0.02
    view = View((0.0,) * 3, (1.0,) * 3, 32, 24)
    (cut,) = view.batches(one[None], "cpu")
    whole = resized(torch.from_numpy(one).permute(2, 0, 1)[None], 32)
    assert torch.equal(cut, whole[..., 4:28, 9:33].float() / 255)


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_dino_gives_the_class_token_behind_the_last_norm(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 224, "patch_size": 56}
    if kind == "v1":
        model = ViTModel(ViTConfig(**sizes, intermediate_size=16), add_pooling_layer=False)
    else:
        model = Dinov2Model(Dinov2Config(**sizes, mlp_ratio=1))
    model.eval().save_pretrained(tmp_path / "dino")
    dino, shown = Dino.load(tmp_path / "dino"), frames(2, 60, 90)
    (given,) = dino.view.batches(shown, "cpu")
    with torch.no_grad():
        wanted = model(pixel_values=given).last_hidden_state[:, 0].numpy()
    assert given.shape == (2, 3, 224, 224) and np.abs(dino.pictures(shown) - wanted).max() < 1e-5
    assert dino.as_vbench().pictures(shown).shape == (2, 16)


def test_folders_that_are_not_whole_are_refused_with_what_to_do(clip_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="give the folder"):
        Clip.load(clip_folder / "config.json")
    with pytest.raises(Unsupported, match=r"'clip', not 'vit' or 'dinov2'; get a DINO folder .*\(Apache-2.0\)"):
        Dino.load(clip_folder)
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in clip_folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    tensors = load_file(broken / "model.safetensors")
    save_file(
        {k: v for k, v in tensors.items() if k != "visual_projection.weight"},
        broken / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(BadWeights, match="lacks 1 tensors"):
        Clip.load(broken)
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    with pytest.raises(BadWeights, match="pickle"):
        Clip.load(broken)


def test_weights_that_change_change_their_name(clip_folder: Path, tmp_path: Path) -> None:
    tensors = {"weight": torch.ones(1, 768) / 768, "bias": torch.zeros(1)}
    save_file(tensors, tmp_path / "v1.safetensors")
    first = Aesthetic.load(tmp_path / "v1.safetensors")
    assert first.scores(np.full((2, 768), 3, np.float32)).tolist() == pytest.approx([3, 3]) and first.version == 1
    save_file({**tensors, "bias": torch.ones(1)}, tmp_path / "v1.safetensors")
    again = Aesthetic.load(tmp_path / "v1.safetensors")
    assert again.name != first.name and again.name.startswith("v1-")
    second = {f"layers.{n}.{part}": torch.full((b, a) if part == "weight" else (b,), 1 / a if part == "weight" else 0.5)
              for n, (a, b) in SECOND.items() for part in ("weight", "bias")}  # fmt: skip
    save_file(second, tmp_path / "v2.safetensors")
    assert Aesthetic.load(tmp_path / "v2.safetensors").scores(np.ones((1, 768), np.float32))[0] == pytest.approx(3.5)
    save_file({**second, "layers.3.weight": torch.ones(1)}, tmp_path / "v3.safetensors")
    with pytest.raises(BadWeights, match="layers.3.weight, which has no place"):
        Aesthetic.load(tmp_path / "v3.safetensors")
    with pytest.raises(BadWeights, match="LAION"):
        Aesthetic.load(tmp_path / "none.safetensors")


# Backbones as torchvision numbers their layers, written down anew. C: convolution (width, edge, stride, padding) and
# ReLU; P: the largest of 3x3, every second; H: of 2x2; F: a fire module (narrow, wide).
PLANS = {
    "alex": "C64,11,4,2 P C192,5,1,2 P C384,3,1,1 C256,3,1,1 C256,3,1,1",
    "squeeze": "C64,3,2,0 P F16,64 F16,64 P F32,128 F32,128 P F48,192 F48,192 F64,256 F64,256",
    "vgg": "C64,3,1,1 C64,3,1,1 H C128,3,1,1 C128,3,1,1 H C256,3,1,1 C256,3,1,1 C256,3,1,1 H "
           "C512,3,1,1 C512,3,1,1 C512,3,1,1 H C512,3,1,1 C512,3,1,1 C512,3,1,1",
}  # fmt: skip


class Fire(nn.Module):
    def __init__(self, width: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze, self.expand1x1 = nn.Conv2d(width, narrow, 1), nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.squeeze(x))
        return functional.relu(torch.cat((self.expand1x1(x), self.expand3x3(x)), 1))


def planned(kind: str) -> nn.Sequential:
    """A backbone of random weights that keep features at their scale."""
    layers, width = list[nn.Module](), 3
    for step in PLANS[kind].split():
        sizes = [int(one) for one in step[1:].split(",") if one]
        if step[0] == "C":
            layers += [nn.Conv2d(width, *sizes), nn.ReLU()]
            width = sizes[0]
        elif step[0] == "F":
            layers.append(Fire(width, *sizes))
            width = 2 * sizes[1]
        else:
            layers.append(nn.MaxPool2d(3, 2, ceil_mode=kind == "squeeze") if step == "P" else nn.MaxPool2d(2))
    for one in nn.Sequential(*layers).modules():
        if isinstance(one, nn.Conv2d):
            nn.init.kaiming_normal_(one.weight)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("kind", ["alex", "squeeze", "vgg"])
def test_lpips_is_that_of_torchmetrics_with_the_published_heads(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    seen = planned(kind)  # in the place of torchvision's, which is not at hand
    monkeypatch.setattr(torchmetrics_lpips, "_get_tv_model_features", lambda *_: seen)
    heads = torchmetrics_lpips._NoTrainLpips(net=kind).state_dict()
    tensors = {f"features.{name}": tensor.clone() for name, tensor in seen.state_dict().items()}
    tensors |= {name: tensor.clone() for name, tensor in heads.items() if re.fullmatch(r"lin\d\..*", name)}
    save_file(tensors, tmp_path / f"{kind}.safetensors")
    lpips, one = Lpips.load(tmp_path / f"{kind}.safetensors"), frames(2, 32, 40)
    assert lpips.kind == kind and lpips.distances(one, one).tolist() == [0, 0]
    for other in (one[:, ::-1].copy(), (one // 2 + 40).astype(np.uint8), frames(2, 32, 40)[::-1].copy()):
        a, b = (torch.from_numpy(clip).permute(0, 3, 1, 2).double() / 127.5 - 1 for clip in (one, other))
        wanted = learned_perceptual_image_patch_similarity(a, b, net_type=kind, reduction="none", normalize=False)
        assert lpips.distances(one, other) == pytest.approx(wanted.numpy(), abs=1e-5)
        assert wanted.min() > 0.01


def test_lpips_without_a_head_is_refused(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in Network("squeeze").state_dict().items() if not name.startswith("lin0")}
    save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(BadWeights, match="lacks lin0.model.1.weight"):
        Lpips.load(tmp_path / "part.safetensors")


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=-1, keepdims=True)
