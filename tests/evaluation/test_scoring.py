"""Scores are kept by content: nothing is scored twice, and whatever changed is scored again."""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from refrain.errors import BadInput
from refrain.evaluation import run as evaluated
from refrain.evaluation import spread
from refrain.evaluation.benchmarks import imgedit, ivebench
from refrain.evaluation.record import SCORES, Run, cause, entered
from refrain.evaluation.run import Result
from refrain.evaluation.scorers import SCORERS, chosen
from refrain.evaluation.scorers.scorer import Material, Scorer
from refrain.evaluation.scoring import missing, score_run
from refrain.evaluation.told.tables import comparison_table, summary_table

Seen = list[str]


def scorer(name: str, seen: Seen) -> Scorer:
    """The mean level of an answer; says what it measured."""

    def measure(m: Material) -> float:
        assert m.case is not None
        seen.append(f"{name} {m.case.id}")
        return float(m.answer.mean())

    return Scorer(f"{name}/strict", "mean level", "high", "edit", measure)


def frame(folder: Path, level: int) -> None:
    """A clip of one grey frame, as IVE-Bench lays clips out; nothing needs to be decoded in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "00000.png"), np.full((16, 16, 3), level, np.uint8))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Five edits of five clips, four of which were answered."""
    said = [{"src_video_name": f"{n}", "category": "style", "edit_prompt": "x", "target_prompt": "y"} for n in range(5)]
    (tmp_path / "list.json").write_text(json.dumps(said))
    for n in range(5):
        frame(tmp_path / f"{n}", 100)
    for n in range(4):
        frame(tmp_path / "out" / f"{n}", 100 + n)
    return tmp_path / "list.json"


def scored(folder: Path, file: Path, by: Sequence[Scorer], outputs: str = "out", workers: int = 1) -> list[Result]:
    cases = ivebench.read(file)
    why = cause(ivebench.BENCHMARK, file, cases, "strict", outputs, str(file.parent / outputs))
    with entered(folder, why, cases, None) as run:
        return score_run(run, by, lambda *_: None, workers)


def test_nothing_is_scored_twice(tmp_path: Path, file: Path) -> None:
    seen: Seen = []
    first = scored(tmp_path / "run", file, [scorer("a", seen)])
    assert seen == ["a 0", "a 1", "a 2", "a 3"] and first[4].score.reason == "the answer 4 is not there"
    again = scored(tmp_path / "run", file, [scorer("a", seen)])
    assert len(seen) == 4 and str(again) == str(first)  # NaN is not equal to itself
    scored(tmp_path / "run", file, [scorer("b", seen), scorer("a", seen)])
    assert seen[4:] == ["b 0", "b 1", "b 2", "b 3"]


def test_what_has_changed_is_scored_again(tmp_path: Path, file: Path) -> None:
    seen: Seen = []
    scored(tmp_path / "run", file, [scorer("a", seen), scorer("b", seen)])
    seen.clear()
    frame(tmp_path / "out" / "1", 250)
    frame(tmp_path / "out" / "4", 250)
    frame(tmp_path / "2", 70)
    shutil.rmtree(tmp_path / "out" / "3")
    found = scored(tmp_path / "run", file, [scorer("a", seen)])
    assert seen == ["a 1", "a 2", "a 4"]
    assert found[1].score.value == 250 and math.isnan(found[3].score.value)
    run = Run.open(tmp_path / "run")
    (old,) = [one.score for one in run.results if (one.case, one.score.scorer) == ("1", "b/strict")]
    assert math.isnan(old.value) and "not scored yet" in str(old.reason), "b saw another answer"
    assert list(missing(run)) == ["3"]


def test_what_a_stopped_run_did_not_come_to_is_counted_as_unscored(tmp_path: Path, file: Path) -> None:
    scored(tmp_path / "run", file, [scorer("a", [])])
    kept = tmp_path / "run" / SCORES
    kept.write_text("".join(kept.read_text().splitlines(keepends=True)[:2]))
    found = Run.open(tmp_path / "run").results
    assert [one.case for one in found] == list("01234") and [one.score.value for one in found[:2]] == [100, 101]
    assert {one.score.reason for one in found[2:]} == {"not scored yet; go on with the run"}
    assert evaluated.summary(found, "a/strict")["all"].unscored == 3


