"""`refrain compare`: how far two judges agree, and which of two systems one prefers, whatever the order."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cli.conftest import Run
from evaluation.fake_judge import code, judges, pictures, says, serving

CASES = 6


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Six edits of six grey pictures; answers of two systems, of which the bright one lacks the last."""
    rows = {f"{n}": {"id": f"{n}.png", "prompt": "brighter", "edit_type": "add"} for n in range(CASES)}
    (tmp_path / "basic.json").write_text(json.dumps(rows))
    for system, level in (("", 60), ("dark", 30), ("bright", 120)):
        (tmp_path / system).mkdir(exist_ok=True)
        for n in range(CASES - (system == "bright")):
            cv2.imwrite(str(tmp_path / system / f"{n}.png"), np.full((24, 32, 3), level + 20 * n, np.uint8))
    return tmp_path / "basic.json"


def scored(file: Path, run: Run, system: str, *more: object) -> Path:
    home = file.parent / f"run-{system}"
    ran = run("score", "imgedit", file, file.parent / system, "-o", home, "--scorers", "psnr.source", *more)
    assert ran.status == 0, ran.err
    return home


def prefers(taste: str) -> Any:
    """A judge who likes the brighter answer, or whichever is shown first."""

    def act(request: dict[str, Any]) -> Any:
        a, b = (float(p.mean()) for p in pictures(request)[1:])
        better = 1 if taste == "first" or a > b else 2
        return says(json.dumps({"code": code(request), "reason": "seen", "better": better}))

    return act


@pytest.mark.slow
def test_a_judge_says_which_system_it_prefers_in_both_orders(file: Path, run: Run) -> None:
    homes = [scored(file, run, system) for system in ("bright", "dark")]
    asked = ("compare", *homes, "--judge-model", "m", "--transcript", file.parent / "pairs.jsonl")
    with serving(prefers("brighter")) as fake:
        ran = run(*asked, "--judge", fake.url)
        assert len(fake.requests) == 2 * (CASES - 1), "every case that both have, in both orders"
    assert ran.status == 0 and "| bright, dark | 5 | 0 | 0 | 0 | 1.000 (" in ran.out, ran.err + ran.out
    assert "bright − dark: psnr.source/strict" in ran.out and "pair/ours-1, judge m;" in ran.out
    assert "- 1 not judged: the answer 5.png is not there" in ran.out
    assert run(*asked).out == ran.out, "a replay says the same"
    turned = run("compare", homes[1], homes[0], *asked[3:])
    assert "| dark, bright | 0 | 5 | 0 | 0 | -1.000 (" in turned.out, (
        "asked in both orders, it is asked the other way too"
    )


@pytest.mark.slow
def test_a_judge_who_goes_by_the_order_prefers_nobody(file: Path, run: Run) -> None:
    homes = [scored(file, run, system) for system in ("bright", "dark")]
    with serving(prefers("first")) as fake:
        ran = run("compare", *homes, "--judge", fake.url, "--judge-model", "m")
    assert "| bright, dark | 0 | 0 | 5 | 5 | 0.000 (" in ran.out


@pytest.mark.slow
def test_two_judges_of_a_run_are_held_against_each_other(file: Path, run: Run) -> None:
    def kind(least: int) -> Any:
        def act(request: dict[str, Any]) -> Any:
            level = int(pictures(request)[0].mean()) // 20 - 2  # 1 to 6 over the six sources
            return judges(compliance=max(least, min(5, level)), quality=4, preservation=4)(request)

        return act

    for name, least in (("one", 1), ("two", 2)):
        with serving(kind(least)) as fake:
            home = scored(file, run, "dark", "--judge", fake.url, "--judge-model", name)
    ran = run("compare", home)
    assert ran.status == 0, ran.err
    row = next(line for line in ran.out.splitlines() if line.startswith("| dark, imgedit.compliance | one, two | 6 |"))
    assert "| 0.83 |" in row and " to " in row, "they differ in one of six, and kappa has its interval"
    assert "| dark, imgedit.quality | one, two | 6 | 1.00 | – | – | – |" in ran.out, (
        "where nothing varies, nothing is told"
    )


def test_one_run_of_one_judge_is_nothing_to_compare(file: Path, run: Run) -> None:
    ran = run("compare", scored(file, run, "dark"))
    assert ran.status == 2 and "two runs or more" in ran.err
    ran = run("compare", scored(file, run, "dark"), "--judge-model", "m")
    assert ran.status == 2 and "--judge URL" in ran.err
