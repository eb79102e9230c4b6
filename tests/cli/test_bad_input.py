"""Whatever a user gets wrong is one sentence on stderr and status 2, and leaves nothing behind."""

import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from cli.conftest import COLUMNS, FRAMES, ROWS, Run
from media.make import Made, picture, sound_only, video
from refrain.attention.budgets import Budgets

WEIGHTS = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class Ground:
    """Where a case is prepared: a good clip, a good model, a folder to spoil things in, a folder to write to."""

    clip: Path
    model: Path
    inside: Path
    out: Path

    def edit(self, *more: object, source: object = None, words: str = "make it snow") -> list[object]:
        """The arguments of an edit, of which `more` says what is wrong."""
        named = {str(part) for part in more}
        usual = [] if "-o" in named else ["-o", self.out / "out.mp4"]
        model = [] if "--model" in named else ["--model", self.model]
        return ["edit", source or self.clip, words, *usual, *model, *more]


Case = Callable[[Ground], list[object]]
CASES: dict[str, tuple[Case, str]] = {}


def case(words: str) -> Callable[[Case], Case]:
    """Enter a case under its name; `words`, one of them or several between |, stand in its sentence."""

    def enter(made: Case) -> Case:
        CASES[made.__name__] = made, words
        return made

    return enter


# -- attention ---------------------------------------------------------------------------------------------------------


@case("--attention is dense, flex, isa")
def unknown_attention(at: Ground) -> list[object]:
    return at.edit("--attention", "sparse")


@case("a share from 0 to 1")
def too_large_a_share(at: Ground) -> list[object]:
    return at.edit("--attention", "isa:3/2")


@case("a share from 0 to 1")
def a_share_of_nothing(at: Ground) -> list[object]:
    return at.edit("--attention", "isa:1/0")


@case("cannot be read")
def budgets_that_are_not_there(at: Ground) -> list[object]:
    return at.edit("--attention", f"isa:{at.inside / 'none.json'}")


@case("no file of budgets")
def budgets_that_are_a_card(at: Ground) -> list[object]:
    return at.edit("--attention", f"isa:{at.model / 'refrain.json'}")


@case("has 7 layers|Calibrate this model")
def budgets_of_another_model(at: Ground) -> list[object]:
    path = at.inside / "other.json"
    path.write_text(Budgets("other", 7, 1, 0.02, ((0.5,),) * 7).text(), encoding="utf-8")
    return at.edit("--attention", f"isa:{path}")


# -- the source --------------------------------------------------------------------------------------------------------


@case("does not exist")
def missing_file(at: Ground) -> list[object]:
    return at.edit(source=at.inside / "none.mp4")


@case("is a folder")
def a_directory(at: Ground) -> list[object]:
    return at.edit(source=at.inside)


@case("is a text file")
def a_text_file_named_mp4(at: Ground) -> list[object]:
    (at.inside / "text.mp4").write_text("Dear video editor, this is a letter.\n" * 40)
    return at.edit(source=at.inside / "text.mp4")


