"""The recipe of sessions at Wan's size runs: two steps on a tiny Wan, and what it makes answers turns."""

from pathlib import Path

import pytest

from cli.conftest import Run, run  # noqa: F401
from editing.sessions import photo
from guarantees.house import ROOT
from refrain import Session
from refrain.data.sessions.build import Asked, build
from refrain.editing.editor import Editor
from refrain.training.journal import read
from tiny import save_tiny


@pytest.mark.slow
def test_sessions_are_learnt_and_then_asked(tmp_path: Path, run: Run) -> None:  # noqa: F811
    build(Asked(count=2, turns=2, size=(32, 32), seed=18), tmp_path / "set", lambda done, of: None)
    wan = save_tiny(tmp_path / "wan")
    more = ("--data", tmp_path / "set", "--model", wan, "--steps", 2, "--set", "pixels=1024")
    ran = run("train", ROOT / "recipes" / "wan_sessions.py", tmp_path / "run", *more)
    assert ran.status == 0, ran.err
    journal = read(tmp_path / "run")
    assert len(journal) == 2 and journal[-1].validation["loss"] > 0
    editor = Editor.from_pretrained(tmp_path / "run" / "model")
    card = editor.card
    assert (card.rule, card.turns, card.clean_embedding) == ("block_causal", "text_then_image", True)
    session = Session.create(tmp_path / "s", photo(), editor, short_side=32)
    session.ask("make it snow", steps=1)
    turn = session.ask("make it rain", steps=1, chain=True)
    assert turn.id == 2 and set(turn.masks) == {"here", "there"}
