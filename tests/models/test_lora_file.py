"""LoRA files: they come back as they were, other tools read them, and what does not fit is refused in one sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from refrain.errors import BadInput, BadWeights
from refrain.models.lora import LoraCard, attach, base_of, check_base, export, load, outline, read, save
from refrain.models.lora.names import WAN
from rows import some
from tiny import save_tiny, tiny_pipeline, tiny_transformer

CARD = LoraCard(
    rank=1, alpha=1, effect="flame", words="add orange flames around the dog", triggers=("flames",), base="tiny",
    base_hash="ab", rule="isolated", coarse=(1, 2, 2), key_frames=1, context_words="none", dataset="cd", recipe="r",
    steps=7,
)  # fmt: skip
COMFYUI = {
    f"diffusion_model.blocks.{block}.{attn}.{part}.{end}"
    for block in (0, 1)
    for attn in ("self_attn", "cross_attn")
    for part in "qkvo"
    for end in ("lora_down.weight", "lora_up.weight", "alpha")
}


def learnt(net: nn.Module, rank: int = 3, alpha: float = 6.0, **more: Any) -> dict[str, nn.Parameter]:
    found = attach(net, rank, alpha, **more)
    for n, (key, p) in enumerate(found.items()):
        if "lora_B" in key:
            nn.init.normal_(p, std=0.2, generator=torch.Generator().manual_seed(n))
    return found


def said(net: Any) -> Tensor:
    """diffusers' own forward."""
    with torch.no_grad():
        return net(some(1, 16, 2, 4, 4), torch.tensor([500.0]), some(1, 5, 32, seed=1), return_dict=False)[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    net = tiny_transformer(seed=1)
    learnt(net)
    save(tmp_path / "flame.safetensors", net, CARD)
    return tmp_path / "flame.safetensors"


def test_what_is_written_is_what_is_read(file: Path) -> None:
    net = tiny_transformer(seed=1)
    named = learnt(net)
    lora = read(file)
    assert lora.card == replace(CARD, rank=3, alpha=6.0) == outline(file)
    assert lora.known and not lora.clean
    for layer, (a, b) in lora.pairs.items():
        assert torch.equal(a, named[f"{layer}.lora_A.weight"]) and torch.equal(b, named[f"{layer}.lora_B.weight"])
    assert not list(file.parent.glob("*.part"))
    other = tiny_transformer(seed=1)
    load(other, lora)
    assert torch.equal(said(other), said(net))


def test_diffusers_loads_it_and_answers_alike(file: Path) -> None:
    pipeline, net = tiny_pipeline(), tiny_transformer(seed=1)
    plain = said(pipeline.transformer)
    pipeline.load_lora_weights(str(file))
    learnt(net)
    torch.testing.assert_close(said(pipeline.transformer), said(net), atol=1e-6, rtol=0)
    assert (said(net) - plain).abs().max() > 1e-3


def test_comfyui_finds_every_name_and_diffusers_reads_that_file_too(file: Path, tmp_path: Path) -> None:
    export(file, tmp_path / "comfy.safetensors")
    held = load_file(tmp_path / "comfy.safetensors")
    assert set(held) == COMFYUI
    assert float(held["diffusion_model.blocks.0.self_attn.q.alpha"]) == 6.0
    again = read(tmp_path / "comfy.safetensors")
    assert again.card == read(file).card
    pipeline, net = tiny_pipeline(), tiny_transformer(seed=1)
    pipeline.load_lora_weights(str(tmp_path / "comfy.safetensors"))
    learnt(net)
    torch.testing.assert_close(said(pipeline.transformer), said(net), atol=1e-6, rtol=0)


def test_a_file_in_kohyas_names_is_the_same_lora(file: Path, tmp_path: Path) -> None:
    export(file, tmp_path / "comfy.safetensors")
    held = load_file(tmp_path / "comfy.safetensors")
    kohya: dict[str, Tensor] = {}
    for key, tensor in held.items():
        stem, dot, end = key.removeprefix("diffusion_model.").partition(".lora_" if "lora" in key else ".alpha")
        kohya["lora_unet_" + stem.replace(".", "_") + dot + end] = tensor
    assert "lora_unet_blocks_0_self_attn_q.lora_down.weight" in kohya
    save_file(kohya, tmp_path / "kohya.safetensors")
    lora, own = read(tmp_path / "kohya.safetensors"), read(file)
    assert (lora.card.rank, lora.card.alpha, lora.card.tokens, lora.known) == (3, 6.0, "all", False)
    assert lora.pairs.keys() == own.pairs.keys()
    assert all(torch.equal(a, own.pairs[layer][0]) for layer, (a, _) in lora.pairs.items())


def test_a_lora_on_feed_forward_layers_of_another_tool_is_read(tmp_path: Path) -> None:
    net = tiny_transformer(seed=1)
    learnt(net, targets=WAN)
    save(tmp_path / "all.safetensors", net, CARD)
    export(tmp_path / "all.safetensors", tmp_path / "comfy.safetensors")
    assert "diffusion_model.blocks.0.ffn.2.lora_up.weight" in load_file(tmp_path / "comfy.safetensors")
    other = tiny_transformer(seed=1)
    load(other, read(tmp_path / "comfy.safetensors"))
    assert torch.equal(said(other), said(net))


def test_the_embedding_of_clean_tokens_travels_with_it_and_diffusers_leaves_it_alone(tmp_path: Path) -> None:
    net, embedding = tiny_transformer(seed=1), nn.Conv3d(16, 24, (1, 2, 2), (1, 2, 2))
    learnt(net)
    save(tmp_path / "a.safetensors", net, CARD, clean=embedding)
    export(tmp_path / "a.safetensors", tmp_path / "b.safetensors", "diffusers")
    assert torch.equal(read(tmp_path / "b.safetensors").clean["weight"], embedding.weight)
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(str(tmp_path / "a.safetensors"))
    torch.testing.assert_close(said(pipeline.transformer), said(net), atol=1e-6, rtol=0)
    on_target = tiny_transformer(seed=1)
    learnt(on_target, tokens="target")
    with pytest.raises(BadInput, match="clean"):
        save(tmp_path / "c.safetensors", on_target, CARD, clean=embedding)


def test_the_weight_scales_what_is_added(file: Path) -> None:
    net: Any = tiny_transformer(seed=1)
    layer = "blocks.0.attn1.to_q"
    base = net.get_submodule(layer).weight.clone()
    load(net, read(file), weight=0.5)
    a, b = read(file).pairs[layer]
    x = some(1, 3, 24)
    expected = x @ (base + 0.5 * 2 * b @ a).T + net.get_submodule(layer).base_layer.bias
    torch.testing.assert_close(net.get_submodule(layer)(x), expected, atol=1e-5, rtol=0)


def altered(file: Path, change: dict[str, Tensor | None], said: dict[str, str] | None = None) -> Path:
    """The file with tensors replaced, added or (None) left out, and other metadata."""
    with safe_open(file, framework="pt") as opened:
        told = opened.metadata()
    held: dict[str, Tensor | None] = {**load_file(file), **change}
    path = file.with_name("altered.safetensors")
    save_file(
        {k: v.contiguous() for k, v in held.items() if v is not None}, path, metadata=told if said is None else said
    )
    return path


A0, B0 = (f"transformer.blocks.0.attn1.to_q.lora_{which}.weight" for which in "AB")


@pytest.mark.parametrize(
    ("change", "said", "told"),
    [
        ({"transformer.blocks.0.attn3.to_q.lora_A.weight": some(3, 24)}, None, "holds tensors that no attention"),
        ({B0: None}, None, "only half of blocks.0.attn1.to_q"),
        ({A0: some(2, 24), B0: some(24, 2)}, None, r"ranks \[2, 3\]"),
        ({}, {"refrain": replace(CARD, rank=5).dump()}, "says rank 5"),
        ({}, {"refrain": "{"}, "nothing readable"),
        ({}, {"refrain": '{"version": 9}'}, "format 9"),
        ({}, {"refrain": replace(CARD, rank=3).dump()[:-1] + ', "mood": 1}'}, "with mood"),
        ({}, {"refrain": replace(CARD, rank=3, tokens="some").dump()}, "no sensible rank, alpha or tokens"),  # type: ignore
        ({}, {"lora_adapter_metadata": "["}, "notes its alpha"),
    ],
)
def test_a_strange_file_is_refused(file: Path, change: Any, said: Any, told: str) -> None:
    with pytest.raises(BadWeights, match=told):
        read(altered(file, change, said))


def test_no_file_no_lora_and_no_safetensors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no LoRA file"):
        read(tmp_path / "none.safetensors")
    save_file({"unet.down.weight": some(2)}, tmp_path / "sd.safetensors")
    with pytest.raises(BadWeights, match=r"No tensor of sd\.safetensors is of a Wan LoRA \(unet\.down\.weight\)"):
        read(tmp_path / "sd.safetensors")
    for name, told in (("a.ckpt", "can run code"), ("a.safetensors", "cannot be read")):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(BadWeights, match=told):
            read(tmp_path / name)


def test_a_lora_of_another_shape_is_refused_and_nothing_is_attached(file: Path) -> None:
    small = tiny_transformer(seed=1)
    small.blocks = small.blocks[:1]
    with pytest.raises(BadWeights, match=r"blocks\.1\.attn1\.to_k, which this model has not"):
        load(small, read(file))
    layer = "blocks.0.attn1.to_q"
    wide = altered(file, {A0: some(3, 36)})
    net = tiny_transformer(seed=1)
    with pytest.raises(BadWeights, match=f"36 x 24 numbers, and {layer} here has 24 x 24"):
        load(net, read(wide))
    assert not hasattr(net, "peft_config")


def test_a_lora_of_another_base_is_refused_unless_any_base_will_do(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "base")
    name, hash_ = base_of(folder)
    net = tiny_transformer(seed=1)
    learnt(net)
    save(tmp_path / "own.safetensors", net, replace(CARD, base=name, base_hash=hash_))
    check_base(read(tmp_path / "own.safetensors"), folder)
    save(tmp_path / "other.safetensors", net, CARD)
    with pytest.raises(BadWeights, match="trained on tiny, and this base has other weights"):
        check_base(read(tmp_path / "other.safetensors"), folder)
    check_base(read(tmp_path / "other.safetensors"), folder, any_base=True)
    nameless = altered(tmp_path / "own.safetensors", {}, {"format": "pt"})
    with pytest.raises(BadWeights, match="does not say what it was trained on"):
        check_base(read(nameless), folder)
