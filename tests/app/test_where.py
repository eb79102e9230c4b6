"""A model that knows masks can be asked where it expects to change a picture; with others there is nothing to press."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.test_desk import QUICK, SECRET, brought, finished, opened
from editing.sessions import KNOWS_TURNS
from refrain.app import face, views
from refrain.app.desk import Model
from refrain.app.routes import VIEW
from refrain.cli.serve import _model
from refrain.errors import BadInput
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
