"""Help is quick and complete: every verb tells what it does, with examples, and nothing heavy is imported for it."""

import subprocess
import sys

import pytest

from cli.conftest import Run
from refrain import __version__
from refrain.cli.main import app

HEAVY = {"torch", "diffusers", "transformers", "av", "cv2", "numpy"}
VERBS = [
    *("edit", "models", "doctor", "sample", "sheet", "calibrate"),
    *("picture rule", "picture plan", "picture attention", "bench memory", "bench edit", "bench attention"),
    "bench session",
    *("effects list", "effects render", "effects gallery", "evaluate effects", "evaluate BENCH", "evaluate sessions"),
    *("data pairs", "data check", "data import", "data export", "data show", "data sessions"),
    *("session new", "session ask", "session undo", "session redo", "session branch"),
    *("session show", "session export", "session replay", "session where"),
    *("serve", "train", "score", "compare", "report"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_examples(verb: str, run: Run) -> None:
    ran = run(*verb.split(), "--help")
    assert ran.status == 0 and "Examples:" in ran.out and f"refrain {verb}" in ran.out and not ran.err


def test_all_verbs_are_listed(run: Run) -> None:
    ran = run("--help")
    assert ran.status == 0
    assert {verb.split()[0] for verb in VERBS} <= set(ran.out.split())
    named = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    assert named == {verb.split()[0] for verb in VERBS}


def test_no_arguments_give_help_and_a_wrong_option_says_which(run: Run) -> None:
    assert "Usage" in "".join((run().out, run().err))
    ran = run("edit", "a.mp4", "snow", "-o", "b.mp4", "--stepz", 3)
    assert ran.status == 2 and "--stepz" in ran.err and "Traceback" not in ran.err


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"refrain {__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    program = f"import sys; sys.path[:] = {sys.path!r}; from refrain.cli.main import main; main(['edit', '--help']); "
    program += "print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(ran.stdout.splitlines()[-1].split())
