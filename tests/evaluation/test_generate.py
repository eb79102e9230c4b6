"""An editor answers a benchmark: what it refuses has its reason, and a run that was killed goes on where it was."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluation.conftest import answered, cause_of, picture
from refrain.editing.editor import Editor
from refrain.errors import BadInput
from refrain.evaluation.case import Case
from refrain.evaluation.frames import read_matte
from refrain.evaluation.generate import SESSIONS
from refrain.evaluation.record import Run, entered
from refrain.media import Clip

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:] = {path!r}
from evaluation.conftest import cause_of
from refrain.editing.editor import Editor
from refrain.evaluation.generate import Manner, generate
from refrain.evaluation.record import entered
editor, file = Editor.from_pretrained({model!r}), Path({file!r})
cases, why = cause_of(editor, file)
def listen(number, case, turn):
    def hear(progress):
        if (number, turn, progress.stage) == {last!r}:
            os.kill(os.getpid(), signal.SIGKILL)
    return hear
with entered(Path({folder!r}), why, cases, False) as run:
    for _ in generate(run, editor, Manner(), listen):
        pass
"""


def test_what_cannot_be_answered_has_its_reason_and_stops_nothing(tmp_path: Path, editor: Editor, basic: Path) -> None:
    answered(tmp_path / "run", editor, basic)
    run = Run.open(tmp_path / "run")
    found = {case: (one.hash is not None, one.reason) for (case, _), one in run.answers.items()}
    assert found["0"] == (True, None) and found["1"] == (True, None)
    assert not found["2"][0] and "does not understand" in str(found["2"][1])
    assert found["3"] == (False, "the source absent.png is not there")
    assert sorted(p.name for p in run.outputs.iterdir()) == ["0.png", "1.png"]
    assert sorted(p.name for p in run.mattes.iterdir()) == ["0.png", "1.png"], "what it changed is kept with an answer"
    matte = read_matte(run.matte_path(run.cases[0], 1), (64, 64))
    assert matte.shape == (1, 64, 64) and 0 <= matte.min() <= matte.max() <= 1
    assert len(Clip.read(run.outputs / "0.png")) == 1


@pytest.mark.slow
def test_only_what_is_lacking_is_answered_again(tmp_path: Path, editor: Editor, basic: Path) -> None:
    first = {a.case: a.hash for a in answered(tmp_path / "run", editor, basic)}
    assert not answered(tmp_path / "run", editor, basic, resume=True)
    (tmp_path / "run" / "answers" / "1.png").unlink()
    picture(tmp_path / "absent.png", 0.1)
    again = answered(tmp_path / "run", editor, basic, resume=True)
    assert [a.case for a in again] == ["1", "3"] and again[0].hash == first["1"] and again[1].reason is None
    picture(tmp_path / "0.png", 0.9)
    assert [a.case for a in answered(tmp_path / "run", editor, basic, resume=True)] == ["0"]


@pytest.mark.slow
def test_turns_follow_each_other_until_one_is_refused(tmp_path: Path, editor: Editor, sessions: Path) -> None:
    found = answered(tmp_path / "run", editor, sessions)
    assert [a.reason is None for a in found] == [True] * 5 + [True, True, False, False, False]
    assert "does not understand" in str(found[7].reason) and found[8].reason == "turn 3 has no answer"
    assert found[0].hash == found[5].hash and found[1].hash == found[6].hash, "the same words on the same picture"
    assert len({a.hash for a in found[:5]}) == 5, "each turn edits the one before it"
    assert not list((tmp_path / "run" / SESSIONS).iterdir())
    assert (tmp_path / "run" / "answers" / "0_turn4_rep0_seed0.png").is_file()
    assert (tmp_path / "run" / "mattes" / "0_turn4_rep0_seed0.png" / "00000.png").is_file()
    assert len(list((tmp_path / "run" / "mattes").iterdir())) == 7


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("last", [(0, 3, "denoise"), (1, 1, "compose")])
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, editor: Editor, model: Path, sessions: Path, last: tuple[int, int, str]
) -> None:
    program = KILLED.format(
        path=sys.path, model=str(model), file=str(sessions), folder=str(tmp_path / "run"), last=last
    )
    ran = subprocess.run([sys.executable, "-c", program], check=False)
    assert ran.returncode == -signal.SIGKILL
    behind = len(Run.open(tmp_path / "run").answers)
    assert behind == 5 * last[0] + last[1] - 1
    rest = answered(tmp_path / "run", editor, sessions, resume=True)
    assert len(rest) == 10 - 5 * last[0], "the case that was under way is told anew"
    answered(tmp_path / "other", editor, sessions)
    for path in (tmp_path / "other" / "answers").iterdir():
        assert path.read_bytes() == (tmp_path / "run" / "answers" / path.name).read_bytes()


def test_a_run_of_other_weights_words_or_arguments_is_not_gone_on_with(
    tmp_path: Path, editor: Editor, basic: Path
) -> None:
    home = tmp_path / "run"
    cases, why = cause_of(editor, basic)

    def resumed(change: dict[str, object], asked: Sequence[Case] = cases) -> str:
        with pytest.raises(BadInput) as refused, entered(home, {**why, **change}, asked, True):
            pass
        return str(refused.value)

    with entered(home, why, cases, False):
        pass
    assert "weights of" in resumed({"made": {**why["made"], "weights": "f" * 64}})
    assert "seed 0, not 1" in resumed({"arguments": {**why["arguments"], "seed": 1}})
    assert "protocol imgedit/strict, not imgedit/compat" in resumed({"protocol": "imgedit/compat"})
    assert "another kind" in resumed({"made": None})
    fewer, less = cause_of(editor, basic, limit=2)
    assert "other cases" in resumed(less, fewer)
    basic.write_text(basic.read_text().replace("heavy fog", "light fog"))
    changed, other = cause_of(editor, basic)
    assert "other cases" in resumed(other, changed)
    with pytest.raises(BadInput, match="say --resume"), entered(home, why, cases, False):
        pass
    with pytest.raises(BadInput, match="no run to go on with"), entered(tmp_path / "new", why, cases, True):
        pass
    with pytest.raises(BadInput, match="not empty"), entered(tmp_path, why, cases, False):
        pass


def test_one_run_at_a_time_writes_to_a_folder(tmp_path: Path, editor: Editor, basic: Path) -> None:
    cases, why = cause_of(editor, basic)
    busy = pytest.raises(BadInput, match=f"The run .* is being written by process {os.getpid()}")
    with entered(tmp_path / "run", why, cases, False), busy:
        answered(tmp_path / "run", editor, basic, resume=True)
    assert len(answered(tmp_path / "run", editor, basic, resume=True)) == 4


def test_a_benchmark_that_moved_is_the_same_one(tmp_path: Path, editor: Editor, basic: Path) -> None:
    answered(tmp_path / "run", editor, basic)
    elsewhere = tmp_path / "moved"
    elsewhere.mkdir()
    for path in (basic, *tmp_path.glob("*.png")):
        shutil.move(path, elsewhere / path.name)
    assert not answered(tmp_path / "run", editor, elsewhere / basic.name, resume=True)
    assert Run.open(tmp_path / "run").cases[0].source == elsewhere / "0.png"
