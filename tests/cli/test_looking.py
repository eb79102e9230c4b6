"""The verbs that look: models, doctor, picture, sample, sheet."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cli.conftest import Run
from refrain.cli.sheet import GAP, HEIGHT, TOP
from refrain.media import Clip
from refrain.sequence import RULES


def test_models_say_what_their_cards_say(model: Path, run: Run) -> None:
    told = json.loads(run("models", model, "--json").out)
    assert [one["model"] for one in told] == ["embedded", "embedded-sessions", str(model)]
    assert told[1]["rule"] == "block_causal" and "mask" in told[1]["kinds"]
    assert told[2]["name"] == "tiny" and told[2]["rule"] == "isolated" and "heavy fog" in told[2]["understands"]
    text = run("models", model)
    assert text.status == 0 and "heavy fog" in text.out and "9 frames at once" in text.out


def test_a_model_that_is_not_there(tmp_path: Path, run: Run) -> None:
    ran = run("models", tmp_path / "none" / "at" / "all")
    assert ran.status == 2 and "There is no model folder" in ran.err and ran.err.count("\n") == 1


def test_the_doctor_checks_the_arithmetic(run: Run) -> None:
    ran = run("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(ran.out)}
    assert {"python", "torch", "cpu", "cuda", "mps"} <= set(found)
    assert found["attention"]["well"] and found["memory"]["well"] and found["video"]["well"]
    assert ran.status == (0 if all(finding["well"] is not False for finding in found.values()) else 1)


def test_the_doctor_notices_wrong_attention(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from refrain.attention import dense

    right = dense.attend
    monkeypatch.setattr(dense, "attend", lambda *given: right(*given) + 1e-6)
    ran = run("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(ran.out)}
    assert ran.status == 1 and found["attention"]["well"] is False


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_drawn_as_it_is(rule: str, out: Path, run: Run) -> None:
    ran = run("picture", "rule", rule)
    assert ran.status == 0
    seen = ran.out.count("██") + ran.out.count("▒▒") - 2  # two stand in the legend
    assert (
        seen == {"isolated": 3 + 2 + 4, "block_causal": 2 + 2 + 2 + 1 + 4 + 2, "full": 25}[rule]
        or rule == "block_causal"
    )
    assert ("▒▒" in ran.out.split("rows ask")[0]) == (rule != "full")
    run("picture", "rule", rule, "-o", out / "rule.png")
    drawn = cv2.imread(str(out / "rule.png"))
    assert drawn.shape[0] > 300 and drawn.shape[1] > 300 and len(np.unique(drawn)) > 20


def test_the_plan_of_an_edit(model: Path, out: Path, run: Run) -> None:
    ran = run("picture", "plan", "--model", model, "--frames", 21, "--window", 2)
    assert ran.status == 0 and "answer 1" in ran.out and "window 2 of 3" in ran.out
    assert run("picture", "plan", "--model", model, "-o", out / "plan.png").status == 0
    assert (out / "plan.png").is_file()
    ran = run("picture", "plan", "--model", model, "--window", 9)
    assert ran.status == 2 and ran.err.count("\n") == 1


def test_a_sample_is_the_same_for_the_same_seed(out: Path, run: Run) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        ran = run(
            "sample", "-o", f"{out}/{name}/", "--size", "96x64", "--frames", 3, "--seed", seed
        )  # PNG loses nothing
        assert ran.status == 0, ran.err
    first, again, other = ([path.read_bytes() for path in sorted((out / name).iterdir())] for name in "abc")
    assert len(first) == 3 and first == again and first != other
    assert run("sample", "-o", out / "a.mp4", "--size", "96x64", "--frames", 3).status == 0
    assert Clip.read(out / "a.mp4").size == (64, 96)


@pytest.mark.parametrize("size", ["96", "axb", "9x9", "99999x4"])
def test_a_size_that_is_none(out: Path, run: Run, size: str) -> None:
    ran = run("sample", "-o", out / "a.mp4", "--size", size)
    assert ran.status == 2 and ran.err.count("\n") == 1 and not list(out.iterdir())


def test_a_sheet_has_a_row_for_every_edit(clip: Path, model: Path, out: Path, run: Run) -> None:
    ran = run("sheet", clip, "--rendered", 1, "--model", model, "--frames", 2, "-o", out / "sheet.png", "-q")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    tall = cv2.imread(str(out / "sheet.png")).shape[0]
    run("sheet", clip, "--model", model, "--frames", 2, "-o", out / "one.png", "-i", "heavy fog")
    assert tall > cv2.imread(str(out / "one.png")).shape[0]


def test_before_and_after(clip: Path, out: Path, run: Run) -> None:
    assert run("sheet", "--before", clip, "--after", clip, "-o", out / "sheet.png").status == 0
    drawn = cv2.imread(str(out / "sheet.png"))
    before, after = (drawn[top : top + HEIGHT, 80:] for top in (TOP, TOP + HEIGHT + GAP))
    assert np.array_equal(before, after)
    for wrong in (["--before", clip], [], ["-o", out]):
        assert run("sheet", *wrong).status == 2
