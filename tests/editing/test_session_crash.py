"""Whatever happens to the program, the disk or the files, a session stands at a whole turn, and says what is wrong."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from editing.sessions import KEEP, WORDS, changing, photo, same
from refrain import Session
from refrain.editing.editor import Editor
from refrain.editing.session import log
from refrain.editing.session.lock import held
from refrain.errors import BadInput

DYING = """
import os, random, shutil, signal, sys, tempfile, time
from pathlib import Path
sys.path[:] = {path!r}
from editing.sessions import WORDS, changing, photo
from refrain import Session
import refrain.editing.session.turn as turn

root = Path({root!r})
clip = photo()
turn.read_clip = lambda folder, facts: clip  # no process of its own for decoding: what is tried here is writing
editor = changing(root / "model")
Session.create(root / "begun", clip, editor).ask(WORDS, steps=1)
WATCHED = {{"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree", "sync"}}
sync = os.fsync
os.fsync = lambda number: (sys.audit("sync", str(root)), sync(number))[1]

def watch(at):
    # dies before the at-th of what is watched
    left = [at]
    def hook(event, given):
        if at is not None and event in WATCHED and given and str(given[0]).startswith(str(root)):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def ask(home, at=None, turns=1):
    child = os.fork()
    if child:
        return child
    watch(at)
    session = Session.open(home, editor)
    for _ in range(turns):
        session.ask(WORDS, steps=1)
    os._exit(0)

def look(home, least, most):
    session = Session.open(home)
    assert least <= len(session.turns) <= most, len(session.turns)
    for each in session.turns:
        each.clip, each.state()  # their files are there, as their hashes say
    session.branch(session.turns[-1])  # writes, and sweeps
    folders = {{f"{{each.id:03d}}" for each in session.turns}}
    assert {{path.name for path in home.iterdir()}} == folders | {{"turns.jsonl", "lock"}}
    return len(session.turns)

def begin(home, at):
    child = os.fork()
    if child:
        return child
    watch(at)
    Session.create(home, clip, editor)
    os._exit(0)

for point in range(1000):
    parent = root / f"new{{point}}"
    parent.mkdir()
    home = parent / "s"
    _, status = os.waitpid(begin(home, point), 0)
    if not home.exists():  # there is no session, and so one can be begun
        for left in parent.iterdir():
            os.utime(left, (0, 0))  # it is not just being begun
        Session.create(home, clip, editor)
    assert {{path.name for path in parent.iterdir()}} == {{"s"}}, list(parent.iterdir())
    look(home, 1, 1)
    if not os.WIFSIGNALED(status):
        assert status == 0
        break
print("points", point)

found = []
for point in range(1000):
    home = Path(shutil.copytree(root / "begun", root / f"home{{point}}"))
    _, status = os.waitpid(ask(home, point), 0)
    found.append(look(home, 2, 3))
    if not os.WIFSIGNALED(status):
        assert status == 0
        break
assert found[0] == 2 and found[-1] == 3 and found == sorted(found), found
print("points", point)

draw, home = random.Random(1), Path(shutil.copytree(root / "begun", root / "timed"))
for _ in range(8):
    before = len(Session.open(home).turns)
    child = ask(home, turns=40)
    time.sleep(draw.uniform(0.05, 1.0))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    look(home, before, before + 40)
"""


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return changing(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def made(editor: Editor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with one turn."""
    session = Session.create(tmp_path_factory.mktemp("made") / "s", photo(), editor)
    session.ask(WORDS)
    return session.home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "s"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_instant_it_stands_at_a_whole_turn(tmp_path: Path) -> None:
    """At every opening, renaming, removing and bringing to the disk of a beginning, and of a turn; and at any time."""
    program = DYING.format(path=sys.path, root=str(tmp_path))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=3000, check=False)
    assert ran.returncode == 0, ran.stderr
    assert all(int(line.split()[1]) > 12 for line in ran.stdout.splitlines())


