"""`--effect` on the command line: what it means, what it does, and what is told where it is wrong."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from cli.conftest import Run
from refrain.cli.options import effect_of
from refrain.editing.request import EffectUse
from refrain.errors import BadInput
from refrain.models.lora import LoraCard, attach, base_of, save
from refrain.models.wan.load import load_wan


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a.safetensors", EffectUse("a.safetensors")),
        ("a.safetensors:0.5", EffectUse("a.safetensors", 0.5)),
        ("a.safetensors:-1@0,0,.5,1", EffectUse("a.safetensors", -1.0, (0, 0, 0.5, 1))),
        ("a.safetensors@2s-4.5s", EffectUse("a.safetensors", span=(2, 4.5))),
        ("a.safetensors:2@0,0,1,0.5@2s-4s", EffectUse("a.safetensors", 2.0, (0, 0, 1, 0.5), (2, 4))),
        ("me@home/a.safetensors@2s-4s", EffectUse("me@home/a.safetensors", span=(2, 4))),
        ("C:\\x\\a.safetensors", EffectUse("C:\\x\\a.safetensors")),
    ],
)
def test_an_effect_is_a_file_a_weight_a_box_and_a_time(text: str, meant: EffectUse) -> None:
    assert effect_of(text) == meant


@pytest.mark.parametrize(
    "text", ["", ":1", "a:strong", "a:", "a@0,0,1", "a@1s", "a@1s-2s@3s-4s", "a@-1s-2s", "a@0,0,1,,"]
)
def test_what_is_no_effect_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(BadInput, match="--effect is FILE"):
        effect_of(text)


@pytest.fixture
def flame(model: Path, tmp_path: Path) -> Path:
    net: Any = load_wan(model).transformers[0]
    for n, p in enumerate(attach(net, 2, tokens="target").values()):
        nn.init.normal_(p, std=0.1 * (n + 1))
    name, hash_ = base_of(model)
    save(tmp_path / "flame.safetensors", net, LoraCard(1, 1, words="heavy fog", base=name, base_hash=hash_))
    return tmp_path / "flame.safetensors"


def test_an_effect_is_used_and_recorded(clip: Path, model: Path, out: Path, flame: Path, run: Run) -> None:
    use = f"{flame}:0.5@0,0,0.5,1@0s-0.3s"
    ran = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--model", model, "--effect", use, "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.record["effects"]
    assert (told["weight"], told["box"], told["span"], told["words"]) == (0.5, [0, 0, 0.5, 1], [0, 0.3], "heavy fog")


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("{inside}/none.safetensors", "There is no LoRA file"),
        ("{flame}:strong", "--effect is FILE"),
        ("{flame}@0,0,2,1", "shares of the frame"),
        ("{flame}@50s-60s", "There is no frame from 50"),
    ],
)
def test_a_wrong_effect_is_one_sentence(
    use: str, words: str, clip: Path, model: Path, out: Path, flame: Path, run: Run
) -> None:
    text = use.format(inside=clip.parent, flame=flame)
    ran = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--model", model, "--effect", text)
    assert ran.status == 2 and words in ran.err and ran.err.count("\n") == 1
    assert not list(out.iterdir())
