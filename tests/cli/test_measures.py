"""A judge and networks with weights, asked for from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from cli.conftest import Run
from evaluation.fake_judge import fails, in_turn, judges, pictures, serving
from refrain.evaluation.judge import Transcript
from refrain.media import Clip
from refrain.models.seeing.lpips import Network

SAID = ("--judge-model", "m", "--scorers", "noop")


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """Two edits of one picture, both answered."""
    rows = {f"{n}": {"id": "0.png", "prompt": f"paint {n}", "edit_type": "add"} for n in range(2)}
    (tmp_path / "basic.json").write_text(json.dumps(rows))
    (tmp_path / "outputs").mkdir()
    for name, level in (("0.png", 0.0), ("outputs/0.png", 0.2), ("outputs/1.png", 0.4)):
        Clip.of(torch.full((1, 3, 40, 48), level), 25).write(tmp_path / name)
    return tmp_path


def test_a_judge_scores_a_folder_and_a_replay_says_the_same(bench: Path, run: Run) -> None:
    def act(request: dict[str, Any]) -> Any:
        level = int(pictures(request)[1].mean() / 60)  # 2 and 2 of the two answers' greys
        return judges(compliance=level, quality=4, preservation=3)(request)

    asked = ("score", "imgedit", bench / "basic.json", bench / "outputs", *SAID, "--transcript", bench / "t.jsonl")
    with serving(in_turn(act, lambda r: fails(400, "no"))) as fake:
        first = run(*asked, "--judge", fake.url)
    assert first.status == 0 and "imgedit.overall@m/ours-1" in first.out, first.err
    again = run(*asked)
    assert again.out == first.out and len(Transcript(bench / "t.jsonl", replay=True).spread()) == 0
    assert "1 unscored" in first.out, "the second case was refused by the endpoint"


def test_what_a_judge_did_not_say_is_asked_in_a_later_run(bench: Path, run: Run) -> None:
    good = judges(compliance=5, quality=4, preservation=3)
    asked = ("score", "imgedit", bench / "basic.json", bench / "outputs", *SAID, "-o", bench / "run")
    with serving(in_turn(good, lambda r: fails(400, "no"))) as fake:
        assert "1 unscored" in run(*asked, "--judge", fake.url).out
        fake.act = good
        before = len(fake.requests)
        assert "unscored" not in run(*asked, "--judge", fake.url).out
        assert len(fake.requests) == before + 1, "what was said is not asked again"


def test_weights_and_vbenchs_results_are_scorers_too(bench: Path, run: Run) -> None:
    torch.manual_seed(0)
    save_file(Network("squeeze").state_dict(), bench / "squeeze.safetensors")
    said = {"motion_smoothness": [0.5, [{"video_path": f"/x/outputs/{n}.png", "video_results": n} for n in range(2)]]}
    (bench / "results.json").write_text(json.dumps(said))
    asked = ("score", "imgedit", bench / "basic.json", bench / "outputs", "--scorers", "noop")
    found = run(*asked, "--weights", f"lpips={bench}/squeeze.safetensors", "--weights", f"vbench={bench}/results.json")
    assert found.status == 0, found.err
    assert "lpips.source@squeeze-" in found.out and "vbench.motion_smoothness@" in found.out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--weights", "lips=x"), "WHAT=WHERE"),
        (("--weights", "clip=nowhere/at/all"), "MIT"),
        (("--weights", "aesthetic=x"), "L/14"),
        (("--weights", "viclip=x"), "ViCLIP"),
        (("--weights", "amt=x"), "AMT-S"),
        (("--judge", "http://127.0.0.1:1"), "--judge-model"),
        (("--judge-model", "m"), "--judge URL"),
        (("--transcript", "none.jsonl", "--judge-model", "m"), "no transcript"),
    ],
)
def test_options_that_say_too_little_are_told_so(bench: Path, run: Run, more: tuple[str, ...], told: str) -> None:
    ran = run("score", "imgedit", bench / "basic.json", bench / "outputs", "--scorers", "noop", *more)
    assert ran.status == 2 and told in ran.err and len(ran.err.strip().splitlines()) == 1


def test_vbenchs_own_results_are_put_together(tmp_path: Path, run: Run) -> None:
    (tmp_path / "prompts.json").write_text(json.dumps([{"prompt_en": "a cat", "dimension": ["color"]}]))
    said = {"color": [0.5, [{"video_path": "out/a cat-0.mp4", "video_results": 0.5}]]}
    (tmp_path / "results.json").write_text(json.dumps(said))
    asked = ("score", "vbench", tmp_path / "prompts.json", tmp_path / "results.json")
    found = run(*asked)
    assert found.status == 0 and "vbench.color@" in found.out and "no result of subject_consistency" in found.out
    assert run(*asked, "-o", tmp_path / "run").status == 2
    assert run(*asked[:3], tmp_path).status == 2
