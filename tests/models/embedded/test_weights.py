"""The model that ships: it fits the wheel, it says what it can do, and its edits do what their words say."""

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refrain.data.scenes import render_scene
from refrain.editing.compose import see
from refrain.editing.edit import denoise
from refrain.editing.editor import Editor
from refrain.editing.request import require_understood
from refrain.editing.solve import Solver
from refrain.editing.walk import Walk
from refrain.errors import BadInput
from refrain.models.load import EMBEDDED
from refrain.models.protocols import Card


@cache
def editor() -> Editor:
    torch.set_num_threads(1)
    return Editor.from_pretrained("embedded")


@cache
def answer(words: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Source and answer [T, 3, Y, X] of a rendered scene, both through the codec."""
    one = editor()
    clip = torch.from_numpy(render_scene(7, 9, (128, 128)).frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        seen = see(one.codec, clip[None], one.card)
        states = one.words.encode([words, ""])
        own = one.card.sampling
        walk = Walk(8, own.guidance, own.until, own.shift, own.solver, own.grid, seed)
        solve = Solver(one.denoiser, one.card, walk, one.attention)
        latents = denoise(solve, seen, (states[:1], states[1:]), lambda told: None)
        return one.codec.decode(seen.full)[0], one.codec.decode(latents)[0]


def chroma(frames: Tensor) -> float:
    """Mean distance of the colours from grey."""
    return float((frames - frames.mean(dim=1, keepdim=True)).abs().mean())


def test_it_fits_the_wheel() -> None:
    assert sum(path.stat().st_size for path in Path(EMBEDDED).rglob("*") if path.is_file()) <= 40 * 2**20


def test_weights_are_safetensors_and_it_has_a_card() -> None:
    kinds = {path.suffix for path in Path(EMBEDDED).rglob("*") if path.is_file()}
    assert kinds <= {".safetensors", ".json", ".md"}
    assert "rendered" in (EMBEDDED / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words", [*Card.load(EMBEDDED).understands, "snowing", "Black-and-white!", "without colour", "KEEP it as it is"]
)
def test_what_it_says_it_knows_it_understands(words: str) -> None:
    require_understood(words, editor().card, editor().vocabulary)


@pytest.mark.parametrize(
    "words", ["remove the hat", "make the dog dance", "do not make it snow", "erase the rain", "zzz"]
)
def test_the_rest_is_refused_with_a_list(words: str) -> None:
    with pytest.raises(BadInput, match="can do"):
        require_understood(words, editor().card, editor().vocabulary)


def test_night_is_darker() -> None:
    before, after = answer("turn day into night")
    assert after.mean() < before.mean() - 0.15


def test_black_and_white_has_less_colour() -> None:
    before, after = answer("make it black and white")
    assert chroma(after) < 0.6 * chroma(before)


def test_thick_fog_is_brighter_and_flatter() -> None:
    before, after = answer("add thick fog")
    assert after.std() < 0.85 * before.std()


def test_to_keep_is_to_keep() -> None:
    before, after = answer("keep it as it is")
    assert float((after - before).square().mean()) < 0.25 * float(
        (answer("make it snow heavily")[1] - before).square().mean()
    )


def test_another_seed_is_another_snow() -> None:
    assert (answer("make it snow heavily")[1] - answer("make it snow heavily", 1)[1]).abs().mean() > 0.01
