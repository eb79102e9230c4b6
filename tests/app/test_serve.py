"""`refrain serve`: what it refuses before anything is served, and what it says."""

import sys
from pathlib import Path

import pytest

from cli.conftest import Run, model, run

__all__ = ["model", "run"]  # fixtures of the verbs


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--host", "192.168.7.7"), "--auth"),
        (("--share",), "--auth"),
        (("--auth", "anna"), "--auth"),
        (("--keep", "soon"), "7d"),
        (("--port", "70000"), "--port"),
        (("--limit-mb", "0"), "--limit-mb"),
        (("--model", "no/such/folder"), "no model folder"),
    ],
)
def test_what_would_leave_the_door_open_or_cannot_be_is_refused(
    options: tuple[str, ...], told: str, run: Run, tmp_path: Path
) -> None:
    pytest.importorskip("gradio", reason='no Gradio here (pip install "refrain-edit[app]")')
    ran = run("serve", tmp_path / "root", *options)
    assert ran.status == 2 and told in ran.err and len(ran.err.splitlines()) == 1
    assert not (tmp_path / "root").exists()


def test_without_gradio_it_says_what_to_install(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    ran = run("serve", tmp_path / "root")
    assert ran.status == 2 and 'pip install "refrain-edit[app]"' in ran.err and len(ran.err.splitlines()) == 1
