"""Stopped while it writes, the command says so in one sentence and leaves nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.conftest import Run
from refrain.media import Clip

PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
sys.path[:] = {path!r}
import refrain.media.encode as encode, time
whole = encode.frame_of
def slow(*arguments):
    time.sleep(0.1)  # a clip of 13 frames takes more than a second to write
    return whole(*arguments)
encode.frame_of = slow
from refrain.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way on Windows")
@pytest.mark.parametrize(
    ("number", "status", "words"), [(signal.SIGINT, 130, "Stopped."), (signal.SIGTERM, 143, "Ended.")]
)
def test_a_signal_in_the_middle_of_writing(
    clip: Path, model: Path, out: Path, number: signal.Signals, status: int, words: str
) -> None:
    arguments = ["edit", str(clip), "make it snow", "-o", str(out / "a.mp4"), "--model", str(model)]
    command = [sys.executable, "-c", PROGRAM.format(path=sys.path), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 120
        while not list(out.iterdir()) and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert child.poll() is None, child.communicate()
        assert not (out / "a.mp4").exists(), "it was written before it could be stopped"
        child.send_signal(number)
        said, told = child.communicate(timeout=60)
    assert child.returncode == status, told
    assert (said, told) == ("", f"refrain: {words}\n")
    assert not list(out.iterdir())


def test_an_older_answer_stays_when_the_new_one_is_stopped(
    clip: Path, model: Path, out: Path, run: Run, monkeypatch
) -> None:
    run("edit", clip, "make it snow", "-o", out / "a.mp4", "--model", model)
    before = {path: path.read_bytes() for path in out.iterdir()}

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("refrain.media.encode.frame_of", stopped)
    ran = run("edit", clip, "heavy fog", "-o", out / "a.mp4", "--model", model)
    assert (ran.status, ran.err) == (130, "refrain: Stopped.\n")
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert len(Clip.read(out / "a.mp4")) == len(Clip.read(clip))