def test_a_source_is_decoded_once_for_the_cases_that_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {f"{n}": {"id": f"{n % 2}", "prompt": "x", "edit_type": "add"} for n in range(4)}
    (tmp_path / "basic.json").write_text(json.dumps(said))
    for n in range(4):
        frame(tmp_path / f"{n % 2}", 100)
        frame(tmp_path / "out" / f"{n}.png", 90 + n)
    opened, read = list[str](), evaluated.read_clip
    monkeypatch.setattr(evaluated, "read_clip", lambda path: opened.append(path.name) or read(path))
    cases = imgedit.read(tmp_path / "basic.json")
    why = cause(imgedit.BENCHMARK, tmp_path / "basic.json", cases, "strict", "out", str(tmp_path / "out"))
    with entered(tmp_path / "run", why, cases, None) as run:
        found = score_run(run, [scorer("a", [])], lambda *_: None)
    assert opened == ["0", "0.png", "2.png", "1", "1.png", "3.png"]
    assert [one.score.value for one in found] == [90, 91, 92, 93], "in the order of the cases all the same"


@pytest.mark.slow  # two processes begin
def test_several_processes_say_what_one_says(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "LEAST", 1)
    by = [*chosen.chosen(["noop", "psnr.source"], "strict"), scorer("a", [])]
    alone = scored(tmp_path / "one", file, by)
    several = scored(tmp_path / "two", file, by, workers=2)
    assert str(several) == str(alone) and len(several) == 15
    lines = [sorted((tmp_path / name / SCORES).read_text().splitlines()) for name in ("one", "two")]
    assert lines[0] == lines[1]


def test_scores_survive_a_torn_line_and_no_other_damage(tmp_path: Path, file: Path) -> None:
    seen: Seen = []
    scored(tmp_path / "run", file, [scorer("a", seen)])
    kept = tmp_path / "run" / SCORES
    whole = kept.read_text()
    kept.write_text(whole[:-20])
    scored(tmp_path / "run", file, [scorer("a", seen)])
    assert kept.read_text() == whole and len(seen) == 4, "the torn line was of the answer that is not there"
    kept.write_text(whole.replace("{", "", 1))
    with pytest.raises(BadInput, match="Line 1 of .*scores.jsonl"):
        scored(tmp_path / "run", file, [scorer("a", seen)])


def test_runs_are_compared_on_the_same_cases_and_protocol_only(tmp_path: Path, file: Path) -> None:
    for n in range(4):
        frame(tmp_path / "brighter" / f"{n}", 120 + 2 * n)
    by = [scorer("a", [])]
    scored(tmp_path / "one", file, by)
    scored(tmp_path / "two", file, by, "brighter")
    one, two = (Run.open(tmp_path / name) for name in ("one", "two"))
    told = comparison_table([two, one])
    assert "brighter − out: a/strict" in told and "n 4, 1 unscored" in told and "Holm" in told
    with pytest.raises(BadInput, match="two runs or more"):
        comparison_table([one])
    file.write_text(file.read_text().replace('"x"', '"y"'))
    scored(tmp_path / "three", file, by)
    with pytest.raises(BadInput, match="different cases"):
        comparison_table([one, Run.open(tmp_path / "three")])
    one.record["protocol"] = "ivebench/compat"
    with pytest.raises(BadInput, match="of ivebench/compat, .* of ivebench/strict"):
        comparison_table([one, two])


def test_a_table_says_why_a_scorer_has_no_score(tmp_path: Path, file: Path) -> None:
    results = scored(tmp_path / "run", file, [scorer("a", []), *chosen.chosen(["psnr.target"], "strict")])
    told = summary_table(Run.open(tmp_path / "run"), results)
    assert "| a/strict | " in told and "1 unscored" in told and "ivebench/strict" in told
    assert "- psnr.target/strict: the case has no target" in told


def test_scorers_are_asked_for_by_name_or_protocol() -> None:
    strict, compat = (chosen.chosen(["free"], protocol) for protocol in ("strict", "compat"))
    assert len(strict) < len(SCORERS) and not any(one.id.endswith("/compat") for one in strict)
    assert {one.id for one in compat} >= {"psnr.background/compat", "psnr.source/strict", "flicker.vbench/compat"}
    assert "psnr.background/strict" not in {one.id for one in compat}
    assert [one.id for one in chosen.chosen(["psnr.background/compat", "noop"], "strict")] == [
        "psnr.background/compat",
        "noop/strict",
    ]
    with pytest.raises(BadInput, match="psnr.sauce is no scorer; there are free, drift"):
        chosen.chosen(["psnr.sauce"], "strict")
