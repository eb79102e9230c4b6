"""`refrain evaluate effects`: an exam is sat, kept, gone on with, and not mixed with another."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run
from refrain.evaluation.effects import exam
from refrain.models.lora import LoraCard, attach, base_of, read, save
from refrain.models.wan.load import load_wan


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exam, "SIZES", ((64, 96),))
    monkeypatch.setattr(exam, "LENGTH", 5)


def sit(run: Run, model: Path, out: Path, *more: object):
    return run("evaluate", "effects", "--model", model, "--effect", "fog", "--each", 1, "-o", out, *more)


def test_an_exam_is_kept_and_gone_on_with(model: Path, out: Path, run: Run) -> None:
    kept = out / "run.jsonl"
    ran = sit(run, model, kept)
    assert ran.status == 0 and "1 cases, digest" in ran.out and "| fog | 1 |" in ran.out and "recognised" in ran.out
    line = json.loads(kept.read_text().strip())
    assert line["effect"] == "fog" and line["seed"] == 0 and len(line["weights"]) == 64
    again = sit(run, model, kept)
    assert again.out == ran.out and len(kept.read_text().splitlines()) == 1


def test_answers_of_another_seed_are_not_mixed(model: Path, out: Path, run: Run) -> None:
    sit(run, model, out / "run.jsonl")
    ran = sit(run, model, out / "run.jsonl", "--seed", 5)
    assert ran.status == 2 and "another seed" in ran.err


def test_the_short_exam_is_another_and_is_not_mixed_with_the_whole(
    model: Path, out: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exam, "SHORT_SIDE", 32)
    sit(run, model, out / "run.jsonl")
    ran = sit(run, model, out / "run.jsonl", "--short")
    assert ran.status == 2 and "length" in ran.err
    ran = sit(run, model, out / "short.jsonl", "--short")
    assert ran.status == 0 and json.loads((out / "short.jsonl").read_text())["short"]


def test_clips_of_ones_own_are_judged_by_recognition_alone(model: Path, clip: Path, run: Run) -> None:
    ran = run("evaluate", "effects", clip, "--model", model, "--effect", "fog")
    assert ran.status == 0 and "| fog | 1 |" in ran.out and "| – | – | – | – |" in ran.out


def test_true_targets_and_bare_sources_are_judged(run: Run) -> None:
    ran = run("evaluate", "effects", "--truth", "--effect", "fog", "--each", 1)
    assert ran.status == 0 and "true targets recognised: 1 of 1" in ran.out
    assert "bare sources recognised: 0 of 1" in ran.out


def test_an_effect_that_is_not_there(run: Run) -> None:
    ran = run("evaluate", "effects", "--effect", "snwo")
    assert ran.status == 2 and "snow" in ran.err


@pytest.fixture
def lora(model: Path, tmp_path: Path) -> Path:
    net: Any = load_wan(model).transformers[0]
    attach(net, 2, tokens="target")
    name, hash_ = base_of(model)
    save(tmp_path / "neon.safetensors", net, LoraCard(1, 1, triggers=("neon",), base=name, base_hash=hash_))
    return tmp_path / "neon.safetensors"


def test_a_lora_is_worn_and_its_words_are_understood(model: Path, out: Path, lora: Path, run: Run) -> None:
    kept = out / "run.jsonl"
    asked = ("evaluate", "effects", "--model", model, "--effect", "neon", "--each", 1)
    assert "(refused)" in run(*asked).out
    ran = run(*asked, "-o", kept, "--lora", f"{lora}:0.5")
    assert ran.status == 0 and "(refused)" not in ran.out
    assert json.loads(kept.read_text())["loras"] == [f"{read(lora).hash}:0.5"]
    ran = run(*asked, "-o", kept)
    assert ran.status == 2 and "other LoRAs" in ran.err


def test_questions_are_written_for_any_system(model: Path, clip: Path, out: Path, run: Run) -> None:
    folder, by = out / "exam", ("--scorers", "noop,psnr.target,effect.named,iou.matte", "--workers", 1)
    ran = run("evaluate", "effects", "--write", folder, "--effect", "fog", "--each", 1)
    assert ran.status == 0 and "1 cases, digest" in ran.out and (folder / "questions.jsonl").is_file()
    idle = run("score", "rendered", folder, folder / "source", *by)
    assert idle.status == 0 and "| noop/strict ↓ | 1.00" in idle.out and "| effect.named/strict ↑ | 0.00" in idle.out
    made = run("evaluate", "rendered", folder, "--model", model, "-o", out / "run", *by)
    assert made.status == 0 and "| iou.matte/strict ↑ | " in made.out, "answered here, it has a matte of its own"
    again = run("evaluate", "effects", "--write", folder, "--effect", "fog", "--each", 1)
    assert again.status == 2 and "not empty" in again.err
    ran = run("evaluate", "effects", clip, "--write", out / "other", "--effect", "fog")
    assert ran.status == 2 and "true answers of clips of your own" in ran.err
