"""An edit as a user runs it: what is written, what is kept, and what the record says."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import COLUMNS, FRAMES, ROWS, Run
from media.make import Made, packets, picture, video
from refrain.attention import Isa
from refrain.attention.budgets import Budgets
from refrain.media import Clip
from refrain.models.outline import Outline


def equal(a: Clip, b: Clip) -> bool:
    """Whether all planes are bit-equal."""
    return all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))


def test_size_times_and_sound_are_kept_and_the_record_says_why(clip: Path, model: Path, out: Path, run: Run) -> None:
    ran = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--model", model, "--seed", 7, "--json")
    assert ran.status == 0 and not ran.err
    source, answer = Clip.read(clip), Clip.read(out / "a.mp4")
    assert (answer.size, answer.times, answer.duration) == (source.size, source.times, source.duration)
    assert packets(out / "a.mp4") == packets(clip)
    assert not equal(source, answer)
    record = json.loads((out / "a.json").read_text(encoding="utf-8"))
    assert record == ran.record
    assert record["instruction"] == "make it snow" and record["seed"] == 7 and record["frames"] == [0, FRAMES]
    assert record["sampling"]["steps"] == 2 and record["attention"] == "Dense()" and record["kernel"] is None
    assert len(record["weights"]) == 64 and record["versions"]["torch"]
    assert set(record["seconds"]) == {"read", "encode", "denoise", "decode", "compose"}
    assert sys.platform == "win32" or record["peak_bytes"] > 1e8
    assert {path.name for path in out.iterdir()} == {"a.mp4", "a.json"}


def test_a_record_of_ours_may_be_replaced_and_the_seed_decides(clip: Path, model: Path, out: Path, run: Run) -> None:
    common = ("--model", model, "--lossless", "--frames", 5, "-q")
    answers = []
    for seed in (1, 1, 2):
        ran = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--seed", seed, *common)
        assert (ran.status, ran.out, ran.err) == (0, "", "")
        answers.append(Clip.read(out / "a.mp4"))
    assert equal(answers[0], answers[1]) and not equal(answers[0], answers[2])
    assert len(answers[0]) == 5


def test_a_box_and_a_mask_bound_the_change_and_the_matte_shows_it(clip: Path, model: Path, out: Path, run: Run) -> None:
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[:, : COLUMNS // 2] = 255
    picture(clip.parent / "mask.png", "png", "gray", mask)
    bounds = ("--mask", clip.parent / "mask.png", "--box", f"0,0,{COLUMNS},{ROWS // 2}")
    ran = run(
        "edit",
        clip,
        "make it snow",
        "-o",
        out / "a.mp4",
        "--model",
        model,
        "--lossless",
        "--matte",
        out / "m.mp4",
        *bounds,
    )
    assert ran.status == 0, ran.err
    source, answer, matte = (Clip.read(path) for path in (clip, out / "a.mp4", out / "m.mp4"))
    changed = (source.planes[0] != answer.planes[0]).any(axis=0)
    assert changed.any()
    assert not changed[ROWS // 2 :].any() and not changed[:, COLUMNS // 2 :].any()
    assert matte.size == source.size and matte.times == source.times
    assert matte.planes[0].max() > 40


@pytest.mark.parametrize("trim", [False, True])
def test_a_stretch_is_edited_and_the_rest_is_the_source(
    clip: Path, model: Path, out: Path, run: Run, trim: bool
) -> None:
    source = Clip.read(clip)
    start, stop = float(source.times[4]), float(source.times[9])
    stretch = ("--from", start - 1e-4, "--to", stop - 1e-4, "--lossless", "--matte", out / "m.mp4")
    ran = run(
        "edit", clip, "make it snow", "-o", out / "a.mp4", "--model", model, *stretch, *(["--trim"] if trim else [])
    )
    assert ran.status == 0, ran.err
    answer, matte = Clip.read(out / "a.mp4"), Clip.read(out / "m.mp4")
    assert len(matte) == len(answer) == (5 if trim else FRAMES)
    changed = (matte.planes[0] > 20).any(axis=(1, 2))
    if trim:
        assert answer.times[0] == 0 and changed.all()
    else:
        assert answer.times == source.times
        assert equal(answer.between(0, 4), source.between(0, 4)) and equal(
            answer.between(9, FRAMES), source.between(9, FRAMES)
        )
        assert changed.tolist() == [4 <= n < 9 for n in range(FRAMES)]


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_gives_a_picture(clip: Path, model: Path, out: Path, run: Run, ending: str) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (77, 51, 3), dtype=np.uint8)
    picture(clip.parent / "photo.png", "png", "rgb24", photo)
    ran = run(
        "edit",
        clip.parent / "photo.png",
        "heavy fog",
        "-o",
        out / f"a.{ending}",
        "--model",
        model,
        "--matte",
        out / "m.png",
    )
    assert ran.status == 0, ran.err
    answer = Clip.read(out / f"a.{ending}")
    assert answer.still and answer.size == (77, 51)
    assert Clip.read(out / "m.png").size == (77, 51)


def test_frames_as_a_folder_have_their_record_beside_it(clip: Path, model: Path, out: Path, run: Run) -> None:
    ran = run("edit", clip, "heavy fog", "-o", f"{out}/frames/", "--model", model, "--frames", 2)
    assert ran.status == 0 and "sound" in ran.err
    assert len(list((out / "frames").iterdir())) == 2 and (out / "frames.json").is_file()


@pytest.mark.parametrize("size", [(33, 201), (65, 35)])
def test_odd_sizes_and_a_model_in_half_precision(model: Path, tmp_path: Path, run: Run, size: tuple[int, int]) -> None:
    video(tmp_path / "in.mp4", Made(name="yuv444p", size=size, ticks=(0, 1, 2, 3), base=Fraction(1, 10)))
    ran = run("edit", tmp_path / "in.mp4", "heavy fog", "-o", tmp_path / "a.mp4", "--model", model, "--lossless",
              "--dtype", "bfloat16", "--no-preserve")  # fmt: skip
    assert ran.status == 0, ran.err
    assert Clip.read(tmp_path / "a.mp4").size == size and len(Clip.read(tmp_path / "a.mp4")) == 3


@pytest.mark.parametrize("how", ["isa", "isa:1/4", "isa:0.25", "isa:published", "isa:FILE"])
def test_attention_is_as_asked_and_the_record_names_it(clip: Path, model: Path, out: Path, run: Run, how: str) -> None:
    layers, heads = Outline.of(model).network.layers, Outline.of(model).network.heads
    found = Budgets("tiny", layers, heads, 0.02, ((0.25,) * heads,) * layers)
    (clip.parent / "found.json").write_text(found.text(), encoding="utf-8")
    expected = {
        "isa": Isa(),
        "isa:1/4": Isa(keep=1 / 4),
        "isa:0.25": Isa(keep=1 / 4),
        "isa:published": Isa.published(),
        "isa:FILE": found.spec(),
    }
    said = how.replace("FILE", str(clip.parent / "found.json"))
    common = ("--model", model, "--frames", 5, "--attention", said, "--offload")
    ran = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--json", *common)
    assert ran.status == 0, ran.err
    assert ran.record["attention"] == repr(expected[how]) and ran.record["offload"]
    assert ran.record["kernel"] in ("gather", "flex", "triton")
    dry = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--json", *common, "--dry-run")
    assert dry.record["job"]["attention"] == repr(expected[how])


def test_a_dry_run_tells_the_cost(clip: Path, model: Path, out: Path, run: Run) -> None:
    text = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--model", model, "--dry-run")
    assert text.status == 0 and "tokens" in text.out and "time" in text.out and "memory" in text.out
    told = run("edit", clip, "make it snow", "-o", out / "a.mp4", "--model", model, "--dry-run", "--json").record
    assert told["job"]["frames"] == FRAMES and told["estimate"]["seconds"] > 0
    assert [pane["step_area"] > 0 for pane in told["estimate"]["panes"]] == [True, True]
    assert not list(out.iterdir())


@pytest.mark.slow
def test_a_dry_run_loads_no_weights_and_no_diffusers(clip: Path, model: Path, out: Path) -> None:
    program = """
import sys
from refrain.cli.main import main
status = main(sys.argv[1:])
print(status, *sys.modules)
"""
    arguments = ["edit", str(clip), "make it snow", "-o", str(out / "a.mp4"), "--model", str(model), "--dry-run", "-q"]
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = ran.stdout.splitlines()[-1].split()
    assert loaded[0] == "0"
    assert not {"diffusers", "transformers", "peft", "safetensors.torch"} & set(loaded)
