"""What may be known before a turn is asked, and how a session may begin and go on."""

from pathlib import Path

import pytest
import torch

from editing.sessions import KEEP, KNOWS_TURNS, WORDS, changing, photo, same
from editing.test_chain import ONE, left, rows_in, told
from refrain import Session
from refrain.editing.editor import Editor
from refrain.errors import BadInput, Unsupported


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return changing(tmp_path_factory.mktemp("model") / "tiny", **KNOWS_TURNS)


def test_where_predicts_the_masks_that_asking_predicts_and_asks_nothing(editor: Editor, tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", photo(), editor)
    before = (session.home / "turns.jsonl").read_bytes()
    found = session.where(WORDS, seed=3, **ONE)
    assert (session.home / "turns.jsonl").read_bytes() == before and session.here.id == 0
    assert found.here.shape == found.there.shape == (1, 1, *photo().size)
    turn = session.ask(WORDS, chain=True, seed=3, **ONE)
    again = session.where(WORDS, at=0, seed=3, **ONE)
    assert torch.equal(again.here, found.here) and torch.equal(again.there, found.there)
    kept = turn.masks
    assert set(kept) == {"here", "there"} and turn.record["asked"]["chain"]
    size = kept["here"].shape[-2:]
    shrunk = torch.nn.functional.interpolate(found.here, size, mode="bilinear", align_corners=False)
    assert (shrunk - kept["here"]).abs().mean() < 0.05
    given = session.where(WORDS, at=0, here=left(photo().size), seed=3, **ONE)
    assert not torch.equal(given.there, found.there), "how it will lie depends on where it is"
    with pytest.raises(BadInput, match="does not understand"):
        session.where("remove the hat")


@pytest.mark.slow
def test_a_dummy_turn_is_laid_before_the_first_one_and_kept(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, rows = Session.create(tmp_path / "s", photo(), editor, dummy=True), rows_in(editor, monkeypatch)
    first = session.ask(WORDS, **ONE)
    Session.open(session.home, editor).ask(KEEP, **ONE)
    assert told(rows[0]) == [("source", 0)] * 2 + [("answer", 1)] * 2 + [("target", 2)]
    assert rows[1].target.beat == 4
    source = next(s for s in rows[0] if s.kind == "source")
    answer = next(s for s in rows[0] if s.kind == "answer")
    assert torch.equal(source.content, answer.content)
    again = session.replay(tmp_path / "r")
    assert again.turn(0).record["dummy"] and same(again.turn(1).clip, first.clip)
    plain = Session.create(tmp_path / "p", photo(), editor)
    assert not plain.turn(0).record["dummy"] and not same(plain.ask(WORDS, **ONE).clip, first.clip)


def test_a_model_that_sees_one_turn_at_a_time_takes_no_dummy(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="begin without a dummy turn"):
        Session.create(tmp_path / "s", photo(), changing(tmp_path / "m"), dummy=True)
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_another_model_goes_on_with_what_was_seen_when_it_is_told_to(editor: Editor, tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", photo(), editor)
    session.ask(WORDS, chain=True, **ONE)
    other = changing(tmp_path / "other", **{**KNOWS_TURNS, "name": "other", "short_side": 32})
    with pytest.raises(BadInput, match="say anew"):
        Session.open(session.home, other)
    on = Session.open(session.home, other, anew=True)
    turn = on.ask(KEEP, **ONE)
    assert turn.weights == other.weights and turn.parent == 1
    assert min(turn.state().full.shape[-2:]) * 8 == 32, "at the other model's own size"
    again = on.ask(KEEP, at=1, **ONE)
    assert same(turn.clip, again.clip)
    with pytest.raises(BadInput, match="Turn 0"):
        Session.open(session.home, other)
    with pytest.raises(BadInput, match="Turn 2"):
        Session.open(session.home, editor)
