"""What only some models know: where they expect to change a picture, and words that speak of other pictures."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.test_desk import QUICK, SECRET, brought, finished, opened
from editing.sessions import KNOWS_TURNS, photo, same
from refrain.app import face, said, views
from refrain.app.desk import Model
from refrain.app.rooms import new_secret
from refrain.app.routes import VIEW, _taken
from refrain.cli.serve import _model
from refrain.errors import BadInput
from refrain.media import Clip
from tiny_embedded import CARD, save_tiny_embedded


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny", replace(CARD, **KNOWS_TURNS))
    made = _model(str(folder), "cpu", None)
    editor = made.load()
    return replace(made, load=lambda: editor)


def test_where_it_expects_to_change_is_a_picture_to_begin_with_and_changes_nothing(
    model: Model, tmp_path: Path
) -> None:
    desk = opened(tmp_path / "root", model)
    room = desk.rooms.of(SECRET)
    name = finished(desk, brought(desk, room)).session
    place, session = desk.session(room, name)
    job = finished(desk, desk.where(room, name, 0, "make it snow", QUICK))
    folder, _, file = job.gives.rpartition("/")
    assert (
        folder == f"/own/view/{name}"
        and VIEW.fullmatch(file)
        and desk.state(room, name)["over"][-1]["gives"] == job.gives
    )
    seen = cv2.imread(str(place.views / file), cv2.IMREAD_GRAYSCALE)
    assert seen is not None and seen.shape == session.turns[0].clip.size and set(np.unique(seen)) <= {0, 255}
    assert len(desk.session(room, name)[1].turns) == 1
    facts = views.shown(place.views, session, session.turn(0))
    assert "data-expect" in face.region(name, session.turn(0), facts, model.predicts)

    other = replace(model, predicts=False)
    assert "data-expect" not in face.region(name, session.turn(0), facts, other.predicts)
    desk.jobs.end()
    desk = opened(Path(shutil.copytree(tmp_path / "root", tmp_path / "copy")), other)
    with pytest.raises(BadInput, match="by hand"):
        desk.where(desk.rooms.of(SECRET), name, 0, "make it snow", QUICK)
    desk.jobs.end()


def test_words_may_speak_of_pictures_of_the_same_room_where_the_model_knows_references(
    model: Model, tmp_path: Path
) -> None:
    desk = opened(tmp_path / "root", model)
    room, other = desk.rooms.of(SECRET), desk.rooms.of(new_secret())
    first, second = (finished(desk, brought(desk, room)).session for _ in range(2))
    assert desk.pictures(room, first) == [(f"{second}/0", "photo.png")] and not desk.pictures(other, "")
    wish = replace(QUICK, pictures=(f"{second}/0",))
    turn = finished(desk, desk.ask(room, first, 0, "make it snow", wish)).turn or 0
    place, session = desk.session(room, first)
    line = session.line(turn)
    assert "--reference reference-1-1.png" in said.commands(line)
    assert "references=(Clip.read('reference-1-1.png'),)" in said.python(line)
    path, name = _taken(desk, room, first, turn, "reference-1")
    assert name == "reference-1-1.png" and same(Clip.read(path), Clip.read(photo_of(tmp_path)))
    assert "/reference-1" in face.take(first, session.turn(turn), views.shown(place.views, session, session.turn(turn)))

    stranger = finished(desk, brought(desk, other)).session
    for spot, told in (
        (f"{stranger}/0", "not here"),
        ("../x/0", "takes no"),
        (f"{second}/9", "no turn 9"),
        ("x", "takes no"),
    ):
        with pytest.raises(BadInput, match=told):
            desk.ask(room, first, 0, "make it snow", replace(QUICK, pictures=(spot,)))
    with pytest.raises(BadInput, match="<2>"):
        desk.ask(room, first, 0, "make it snow in <2>", wish)
    with pytest.raises(BadInput, match="no such picture"):
        _taken(desk, room, first, turn, "reference-2")
    desk.jobs.end()


def photo_of(folder: Path) -> Path:
    photo().write(folder / "photo.png")
    return folder / "photo.png"
