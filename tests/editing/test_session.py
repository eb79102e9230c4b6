"""A session: what is asked, taken back and asked again, and what a folder brings back."""

import json
from pathlib import Path

import pytest
import torch

from editing.sessions import KEEP, WORDS, changing, moving, photo, same
from refrain import Session
from refrain.editing.editor import Editor
from refrain.editing.request import Edit
from refrain.errors import BadInput, Unsupported
from refrain.media import Clip


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return changing(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def still(editor: Editor, tmp_path: Path) -> Session:
    return Session.create(tmp_path / "s", photo(), editor)


@pytest.mark.parametrize("source", [moving(), photo()], ids=["clip", "picture"])
def test_the_first_turn_is_an_ordinary_edit_and_all_comes_back_from_the_disk(
    source: Clip, editor: Editor, tmp_path: Path
) -> None:
    session = Session.create(tmp_path / "s", source, editor)
    turn = session.ask(WORDS, seed=3, steps=1, guidance=1.5)
    assert (turn.id, turn.parent, turn.words) == (1, 0, WORDS) and session.here is turn
    expected = editor.edit(Edit(WORDS, source, seed=3, steps=1, guidance=1.5))
    opened = Session.open(tmp_path / "s", editor)
    assert same(opened.turn(0).clip, source)
    assert same(opened.here.clip, expected.clip) and not same(opened.here.clip, source)
    assert opened.here.id == 1 and opened.show() == session.show()
    made = opened.here.record["made"]
    assert made["seed"] == 3 and made["sampling"]["steps"] == 1 and made["weights"] == editor.weights
    assert made["versions"]["torch"] and set(made["seconds"]) >= {"denoise", "compose"}


def test_the_next_turn_edits_the_latents_of_the_one_before(editor: Editor, tmp_path: Path, monkeypatch) -> None:
    """Nothing is encoded after the source but what the model attends to coarsely."""
    session = Session.create(tmp_path / "s", moving(), editor)
    first = session.ask(WORDS)
    given: list[torch.Tensor] = []
    import refrain.editing.edit as edit

    denoise = edit.denoise
    monkeypatch.setattr(edit, "denoise", lambda d, seen, *rest: (given.append(seen.full), denoise(d, seen, *rest))[1])
    monkeypatch.setattr(edit, "see", None)
    second = Session.open(tmp_path / "s", editor).ask(KEEP)
    assert torch.equal(given[0], first.state().full)
    assert second.parent == 1 and not torch.equal(second.state().full, first.state().full)


def test_within_a_bound_latents_change_and_outside_they_are_the_ones_before_to_the_bit(
    editor: Editor, tmp_path: Path
) -> None:
    source = moving(5, (64, 128))
    session = Session.create(tmp_path / "s", source, editor)
    bound = torch.zeros(1, 1, 64, 128)
    bound[..., :40] = 1
    turn = session.ask(WORDS, bound=bound)
    before, after = session.turn(0).state(), turn.state()
    changed = after.changed
    assert changed.any() and not changed.all()
    assert not changed[..., 7:].any()  # columns of 8 pixels; one around the bound is taken in
    assert torch.equal(after.full[..., ~changed], before.full[..., ~changed])
    assert not torch.equal(after.full[..., changed], before.full[..., changed])
    assert before.coarse is not None and after.coarse is not None
    assert torch.equal(after.coarse[..., 4:], before.coarse[..., 4:])
    assert not torch.equal(after.coarse[..., :3], before.coarse[..., :3])
    assert (turn.clip.planes[0][..., 40:] == source.planes[0][..., 40:]).all()


def test_undo_redo_and_branch_walk_the_tree_and_the_folder_remembers(still: Session) -> None:
    one, two = still.ask(WORDS), still.ask(KEEP)
    assert still.undo().id == 1 and still.undo().id == 0
    assert Session.open(still.home).here.id == 0
    assert still.redo().id == 1 and still.redo().id == 2
    still.branch(one)
    three = still.ask(KEEP, seed=5)
    assert three.parent == 1 and still.undo().id == 1
    assert still.redo().id == 3  # the way last gone, not the first
    four = still.ask(WORDS, at=0, seed=9)
    assert four.parent == 0 and still.here.id == 4
    again = Session.open(still.home)
    assert [turn.parent for turn in again.turns] == [None, 0, 1, 1, 0] and again.here.id == 4
    assert again.branch(two).id == 2 and again.show()["here"] == 2


def test_what_cannot_be_is_one_sentence_and_changes_nothing(still: Session, editor: Editor, tmp_path: Path) -> None:
    before = (still.home / "turns.jsonl").read_bytes()
    for wrong, said in (
        (still.undo, "nothing to undo"),
        (still.redo, "nothing to redo"),
        (lambda: still.branch(7), "no turn 7"),
        (lambda: still.ask(WORDS, at=-1), "no turn -1"),
        (lambda: still.ask("remove it"), "does not understand"),
        (lambda: still.ask(WORDS, seed=-1), "seed"),
        (lambda: still.ask(WORDS, frame=0), "a picture already"),
        (lambda: still.ask(WORDS, bound=torch.ones(1, 1, 8, 8)), "bound"),
        (lambda: still.ask("make it snow like <1>"), "<1>, but none is given"),
        (lambda: still.ask("snow like <1> and <2>", references=(photo(),)), "<2>, but only one is given"),
        (lambda: still.ask("snow like <2>", references=(photo(), photo())), "Reference 1 is given but not named"),
        (lambda: still.export(None, still.home / "a.png"), "own folder"),
        (lambda: Session.create(still.home, photo(), editor), "not empty"),
        (lambda: Session.create(tmp_path / "no" / "s", photo(), editor), "does not exist"),
        (lambda: Session.create(tmp_path / "t", photo(), editor, short_side=5), "32 to 4096 pixels, not 5"),
        (lambda: Session.open(still.home / "turns.jsonl"), "is a file, and a session is a folder"),
        (lambda: still.ask(WORDS, references=(moving(),)), "Reference 1 is a clip of 5 frames"),
        (lambda: still.ask(WORDS, story=True, bound=torch.ones(1, 1, 70, 106)), "new all over"),
        (lambda: Session.open(tmp_path), "holds no session"),
        (lambda: Session.open(still.home).ask(WORDS), "without an editor"),
    ):
        with pytest.raises(BadInput, match=said):
            wrong()
    assert (still.home / "turns.jsonl").read_bytes() == before
    assert {path.name for path in still.home.iterdir()} <= {"000", "turns.jsonl", "lock"}
    assert {path.name for path in tmp_path.iterdir()} == {"s"}


def test_no_line_has_more_turns_than_the_most(still: Session, monkeypatch) -> None:
    monkeypatch.setattr("refrain.editing.session.session.MOST", 1)
    still.ask(WORDS)
    with pytest.raises(BadInput, match="ends a line of 1 turns"):
        still.ask(KEEP)
    assert still.ask(KEEP, at=0).id == 2


def test_another_model_is_refused_and_may_replay(still: Session, tmp_path: Path) -> None:
    still.ask(WORDS)
    still.ask(KEEP, seed=4)
    still.branch(1)
    still.ask(KEEP)
    other = changing(tmp_path / "other", name="other", short_side=32)
    with pytest.raises(BadInput, match="replay it into a new folder"):
        Session.open(still.home, other)
    new = Session.open(still.home).replay(tmp_path / "r", other, seed=8)
    assert [turn.parent for turn in new.turns] == [None, 0, 1, 1] and new.here.id == 3
    assert {turn.record["made"]["seed"] for turn in new.turns[1:]} == {8}
    assert new.turn(1).record["made"]["weights"] == other.weights
    assert same(new.turn(0).clip, still.turn(0).clip)


def test_a_replay_gives_the_same_to_the_bit_with_bounds(editor: Editor, tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", moving(), editor, short_side=32)
    session.ask(WORDS, bound=torch.rand(5, 1, 70, 106, generator=torch.Generator().manual_seed(1)), seed=2)
    session.ask(KEEP, steps=1)
    session.undo()
    new = Session.open(session.home, editor).replay(tmp_path / "r")
    for old, again in zip(session.turns, new.turns, strict=True):
        assert same(old.clip, again.clip) and torch.equal(old.state().full, again.state().full)
    assert new.here.id == 1 and new.turn(1).record["asked"]["bound"] == session.turn(1).record["asked"]["bound"]


@pytest.mark.slow
def test_a_frame_is_edited_as_a_picture_and_carried_through_the_clip(tmp_path: Path) -> None:
    knowing = changing(tmp_path / "m", kinds=("text", "source", "reference", "answer", "target"), rule="full")
    session = Session.create(tmp_path / "s", moving(), knowing)
    picture = session.ask(WORDS, frame=2)
    assert picture.is_picture and len(picture.clip) == 1 and picture.state().full.shape[2] == 1
    finer = session.ask(KEEP)
    assert finer.parent == picture.id and finer.is_picture
    with pytest.raises(BadInput, match="is a clip"):
        session.ask(WORDS, at=0, references=(0,))
    video = session.ask(WORDS, at=0, references=(finer.id,))
    plain = session.ask(WORDS, at=0)
    assert len(video.clip) == 5 and not same(video.clip, plain.clip)
    assert json.loads((session.home / "turns.jsonl").read_text().splitlines()[3])["asked"]["references"] == [
        {"turn": 2}
    ]
    given = session.ask("make it snow like <1> and <2>", at=0, references=(finer.id, photo()))
    new = session.replay(tmp_path / "r")
    assert same(new.turn(given.id).clip, given.clip)


def test_a_model_that_knows_no_references_says_its_name(editor: Editor, tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", moving(), editor)
    picture = session.ask(WORDS, frame=0)
    with pytest.raises(Unsupported, match="tiny was not trained on reference pictures"):
        session.ask(WORDS, at=0, references=(picture.id,))
    assert session.here.id == 1


def test_a_replay_that_cannot_go_on_says_how_far_it_came(editor: Editor, tmp_path: Path) -> None:
    knowing = changing(tmp_path / "m", kinds=("text", "source", "reference", "answer", "target"), rule="full")
    session = Session.create(tmp_path / "s", photo(), knowing)
    session.ask(WORDS, steps=1)
    session.ask(WORDS, references=(photo(),), steps=1)
    with pytest.raises(
        Unsupported, match="not trained on reference pictures.* That was turn 2; .* holds what came before"
    ):
        session.replay(tmp_path / "r", editor)
    assert Session.open(tmp_path / "r").here.id == 1


def test_a_turn_keeps_what_it_changed_and_the_source_changed_nothing(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", moving(), changing(tmp_path / "model"))
    matte = session.ask(WORDS).matte
    assert matte is not None and matte.shape[:2] == (5, 1) and 0.5 < float(matte.max()) <= 1
    assert Session.open(session.home).turn(0).matte is None
