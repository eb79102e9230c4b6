"""Sessions on disk come back as they were rendered; a stopped build goes on; a bad line is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from refrain.data.sessions import draw_session
from refrain.data.sessions.build import HELD_OUT, Asked, build
from refrain.data.sessions.store import SESSIONS, SessionFiles, SessionStore, TurnFiles
from refrain.errors import BadInput
from refrain.evaluation.sessions.exam import PRACTICE
from refrain.media import Clip

SMALL = Asked(count=2, turns=2, size=(32, 32), seed=18)


def silent(done: int, of: int) -> None:
    pass


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sessions")
    assert build(SMALL, folder, silent) == 2
    return folder


def pixels(path: Path) -> np.ndarray:
    """uint8 [T, Y, X, 3]."""
    green, blue, red = Clip.read(path).planes
    return np.stack([red, green, blue], axis=-1)


def test_a_set_holds_the_very_pictures_that_were_rendered(built: Path) -> None:
    store = SessionStore.open(built)
    assert [(one.id, one.split) for one in store.sessions] == [("000000018", "train"), ("000000019", "validation")]
    (one,), drawn = store.of("train"), draw_session(18, 2, (32, 32))
    assert np.array_equal(pixels(one.source), drawn.frames)
    for kept, turn in zip(one.turns, drawn.turns, strict=True):
        assert kept.words == turn.instruction and not kept.references
        assert np.array_equal(pixels(kept.picture), turn.frames)
        assert kept.here is not None and kept.there is not None
        for path, mask in ((kept.here, turn.mask_now), (kept.there, turn.mask_next)):
            assert np.array_equal(pixels(path)[..., 0], np.round(mask * 255).astype(np.uint8))


def test_a_build_goes_on_where_it_was(built: Path) -> None:
    assert build(SMALL, built, silent) == 0
    path = built / SESSIONS
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])  # a kill in the middle of the last line
    told = []
    assert build(SMALL, built, lambda done, of: told.append((done, of))) == 1
    assert path.read_bytes() == whole and told == [(1, 2), (2, 2)]
    with pytest.raises(BadInput, match="give the same, or another folder"):
        build(Asked(count=2, turns=3, size=(32, 32)), built, silent)


def test_nothing_is_rendered_that_the_benchmark_asks_about() -> None:
    assert HELD_OUT == PRACTICE
    with pytest.raises(BadInput, match="lower --seed"):
        Asked(count=2, seed=PRACTICE - 1)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    turn = TurnFiles("put <1> there", tmp_path / "b.png", references=(tmp_path / "r.png",))
    one = SessionFiles("a", "test", tmp_path / "a.png", (turn,), {"seed": 3})
    store = SessionStore.create(tmp_path)
    store.add(one)
    assert SessionStore.open(tmp_path).sessions == (one,) and turn.files == (tmp_path / "b.png", tmp_path / "r.png")
    assert str(tmp_path) not in (tmp_path / SESSIONS).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"split": "dev"}, "`split`"),
        ({"turns": []}, "`turns`"),
        ({"turns": [{"picture": "a.png"}]}, "turn 1 says no `words`"),
        ({"turns": [{"words": "x"}]}, "`picture`"),
        ({"turns": [{"words": "x", "picture": "a.png", "references": "r.png"}]}, "in a list"),
        ({"source": 3}, "`source`"),
        ({"id": "a"}, "line 1 has the id a too"),
    ],
)
def test_a_bad_line_is_named(change: dict, said: str, tmp_path: Path) -> None:
    good = {"id": "a", "split": "train", "source": "s.png", "turns": [{"words": "x", "picture": "a.png"}]}
    bad = {**good, "id": "b", **change}
    (tmp_path / SESSIONS).write_text("".join(json.dumps(one) + "\n" for one in (good, bad)), encoding="utf-8")
    with pytest.raises(BadInput, match="line 2") as caught:
        list(SessionStore.open(tmp_path))
    assert said in str(caught.value)
    with pytest.raises(BadInput, match="holds no sessions.jsonl"):
        SessionStore.open(tmp_path / "elsewhere")
