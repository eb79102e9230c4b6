"""`refrain evaluate BENCH`, `score` and `compare`: a run is made, gone on with, and answers of others are scored."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cli.conftest import Run


def grey(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((64, 64, 3), level, np.uint8))


@pytest.fixture
def file(out: Path) -> Path:
    said = {f"{n}": {"id": f"{n}.png", "prompt": "heavy fog", "edit_type": "style"} for n in range(2)}
    said["1"]["prompt"] = "put a hat on it"
    (out / "basic.json").write_text(json.dumps(said))
    for n in range(2):
        grey(out / f"{n}.png", 60 + n)
    return out / "basic.json"


def test_a_benchmark_is_answered_scored_and_gone_on_with(model: Path, file: Path, out: Path, run: Run) -> None:
    asked = ("evaluate", "imgedit", file, "--model", model, "-o", out / "run", "--scorers", "psnr.source,noop")
    ran = run(*asked)
    assert ran.status == 0 and "| psnr.source/strict ↑ |" in ran.out and "Protocol imgedit/strict" in ran.out
    assert "1 of 2 answers are missing" in ran.out and "- 1.png: tiny does not understand" in ran.out
    said = json.loads((out / "run" / "run.json").read_text())
    assert len(said["made"]["weights"]) == 64 and said["arguments"]["seed"] == 0 and said["made"]["versions"]["torch"]
    assert run(*asked).status == 2
    before = (out / "run" / "scores.jsonl").read_bytes()
    again = run(*asked, "--resume", "--strict")
    assert again.status == 1 and again.out == ran.out
    assert (out / "run" / "scores.jsonl").read_bytes() == before, "nothing is scored twice"
    other = run(*asked, "--resume", "--seed", 3)
    assert other.status == 2 and "seed 0, not 3" in other.err


def test_answers_of_others_are_scored_and_what_is_missing_is_listed(file: Path, out: Path, run: Run) -> None:
    for system, level in (("a", 70), ("b", 80)):
        grey(out / system / "0.png", level)
    asked = ("score", "imgedit", file, out / "a", "--scorers", "psnr.source")
    ran = run(*asked)
    assert ran.status == 0 and "1 of 2 answers are missing" in ran.out and "- 1.png\n" in ran.out
    assert run(*asked, "--strict").status == 1
    for system in ("a", "b"):
        grey(out / system / "1.png", 90)
        ran = run("score", "imgedit", file, out / system, "--scorers", "psnr.source", "-o", out / f"run-{system}")
        assert ran.status == 0 and "missing" not in ran.out
    told = run("compare", out / "run-a", out / "run-b")
    assert told.status == 0 and "| a − b: psnr.source/strict |" in told.out and "Holm" in told.out
    assert run("compare", out / "run-a").status == 2
    wrong = run("score", "imgedit", file, out / "b", "-o", out / "run-a")
    assert wrong.status == 2 and "was begun with outputs" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("evaluate", "imgedt", "FILE"), "imgedt is no benchmark; there are editverse"),
        (("evaluate", "imgedit", "FILE", "--limit", 0), "--limit must be 1 or more"),
        (("evaluate", "imgedit", "FILE", "--protocol", "loose"), "--protocol is strict or compat"),
        (("evaluate", "imgedit", "FILE", "--scorers", "psnr"), "psnr is no scorer"),
        (("evaluate", "imgedit", "none.json"), "none.json is not there; ImgEdit"),
        (("evaluate", "imgedit", "BROKEN"), "broken.json line 2 is not readable JSON"),
        (("evaluate", "openve", "TWICE"), "has the case a twice"),
        (("score", "imgedit", "FILE", "nowhere"), "nowhere is no folder"),
        (("compare", "nowhere", "there"), "nowhere holds no run"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[object, ...], sentence: str, file: Path, out: Path, run: Run
) -> None:
    (out / "broken.json").write_text('{"1":\n{"id": }}')
    (out / "twice.csv").write_text("original_video,edited_type,prompt\na.mp4,local_add,x\nb/a.mp4,local_add,y\n")
    named = {"FILE": file, "BROKEN": out / "broken.json", "TWICE": out / "twice.csv"}
    given = [named.get(str(one), one) for one in arguments]
    more = ["-o", out / "run"] if given[0] == "evaluate" else []
    ran = run(*given, *more)
    assert ran.status == 2 and sentence in ran.err and "Traceback" not in ran.err and not (out / "run").exists()
