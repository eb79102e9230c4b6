"""The models that ship: they fit the wheel, say what they can do, and their edits do what their words say."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refrain import Session
from refrain.data.scenes import render_scene
from refrain.data.sessions import draw_session
from refrain.editing.compose import see
from refrain.editing.edit import denoise
from refrain.editing.editor import Editor
from refrain.editing.request import require_understood
from refrain.editing.solve import Solver
from refrain.editing.walk import Walk
from refrain.errors import BadInput
from refrain.evaluation.frames import as_bytes
from refrain.evaluation.sessions.judge import moves
from refrain.media import Clip, PixelFormat
from refrain.models.outline import EMBEDDED, INSIDE
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


def test_they_fit_the_wheel() -> None:
    sizes = [sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) for folder in INSIDE.values()]
    assert all(size <= 20 * 2**20 for size in sizes)


@pytest.mark.parametrize("name", INSIDE)
def test_weights_are_safetensors_and_there_is_a_card(name: str) -> None:
    kinds = {path.suffix for path in INSIDE[name].rglob("*") if path.is_file()}
    assert kinds <= {".safetensors", ".json", ".md"}
    assert "rendered" in (INSIDE[name] / "README.md").read_text(encoding="utf-8")


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


def test_the_model_of_sessions_takes_turns_with_a_chain_and_references(tmp_path: Path) -> None:
    model = Editor.from_pretrained("embedded-sessions")
    assert model.card.rule == "block_causal" and {"mask", "reference"} <= set(model.card.kinds)
    scene = draw_session(5, 1, (96, 96))
    picture = Clip.of(
        torch.from_numpy(scene.frames).permute(0, 3, 1, 2).float() / 127.5 - 1, 1, PixelFormat.named("gbrp")
    )
    session = Session.create(tmp_path / "s", replace(picture, still=True), model)
    turn = session.ask(scene.turns[0].instruction, chain=True, steps=2)
    assert set(turn.state().masks) == {"here", "there"}
    session.ask("make it night", steps=2)
    session.ask("show the next frame", story=True, steps=2)
    assert len(session.turns) == 4


@pytest.mark.slow
def test_a_story_goes_on_as_the_camera_moved(tmp_path: Path) -> None:
    model, went = Editor.from_pretrained("embedded-sessions"), 0
    for seed in range(890_000_000, 890_000_004):
        frames = draw_session(seed, 0, (128, 128), 25).frames[::8]
        clip = Clip.of(torch.from_numpy(frames[:3]).permute(0, 3, 1, 2).float() / 127.5 - 1, 8)
        turn = Session.create(tmp_path / str(seed), clip, model).ask("show the next frame", frame=2, story=True)
        went += moves(as_bytes(turn.clip.frames), frames[2:3], frames[3:])
    assert went >= 3, "nearer to the true next frame than the last one and every blur of it"
