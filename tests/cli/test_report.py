"""`refrain report`: runs become one page, or nothing is written."""

import json
from math import nan
from pathlib import Path

import pytest
import torch

from cli.conftest import Run as Command
from refrain.evaluation.benchmarks import imgedit
from refrain.evaluation.record import cause, entered
from refrain.evaluation.run import Result
from refrain.evaluation.scorers.scorer import Score
from refrain.media import Clip

PSNR, LOST = "psnr.background/strict", "the answer 2.png is not there"


def began(folder: Path, name: str, values: tuple[float, ...] = (20.0, 30.0, nan), kinds: str = "add") -> Path:
    """A run of three pictures, the last of which has no answer."""
    file = folder / f"{kinds}.json"
    said = {f"{n}": {"id": f"{n}.png", "prompt": f"add <b>{n}</b>", "edit_type": kinds} for n in range(3)}
    file.write_text(json.dumps(said))
    for n in range(3):
        Clip.of(torch.full((1, 3, 32, 48), 0.1 * n), 25).write(folder / f"{n}.png")
    cases = imgedit.read(file)
    home = folder / f"run {name}"
    with entered(home, cause(imgedit.BENCHMARK, file, cases, "strict", name), cases, None) as run:
        for case, value in zip(cases, values):
            place = run.answer_path(case, 1)
            place.parent.mkdir(exist_ok=True)
            if value == value:
                Clip.of(torch.full((1, 3, 32, 48), 0.5), 25).write(place)
            reason = None if value == value else LOST
            run.keep([Result(case.id, 1, case.category, case.parent, Score(PSNR, value, reason))], ["key"], "hash")
    return home


def test_runs_become_one_page(tmp_path: Path, out: Path, run: Command) -> None:
    homes = [began(tmp_path, name) for name in ("ours", "theirs")]
    ran = run("report", *homes, "-o", out / "page.html", "--cases", 1)
    assert ran.status == 0 and "page.html" in ran.err and not ran.out
    content = (out / "page.html").read_text("utf-8")
    assert content.count("data:image/webp") == 2 and LOST in content and "add &lt;b&gt;1&lt;/b&gt;" in content
    assert "../../run%20ours/run.json" in content or "../run%20ours/run.json" in content
    assert [path.name for path in out.iterdir()] == ["page.html"]


def test_two_runs_of_one_name_are_told_apart(tmp_path: Path, out: Path, run: Command) -> None:
    home = began(tmp_path, "ours")
    ran = run("report", home, home, "-o", out / "page.md", "-q")
    content = (out / "page.md").read_text("utf-8")
    assert ran.status == 0 and "ours (2)" in content and LOST in content and "25" in content and not ran.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("-o", "page.pdf"), "ends in .html or .md"),
        (("--cases", "-1"), "--cases must be 0 or more"),
        (("--budget", "0"), "--budget must be above 0"),
        (("--budget", "0.001"), "give a --budget above"),
        (("--scorer", "fvd"), f"there are {PSNR}"),
        (("-o", "nowhere/page.html"), "does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch, more: tuple[str, str], said: str
) -> None:
    home = began(tmp_path, "ours")
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    ran = run("report", home, *more)
    assert ran.status == 2 and said in ran.err and len(ran.err.splitlines()) == 1
    assert set(tmp_path.iterdir()) == before


def test_runs_of_two_benchmarks_or_protocols_are_no_page(tmp_path: Path, run: Command) -> None:
    home = began(tmp_path, "ours")
    other = began(tmp_path, "theirs")
    record = json.loads((other / "run.json").read_text())
    record["benchmark"] |= {"id": "gedit", "title": "GEdit-Bench"}
    (other / "run.json").write_text(json.dumps(record))
    ran = run("report", home, other, "-o", tmp_path / "page.html")
    assert ran.status == 2 and "GEdit-Bench" in ran.err and not (tmp_path / "page.html").exists()
    record["benchmark"]["id"], record["protocol"] = "imgedit", "imgedit/compat"
    (other / "run.json").write_text(json.dumps(record))
    ran = run("report", home, other, "-o", tmp_path / "page.html")
    assert ran.status == 2 and "make two pages" in ran.err
    ran = run("report", tmp_path, "-o", tmp_path / "page.html")
    assert ran.status == 2 and "holds no run" in ran.err