def test_what_a_killed_beginning_left_goes_and_what_others_begin_stays(tmp_path: Path, editor: Editor) -> None:
    names = {name: tmp_path / f".{name}.0123abcd.session.part" for name in ("dead", "living", "young", "old")}
    for folder in names.values():
        folder.mkdir()
    (names["dead"] / "lock").touch()
    (names["dead"] / "000").mkdir()
    os.utime(names["old"], (0, 0))
    foreign = tmp_path / ".mine.part"
    foreign.mkdir()
    with held(names["living"]):
        Session.create(tmp_path / "s", photo(), editor)
    assert {path.name for path in tmp_path.iterdir()} == {"s", ".mine.part", names["living"].name, names["young"].name}
    Session.create(tmp_path / "t", photo(), editor)
    assert not names["living"].exists() and names["young"].exists()


def test_a_torn_last_line_is_dropped_wherever_it_is_torn(home: Path) -> None:
    path = home / log.NAME
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole), 7):
        path.write_bytes(whole[:cut])
        assert len(Session.open(home).turns) == 1
    session = Session.open(home)
    with pytest.raises(BadInput, match="nothing to undo"):
        session.undo()
    session.branch(0)
    assert json.loads(path.read_bytes()[first:])["here"] == 0  # behind the last whole line
    assert not (home / "001").exists()  # its record was torn, so it never was


def test_two_do_not_write_at_once_and_a_dead_one_lets_go(home: Path) -> None:
    program = f"import sys, time; sys.path[:] = {sys.path!r}; from pathlib import Path; "
    program += "from refrain.editing.session.lock import held\n"
    program += f"with held(Path({str(home)!r})): print('held', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None and other.stdout.readline() == "held\n"
            session = Session.open(home)  # to look is free
            with pytest.raises(BadInput, match=f"is being written by process {other.pid}; wait"):
                session.undo()
        finally:
            other.kill()
    assert session.undo().id == 0


def test_a_folder_that_is_gone_is_said_to_be(home: Path) -> None:
    session = Session.open(home)
    shutil.rmtree(home)
    with pytest.raises(BadInput, match="The session .* is gone; put its folder back"):
        session.undo()
    assert not home.exists()


@pytest.mark.parametrize("after", [0, 3, 4])
def test_a_full_disk_is_one_sentence_and_the_last_turn_stands(
    home: Path, editor: Editor, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Nothing can be brought to the disk any more: neither latents, nor the folder, nor the record."""
    sync, calls = os.fsync, [0]

    def full(number: int) -> None:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(number)

    session = Session.open(home, editor)
    before = (home / log.NAME).read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="Turn 2 could not be kept .No space left.*stays at turn 1.*make room"):
        session.ask(KEEP)
    assert (home / log.NAME).read_bytes() == before
    assert {path.name for path in home.iterdir()} == {"000", "001", "turns.jsonl", "lock"}
    monkeypatch.undo()
    assert session.undo().id == 0


def test_a_file_that_is_gone_or_changed_is_named(home: Path, editor: Editor) -> None:
    session = Session.open(home, editor)
    latents = home / "001" / "latents.safetensors"
    content = bytearray(latents.read_bytes())
    content[-1] ^= 1
    latents.write_bytes(content)
    with pytest.raises(BadInput, match=r"001.latents.safetensors is not what it was"):
        session.ask(KEEP)
    (home / "001" / "clip.png").unlink()
    with pytest.raises(BadInput, match=r"001.clip.png is gone; put it back"):
        session.here.clip  # noqa: B018
    again = session.ask(KEEP, at=0)  # which does not need them
    assert again.id == 2 and not same(again.clip, session.turn(0).clip)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"session": 2}', "newer Refrain"),
        ("[1]", "Line 1 .* is no record"),
        ('{"x": 1}', "does not begin as a session does"),
        ('{"session": 1}', "Line 1 .* does not fit"),
        ("FIRST\n{", "Line 2 .* is no record"),
        ('FIRST\n{"here": 5}', "Line 2 .* does not fit"),
        ('FIRST\n{"turn": 3, "parent": 0, "clip": {}, "files": {}}', "Line 2 .* does not fit"),
        ('FIRST\n{"turn": 1, "parent": 1, "clip": {}, "files": {}}', "Line 2 .* does not fit"),
    ],
)
def test_a_strange_log_is_refused_by_its_line(home: Path, line: str, said: str) -> None:
    path = home / log.NAME
    first = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(line.replace("FIRST", first) + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        Session.open(home)
