"""Laws of turns asked one after another: masks before pictures, folders closed and opened, clips and pictures."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from editing.loras import lora
from editing.sessions import KEEP, KNOWS_TURNS, WORDS, changing, moving, photo, same
from refrain import Session
from refrain.editing import edit
from refrain.editing.chain import Chained, Masks, chain, drawn, within
from refrain.editing.editor import Editor
from refrain.editing.motion import moved_on
from refrain.editing.request import EffectUse
from refrain.errors import BadInput, Unsupported
from refrain.media import Clip
from refrain.sequence import Sequence
from rows import some

ONE = {"steps": 1, "guidance": 1.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    changing(folder, **KNOWS_TURNS)
    return folder


@pytest.fixture
def editor(model: Path) -> Editor:
    return Editor.from_pretrained(model)


def rows_in(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> list[Sequence]:
    """Every row that the model is asked from now on."""
    rows, prepare = list[Sequence](), editor.denoiser.prepare
    monkeypatch.setattr(editor.denoiser, "prepare", lambda row, *rest: (rows.append(row), prepare(row, *rest))[1])
    return rows


def left(size: tuple[int, int], share: float = 0.5) -> Tensor:
    mask = torch.zeros(1, 1, *size)
    mask[..., : round(size[1] * share)] = 1
    return mask


def told(row: Sequence) -> list[tuple[str, int]]:
    return [(s.kind, s.beat) for s in row if s.kind != "text"]


def test_a_chain_predicts_where_then_how_then_the_picture_and_each_sees_the_ones_before(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, rows = Session.create(tmp_path / "s", photo(), editor), rows_in(editor, monkeypatch)
    turn = session.ask(WORDS, chain=True, **ONE)
    source = [("source", 0), ("source", 0)]
    assert [told(row) for row in rows] == [
        [*source, ("target", 0)],
        [*source, ("mask", 1), ("target", 2)],
        [*source, ("mask", 1), ("mask", 3), ("target", 4)],
    ]
    state = turn.state()
    assert set(state.masks) == {"here", "there"}
    laid = [s.content for s in rows[-1] if s.kind == "mask"]
    assert torch.equal(laid[0], state.masks["here"]) and torch.equal(laid[1], state.masks["there"])
    assert [row.target.base is None for row in rows] == [True, True, False]
    assert not torch.equal(rows[0].target.positions, rows[1].target.positions)


def test_effects_that_lie_apart_are_each_what_they_are_alone_in_a_turn_too(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = (lora(editor, tmp_path / f"{n}.safetensors", seed=n, words=WORDS) for n in (1, 2))
    west, east = EffectUse(a, box=(0, 0, 0.5, 1)), EffectUse(b, box=(0.5, 0, 1, 1))
    session, found = Session.create(tmp_path / "s", photo(), editor), list[Chained]()
    monkeypatch.setattr(edit, "chain", lambda *asked: (found.append(chain(*asked)), found[-1])[1])

    def latents(*effects: EffectUse) -> Tensor:
        session.ask(WORDS, effects=effects, at=0, **ONE)
        return found[-1].latents

    both, one, other = latents(west, east), latents(west), latents(east)
    half = both.shape[-1] // 2
    torch.testing.assert_close(both[..., :half], one[..., :half], atol=1e-6, rtol=0)
    torch.testing.assert_close(both[..., half:], other[..., half:], atol=1e-6, rtol=0)
    assert (one - other).abs().amax(dim=(0, 1, 2, 3)).min() > 1e-3


def test_a_mask_that_the_user_gives_is_the_one_that_the_row_shows(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, rows = Session.create(tmp_path / "s", photo(), editor), rows_in(editor, monkeypatch)
    mask = left(photo().size)
    turn = session.ask(WORDS, here=mask, **ONE)
    given = drawn(mask, session.turn(0).state().seen((), editor.device), editor)
    assert [told(row)[-1] for row in rows] == [("target", 2), ("target", 4)], "only the second mask is predicted"
    assert all(torch.equal(row.segments[-1 - 2 * n].content, given)
               for n, row in enumerate(rows, 1) if row.segments[-1 - 2 * n].kind == "mask")  # fmt: skip
    (shown,) = [s.content for s in rows[0] if s.kind == "mask"]
    assert torch.equal(shown, given) and torch.equal(turn.state().masks["here"], given)
    with pytest.raises(BadInput, match="mask of where"):
        session.ask(WORDS, here=torch.ones(1, 1, 8, 8))
    with pytest.raises(BadInput, match="ask with a chain"):
        session.ask(WORDS, within=True)


def test_within_the_masks_all_may_change_and_outside_every_pixel_is_as_it_was(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = moving(5, (64, 128))
    session = Session.create(tmp_path / "s", source, editor)
    monkeypatch.setattr("refrain.editing.chain.picture", lambda latents, _: left((64, 128), 0.25).expand(5, -1, -1, -1))
    bounded = session.ask(WORDS, here=left((64, 128), 0.25), within=True, **ONE)
    assert (bounded.clip.planes[0][..., 32 + 18 :] == source.planes[0][..., 32 + 18 :]).all()
    assert (bounded.clip.planes[0][..., :32] != source.planes[0][..., :32]).any()
    free = session.ask(WORDS, at=0, here=left((64, 128), 0.25), **ONE)
    assert (free.clip.planes[0][..., 64:] != source.planes[0][..., 64:]).any()
    before, after = session.turn(0).state(), bounded.state()
    assert torch.equal(after.full[..., 8:], before.full[..., 8:])


def test_a_bound_is_what_masks_and_user_both_allow() -> None:
    masks: Masks = {
        "here": (torch.zeros(1), left((64, 64), 0.25)),
        "there": (torch.zeros(1), torch.zeros(1, 1, 64, 64)),
    }
    chained = Chained(None, torch.zeros(1), masks)  # type: ignore[arg-type]  # the question is not looked at
    wide = within(chained, None, 1, (64, 64))
    assert wide is not None and wide[..., :17].min() == 1 and wide[..., 17:].max() == 0
    own = torch.zeros(1, 1, 64, 64)
    own[..., :8, :] = 0.5
    both = within(chained, own, 1, (64, 64))
    assert both is not None and torch.equal(both, wide * own)
    assert within(Chained(None, torch.zeros(1), {}), own, 1, (64, 64)) is own  # type: ignore[arg-type]


def test_a_folder_that_is_opened_again_answers_as_if_it_had_never_been_closed(
    editor: Editor, model: Path, tmp_path: Path
) -> None:
    session = Session.create(tmp_path / "s", photo(), editor)
    session.ask(WORDS, chain=True, seed=1, **ONE)
    session.ask("make it rain like <1>", references=(photo(),), seed=2, **ONE)
    third = session.ask(KEEP, seed=3, steps=1)
    branched = session.ask(KEEP, at=1, seed=4, **ONE)
    session.branch(2)
    for held in (session, Session.open(session.home, Editor.from_pretrained(model))):
        again = held.ask(KEEP, at=2, seed=3, steps=1)
        torch.testing.assert_close(again.state().full, third.state().full, atol=2e-5, rtol=0)
        other = held.ask(KEEP, at=1, seed=4, **ONE)
        torch.testing.assert_close(other.state().full, branched.state().full, atol=2e-5, rtol=0)


def test_what_came_before_counts(editor: Editor, tmp_path: Path) -> None:
    """The same state, asked the same, is answered in another way where other turns led to it."""
    source = photo()
    session = Session.create(tmp_path / "s", source, editor)
    bound = torch.zeros(1, 1, *source.size)  # so that a turn changes nothing but the line
    stood = session.ask(WORDS, bound=bound, **ONE)
    assert torch.equal(stood.state().full, session.turn(0).state().full)
    answers = [session.ask(KEEP, at=at, seed=5, **ONE).state().full for at in (0, stood)]
    assert not torch.allclose(answers[0], answers[1], atol=1e-4)


def test_nothing_is_put_back_of_what_a_story_goes_on_from(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, rows = Session.create(tmp_path / "s", photo(), editor), rows_in(editor, monkeypatch)
    session.ask(WORDS, **ONE)
    session.ask(KEEP, story=True, **ONE)
    session.ask(KEEP, **ONE)
    base = rows[1].target.base
    assert base is not None and torch.equal(base, session.turn(1).state().full)
    matte = session.turn(2).matte
    assert matte is not None and bool((matte == 1).all()), "nothing of the picture before is put back"
    assert told(rows[2])[2:4] == [("answer", 1), ("answer", 1)], "coarse, and its first frame at full size"


def sliding() -> Clip:
    """Tiles that slide by their own width from frame to frame, so that a codec of means sees them slide."""
    wide = some(3, 16, 40).repeat_interleave(4, 1).repeat_interleave(4, 2).clamp(-1, 1)  # [3, y, x]
    return Clip.of(torch.stack([wide[..., 4 * n : 4 * n + 96] for n in range(5)]), 8)


def test_a_story_is_a_change_of_the_last_picture_moved_on_as_those_before_it_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = changing(tmp_path / "m", **KNOWS_TURNS, moves_on=True)
    session, rows = Session.create(tmp_path / "s", sliding(), editor), rows_in(editor, monkeypatch)
    session.ask(WORDS, frame=4, story=True, **ONE)
    filmed = [s.content for s in rows[0] if s.kind in ("source", "answer")][1::2]  # coarse ones stand between
    assert len(filmed) == 3 and [s.beat for s in rows[0] if s.kind == "answer"] == [1, 1, 3, 3]
    base = rows[0].target.base
    assert base is not None and torch.equal(base, moved_on(editor.codec, filmed)), "frames 2, 3 and 4"
    assert not torch.equal(base, filmed[-1])
    session.ask(WORDS, story=True, **ONE)
    pictures = [*filmed[1:], session.turn(1).state().full]
    again = rows[1].target.base
    assert again is not None and torch.equal(again, moved_on(editor.codec, pictures)), "two frames and what came"
    session.ask(WORDS, **ONE)
    plain = rows[2].target.base
    assert plain is not None and torch.equal(plain, session.turn(2).state().full), "an edit moves nothing on"
    opened, laid = Session.open(tmp_path / "s", Editor.from_pretrained(tmp_path / "m")), told(rows[1])
    assert opened.editor is not None
    rows.clear()
    more = rows_in(opened.editor, monkeypatch)
    opened.ask(WORDS, at=1, story=True, **ONE)
    assert told(more[0]) == laid and torch.equal(more[0].target.base, again)  # type: ignore[arg-type]
    assert same(opened.turn(4).clip, session.turn(2).clip)


def test_at_the_beginning_of_a_clip_a_story_has_fewer_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = changing(tmp_path / "m", **KNOWS_TURNS, moves_on=True)
    session, rows = Session.create(tmp_path / "s", moving(), editor), rows_in(editor, monkeypatch)
    for frame in (0, 1):
        session.ask(WORDS, at=0, frame=frame, story=True, **ONE)
        assert sum(s.kind in ("source", "answer") for s in rows[-1]) == 2 * (frame + 1)
    with pytest.raises(BadInput, match="no frame 5"):
        session.ask(WORDS, at=0, frame=5, story=True)


def test_pictures_and_clips_in_one_session(editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, rows = Session.create(tmp_path / "s", moving(), editor), rows_in(editor, monkeypatch)
    picture = session.ask(WORDS, frame=2, **ONE)
    finer = session.ask(KEEP, chain=True, **ONE)
    video = session.ask(WORDS, at=0, references=(finer.id,), **ONE)
    after = session.ask(KEEP, **ONE)
    assert picture.is_picture and finer.is_picture and len(video.clip) == len(after.clip) == 5
    assert all(s.kind != "answer" for s in rows[1]), "a frame begins a line of its own"
    reference = next(s for s in rows[4] if s.kind == "reference")
    assert torch.equal(reference.content, finer.state().full)
    assert ("reference", 0) in told(rows[5]) and ("answer", 1) in told(rows[5]) and rows[5].target.beat == 2


def test_a_clip_longer_than_a_window_is_edited_from_the_state_before(model: Path, tmp_path: Path) -> None:
    long = moving(13, (64, 64))
    knowing, plain = Editor.from_pretrained(model), changing(tmp_path / "m", **{**KNOWS_TURNS, "turns": ""})
    answers = []
    for name, editor in (("a", knowing), ("b", plain)):
        session = Session.create(tmp_path / name, long, editor)
        session.ask(WORDS, **ONE)
        answers.append(session.ask(KEEP, **ONE))
        with pytest.raises(Unsupported, match="no chain and no story"):
            session.ask(KEEP, chain=True)
        assert session.here.id == 2
    assert same(answers[0].clip, answers[1].clip)


def test_a_model_without_masks_says_so(tmp_path: Path) -> None:
    few = {**KNOWS_TURNS, "kinds": ("text", "source", "answer", "target")}
    session = Session.create(tmp_path / "s", photo(), changing(tmp_path / "m", **few))
    session.ask(WORDS, **ONE)
    with pytest.raises(Unsupported, match="tiny was not trained on masks"):
        session.ask(KEEP, chain=True)
    assert session.here.id == 1