@case("incomplete|damaged")
def truncated_mp4(at: Ground) -> list[object]:
    data = at.clip.read_bytes()
    (at.inside / "part.mp4").write_bytes(data[: len(data) // 2])
    return at.edit(source=at.inside / "part.mp4")


@case("holds no|incomplete|damaged")
def zero_frames(at: Ground) -> list[object]:
    with av.open(str(at.inside / "empty.mp4"), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.codec_context.height, stream.codec_context.width = 48, 64
        stream.codec_context.pix_fmt = "yuv420p"
        target.start_encoding()
    return at.edit(source=at.inside / "empty.mp4")


@case("only sound")
def audio_only(at: Ground) -> list[object]:
    sound_only(at.inside / "sound.mp4")
    return at.edit(source=at.inside / "sound.mp4")


@case("8192|damaged, incomplete")
def large_frames_in_a_small_file(at: Ground) -> list[object]:
    black = av.VideoFrame.from_ndarray(np.zeros((8192 * 3 // 2, 8192), np.uint8), format="yuv420p")
    with av.open(str(at.inside / "bomb.mp4"), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.codec_context.height = stream.codec_context.width = 8192
        stream.codec_context.pix_fmt = "yuv420p"
        target.mux(stream.encode(black))
        target.mux(stream.encode(None))
    return at.edit(source=at.inside / "bomb.mp4")


@case("network")
def an_address(at: Ground) -> list[object]:
    return at.edit(source="https://example.org/clip.mp4")


# -- the output --------------------------------------------------------------------------------------------------------


@case("does not exist")
def an_output_folder_that_is_not_there(at: Ground) -> list[object]:
    return at.edit("-o", at.out / "none" / "out.mp4")


@case("the source itself")
def output_equals_input(at: Ground) -> list[object]:
    return at.edit("-o", at.inside / ".." / at.inside.name / at.clip.name)


@case("has no ending")
def an_output_without_an_ending(at: Ground) -> list[object]:
    return at.edit("-o", at.out / "out")


@case("is a picture and the clip has")
def a_clip_as_one_picture(at: Ground) -> list[object]:
    return at.edit("-o", at.out / "out.png")


@case("cannot both be")
def matte_equals_output(at: Ground) -> list[object]:
    return at.edit("--matte", at.out / "out.mp4")


@case("no record of an edit")
def somebody_elses_json(at: Ground) -> list[object]:
    (at.inside / "other.json").write_text('{"precious": true}')
    return at.edit("-o", at.inside / "other.mp4")


# -- words and numbers -------------------------------------------------------------------------------------------------


@case('"make it snow"; "heavy fog"')
def an_unknown_instruction(at: Ground) -> list[object]:
    return at.edit(words="mow the lawn")


@case("does not understand")
def a_refused_instruction(at: Ground) -> list[object]:
    return at.edit(words="remove the snow")


@case("is empty")
def an_empty_instruction(at: Ground) -> list[object]:
    return at.edit(words="  ")


@case("10000 characters")
def a_long_instruction(at: Ground) -> list[object]:
    return at.edit(words="snow " * 2000)


@case("steps must be 1 or more")
def no_steps(at: Ground) -> list[object]:
    return at.edit("--steps", 0)


@case("Guidance must be")
def guidance_that_is_no_number(at: Ground) -> list[object]:
    return at.edit("--guidance", math.nan)


@case("seed must be")
def a_seed_out_of_range(at: Ground) -> list[object]:
    return at.edit("--seed", 2**64)


@case("size must be")
def a_size_out_of_range(at: Ground) -> list[object]:
    return at.edit("--size", 8)


@case("--frames must be")
def no_frames_wanted(at: Ground) -> list[object]:
    return at.edit("--frames", 0)


@case("--quality must be")
def a_quality_out_of_range(at: Ground) -> list[object]:
    return at.edit("--quality", 60)


@case("There is no frame")
def a_stretch_after_the_end(at: Ground) -> list[object]:
    return at.edit("--from", 100)


# -- masks and references ----------------------------------------------------------------------------------------------


@case("mask")
def a_mask_of_another_size(at: Ground) -> list[object]:
    picture(at.inside / "mask.png", "png", "gray", np.full((ROWS + 2, COLUMNS), 255, np.uint8))
    return at.edit("--mask", at.inside / "mask.png")


@case("mask")
def a_mask_of_another_length(at: Ground) -> list[object]:
    video(at.inside / "mask.mp4", Made(size=(ROWS, COLUMNS), ticks=tuple(range(FRAMES - 2))))
    return at.edit("--mask", at.inside / "mask.mp4")


@case("A box is four whole numbers")
def a_box_in_words(at: Ground) -> list[object]:
    return at.edit("--box", "left,top")


@case("leaves the picture")
def a_box_outside(at: Ground) -> list[object]:
    return at.edit("--box", "5000,5000,6000,6000")


@case("takes no --reference")
def a_reference_that_the_model_cannot_use(at: Ground) -> list[object]:
    picture(at.inside / "hat.png", "png", "rgb24", np.zeros((40, 40, 3), np.uint8))
    return at.edit("--reference", at.inside / "hat.png")


# -- models and devices ------------------------------------------------------------------------------------------------


def spoilt(at: Ground) -> Path:
    """A copy of the model."""
    return Path(shutil.copytree(at.model, at.inside / "model"))


def retold(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Rewrite a file of weights."""
    tensors = dict(load_file(path))
    change(tensors)
    save_file(tensors, path)


@case("There is no model folder")
def no_such_model(at: Ground) -> list[object]:
    return at.edit("--model", at.inside / "none" / "model" / "here")


@case("has no refrain.json")
def a_model_without_refrain_json(at: Ground) -> list[object]:
    (spoilt(at) / "refrain.json").unlink()
    return at.edit("--model", at.inside / "model")


@case("is a pickle")
def a_model_with_a_pickle(at: Ground) -> list[object]:
    (spoilt(at) / "transformer" / "model.bin").write_bytes(b"\x80\x04.")
    return at.edit("--model", at.inside / "model")


@case("lacks tensors (1: blocks.0.attn1.to_q.weight)")
def a_model_that_lacks_a_tensor(at: Ground) -> list[object]:
    retold(spoilt(at) / "transformer" / WEIGHTS, lambda held: held.pop("blocks.0.attn1.to_q.weight"))
    return at.edit("--model", at.inside / "model")


@case("holds unknown tensors (1: more)")
def a_model_with_a_tensor_too_many(at: Ground) -> list[object]:
    retold(spoilt(at) / "transformer" / WEIGHTS, lambda held: held.update(more=torch.zeros(1)))
    return at.edit("--model", at.inside / "model")


@case("say --device cpu")
def cuda_where_there_is_none(at: Ground) -> list[object]:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    return at.edit("--device", "cuda")


@case("There is no device called")
def a_device_that_nobody_knows(at: Ground) -> list[object]:
    return at.edit("--device", "abacus")


# -- the test ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_it_is_one_sentence_and_nothing_is_left(name: str, clip: Path, model: Path, out: Path, run: Run) -> None:
    made, words = CASES[name]
    arguments = made(Ground(clip, model, clip.parent, out))
    before = {path: path.read_bytes() for path in clip.parent.parent.rglob("*") if path.is_file()}
    ran = run(*arguments)
    assert ran.status == 2, ran.err
    assert not ran.out
    assert ran.err.count("\n") == 1 and ran.err.startswith("refrain: "), ran.err
    assert any(part in ran.err for part in words.split("|")), ran.err
    assert ran.err.rstrip().endswith("."), ran.err
    assert {path: path.read_bytes() for path in clip.parent.parent.rglob("*") if path.is_file()} == before
    assert not list(out.iterdir())


def test_an_output_that_may_not_be_written(
    clip: Path, model: Path, out: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "os.access", lambda _, mode: mode != os.W_OK
    )  # whoever runs the tests may be allowed everything
    ran = run("edit", clip, "make it snow", "-o", out / "out.mp4", "--model", model)
    assert ran.status == 2 and "cannot be written" in ran.err and ran.err.count("\n") == 1


def test_debug_shows_where_it_came_from(clip: Path, model: Path, out: Path, run: Run) -> None:
    ran = run("edit", clip, "", "-o", out / "out.mp4", "--model", model, "--debug")
    assert ran.status == 2 and "Traceback" in ran.err and "is empty" in ran.err


def test_a_fault_of_our_own_asks_for_a_report(clip: Path, out: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("1 / 0")

    monkeypatch.setattr("refrain.media.clip.Clip.read", broken)
    ran = run("edit", clip, "make it snow", "-o", out / "out.mp4")
    assert ran.status == 1 and "--debug" in ran.err and ran.err.count("\n") == 1
