"""`refrain calibrate` writes budgets that its reader takes, and a plot; `refrain picture attention` draws a call."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cli.conftest import Run
from refrain.attention.budgets import Budgets, load_budgets
from refrain.cli.options import attention_of
from refrain.cli.picture_attention import enlarged, ramp
from refrain.cli.plot import Axes, Canvas, ticks
from refrain.errors import BadInput

SHORT = ("--frames", 9, "--steps", 2, "--moments", 1, "--tiles", 4, "--tile", "1,2,2")


def test_budgets_are_written_that_can_be_used(clip: Path, model: Path, out: Path, run: Run) -> None:
    path = out / "budgets.json"
    ran = run("calibrate", model, "--error", 0.1, "--clips", clip, *SHORT, "-o", path, "--json")
    assert ran.status == 0, ran.err
    assert ran.record == json.loads(path.read_text()) and ran.record["layers"] == 2 and ran.record["tile"] == [1, 2, 2]
    found = ran.record["measured"]
    assert found["clips"] == ["in.mp4"] and found["edits"] == 2 and found["frames"] == 9
    assert found["certificate"]["above_bound"] == 0
    assert all(error <= 0.1 for layer in found["chosen"]["errors"] for error in layer)
    spec = load_budgets(path, 2, 1)
    assert spec == attention_of(f"isa:{path}", 2, 1) and spec.budgets == Budgets.read(path).keep
    with pytest.raises(BadInput, match="which has 2 layers; this model has 6"):
        attention_of(f"isa:{path}", 6, 4)
    drawn = cv2.imread(str(out / "budgets.png"))
    assert drawn.shape[0] > 800 and len(np.unique(drawn)) > 20
    edited = out / "edited.mp4"
    ran = run("edit", clip, "make it snow", "-o", edited, "--model", model, "--frames", 5, "--attention", f"isa:{path}")
    assert ran.status == 0 and "budgets" in json.loads((out / "edited.json").read_text())["attention"]


def test_what_was_found_is_told_as_tables(clip: Path, model: Path, out: Path, run: Run) -> None:
    """Clips may also be named after the model, or after one --clips."""
    told = run("calibrate", model, clip, "--clips", clip, "-i", "heavy fog", *SHORT, "-o", out / "b.json", "-q")
    assert told.status == 0, told.err
    assert "error against cost, 2 edits" in told.out and "published, dense share" in told.out and "head 0" in told.out


def test_a_file_of_something_else_is_not_written_over(clip: Path, model: Path, out: Path, run: Run) -> None:
    path = out / "notes.json"
    path.write_text("{}")
    ran = run("calibrate", model, "--clips", clip, *SHORT, "-o", path)
    assert ran.status == 2 and "holds no budgets" in ran.err and path.read_text() == "{}"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--error", 0), "above 0 and below 1"),
        (("--error", 1.5), "above 0 and below 1"),
        (("--error", "nan"), "above 0 and below 1"),
        (("--frames", 0), "must be 1 or more"),
        (("--order", 2), "must be 0 or 1"),
        (("--tile", "3,5"), "a box of frames"),
        (("--tile", "9,9,9"), "1 to 64 tokens"),
        (("-i", "paint it well"), "does not understand"),
        (("-i", "heavy fog"), "One edit says nothing"),
        (("--clips", "none.mp4"), "none.mp4"),
        (("--plot", "plot.jpg"), "ends in .png"),
        (("-o", "budgets.txt"), "ends so"),
        (("--moments", 9), "looked at 9 times"),
    ],
)
def test_what_cannot_be_calibrated_is_one_sentence(
    more: tuple[object, ...],
    sentence: str,
    clip: Path,
    model: Path,
    out: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(out)
    ran = run("calibrate", model, clip, "--steps", 2, "--moments", 1, "--frames", 5, *more)
    assert ran.status == 2 and sentence in ran.err and ran.err.count("\n") == 1
    assert not list(out.iterdir())


def test_a_model_that_is_not_there(out: Path, run: Run) -> None:
    ran = run("calibrate", out / "none" / "at" / "all", "-o", out / "b.json")
    assert ran.status == 2 and "There is no model folder" in ran.err and ran.err.count("\n") == 1


@pytest.mark.parametrize("attention", ["isa:1/4", "isa:published"])
def test_attention_is_drawn_on_the_frames(clip: Path, model: Path, out: Path, run: Run, attention: str) -> None:
    ran = run(
        "picture", "attention", clip, "make it snow", "--model", model, "--size", 64, "--frames", 13, "--steps", 3,
        "--attention", attention, "-o", out / "map.png",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert "cost" in ran.out and "bound" in ran.out
    drawn = cv2.imread(str(out / "map.png"))
    assert drawn.shape[0] > 700 and len(np.unique(drawn.reshape(-1, 3), axis=0)) > 500


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--layer", 2), "--layer must be 0 to 1"),
        (("--head", 1), "--head must be 0 to 0"),
        (("--time", 2), "noise time from 0 to 1"),
        (("--query", 99), "--query must be 0 to"),
        (("--attention", "dense"), "leave nothing out"),
        (("--attention", "sparse"), "--attention is dense"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    more: tuple[object, ...], sentence: str, clip: Path, model: Path, out: Path, run: Run
) -> None:
    ran = run(
        "picture", "attention", clip, "make it snow", "--model", model, "--frames", 5, *more, "-o", out / "map.png"
    )
    assert ran.status == 2 and sentence in ran.err and ran.err.count("\n") == 1
    assert not list(out.iterdir())


def test_axes_are_logarithmic() -> None:
    axes = Axes(Canvas(10, 10), (0, 0, 100, 100), (0.01, 1), (0.001, 1))
    assert axes.place(0.1, 0.001) == pytest.approx((50, 100))
    assert axes.place(5, 1e-9) == (100, 100)
    assert ticks(0.015, 0.6) == pytest.approx([0.02, 0.05, 0.1, 0.2, 0.5])
    assert ticks(1e-5, 1.5) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1])


def test_maps_fill_their_pictures() -> None:
    grown = enlarged(np.array([[1, 2], [3, 4]]), (5, 4, 3))
    assert grown.shape == (5, 4) and grown[0, 0] == 1 and grown[-1, -1] == 4
    assert ramp(-1) == ramp(0) != ramp(1) == ramp(2)
