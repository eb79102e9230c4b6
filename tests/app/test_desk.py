"""What a person does on the page, with a tiny model: open, ask, cancel, ask again, go back, come back, take home."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from editing.sessions import moving, photo
from editing.test_effects import lora
from refrain.app import face, said, views
from refrain.app.chips import Learnt
from refrain.app.demo import SHOWN, Demo
from refrain.app.desk import Desk, Model
from refrain.app.jobs import CANCELLED, DONE, FAILED, Job, Jobs
from refrain.app.orders import Wish
from refrain.app.region import bound_of
from refrain.app.rooms import Room, Rooms, new_secret
from refrain.cli.options import effect_of
from refrain.cli.serve import _model
from refrain.editing.request import EffectUse
from refrain.editing.session.session import Session
from refrain.errors import BadInput, BadWeights
from refrain.media import Clip, Limits
from tiny_embedded import save_tiny_embedded

SECRET = new_secret()
QUICK = Wish(steps=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    made = _model(str(save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny")), "cpu", None)
    editor = made.load()
    return replace(made, load=lambda: editor)


@pytest.fixture(scope="module")
def begun(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which one person has opened a picture and asked once."""
    root = tmp_path_factory.mktemp("root")
    with_desk = opened(root, model)
    desk, room = with_desk, with_desk.rooms.of(SECRET)
    first = finished(desk, brought(desk, room))
    finished(desk, desk.ask(room, first.session, 0, "make it snow", QUICK))
    desk.jobs.end()
    return root


@pytest.fixture
def desk(begun: Path, model: Model, tmp_path: Path) -> Iterator[Desk]:
    """A server that was started again over a copy of that root."""
    made = opened(Path(shutil.copytree(begun, tmp_path / "root")), model)
    yield made
    made.jobs.end()


@pytest.fixture
def room(desk: Desk) -> Room:
    return desk.rooms.of(SECRET)


def opened(root: Path, model: Model, most: int = 8) -> Desk:
    return Desk(Rooms(root), Jobs(most), model, Limits())


def brought(desk: Desk, room: Room) -> Job:
    """A picture, as a browser brings it."""
    place = room.new()
    photo().write(place.folder / "photo.png")
    (place.folder / "photo.png").rename(place.folder / "source")
    return desk.begin(room, place, "photo.png", (None, None, None))


def finished(desk: Desk, job: Job) -> Job:
    assert desk.jobs.wait(job).state == DONE, job.told
    return job


def name_of(room: Room) -> str:
    (place,) = room.places()
    return place.name


def test_a_server_that_was_started_again_has_every_finished_turn(desk: Desk, room: Room) -> None:
    _, session = desk.session(room, name_of(room))
    assert [turn.words for turn in session.turns] == ["", "make it snow"] and session.here.id == 1
    assert desk.go(room, name_of(room), "undo").id == 0
    assert desk.go(room, name_of(room), "redo").id == 1


def test_an_answer_is_seen_and_taken_home(desk: Desk, room: Room, tmp_path: Path) -> None:
    place, session = desk.session(room, name_of(room))
    facts = views.shown(place.views, session, session.turn(1))
    assert (facts.rows, facts.columns, facts.frames, facts.picture, facts.matte) == (70, 106, 1, True, True)
    for name in ("001.png", "001.jpg", "001-still.jpg", "001-matte.png", "001-still-matte.jpg"):
        assert (place.views / name).is_file(), name
    taken = Clip.read(views.taken(place.views, session, 1, "clip"))
    assert all(np.array_equal(a, b) for a, b in zip(taken.planes, session.turn(1).clip.planes))
    told = json.loads(views.taken(place.views, session, 1, "record").read_text())
    assert told["instruction"] == "make it snow" and len(told["turns"]) == 2
    with pytest.raises(BadInput, match="no matte"):
        views.taken(place.views, session, 0, "matte")


def test_what_is_shown_is_made_again_where_it_is_missing(desk: Desk, room: Room) -> None:
    place, session = desk.session(room, name_of(room))
    before = views.shown(place.views, session, session.turn(1))
    shutil.rmtree(place.views)
    assert views.shown(place.views, session, session.turn(1)) == before and (place.views / "001.png").is_file()


def test_a_clip_is_shown_with_its_frames_at_their_times(tmp_path: Path) -> None:
    played = views.played_of(moving(5, (71, 107)))
    assert played.size == (72, 108) or played.size == (70, 106)
    assert played.format.name == "yuv420p" and played.times[0] == 0 and len(played) == 5


def test_asking_edits_the_turn_that_was_seen_and_cancelling_leaves_the_session_as_it_was(
    desk: Desk, room: Room
) -> None:
    name, stopped = name_of(room), threading.Event()
    job = desk.ask(room, name, 0, "heavy fog", replace(QUICK, steps=60))
    threading.Thread(target=lambda: (desk.jobs.cancel(room.key, job.id), stopped.set())).start()
    assert desk.jobs.wait(job).state == CANCELLED and stopped.wait(5)
    assert len(desk.session(room, name)[1].turns) == 2
    again = finished(desk, desk.ask(room, name, 0, "heavy fog", QUICK))
    turn = desk.session(room, name)[1].turn(again.turn or 0)
    assert turn.parent == 0 and turn.words == "heavy fog"


def test_again_is_four_other_seeds_of_the_same_question(desk: Desk, room: Room) -> None:
    name = name_of(room)
    for job in desk.again(room, name, 1, QUICK):
        finished(desk, job)
    turns = desk.session(room, name)[1].turns[1:]
    assert {turn.words for turn in turns} == {"make it snow"} and {turn.parent for turn in turns} == {0}
    assert len({turn.record["asked"]["seed"] for turn in turns}) == 5
    with pytest.raises(BadInput, match="Nothing was asked yet"):
        desk.again(room, name, 0, QUICK)


def test_a_job_for_a_clip_that_is_gone_is_a_sentence(desk: Desk, room: Room) -> None:
    name, gate = name_of(room), threading.Event()
    desk.jobs.submit(Job("other", "x", "wait", lambda tell: gate.wait(20) and None))
    job = desk.ask(room, name, 1, "heavy fog", QUICK)
    shutil.rmtree(room.place(name).folder)
    gate.set()
    assert desk.jobs.wait(job).state == FAILED and "deleted meanwhile" in job.told


def test_removing_a_clip_stops_what_is_done_in_it(desk: Desk, room: Room) -> None:
    name, gate = name_of(room), threading.Event()
    desk.jobs.submit(Job("other", "x", "wait", lambda tell: gate.wait(20) and None))
    job = desk.ask(room, name, 1, "heavy fog", QUICK)
    desk.remove(room, name)
    gate.set()
    assert desk.jobs.wait(job).state == CANCELLED and not room.places()


def test_words_that_the_model_does_not_know_are_refused_before_anything_waits(desk: Desk, room: Room) -> None:
    for words in ("", "  ", "make me a sandwich", "x" * 1001):
        with pytest.raises(BadInput):
            desk.ask(room, name_of(room), 0, words, QUICK)
    with pytest.raises(BadInput, match="no turn 9"):
        desk.ask(room, name_of(room), 9, "heavy fog", QUICK)
    with pytest.raises(BadInput, match="Attention is one of"):
        desk.ask(room, name_of(room), 0, "heavy fog", replace(QUICK, attention="../x"))
    assert not desk.jobs.of(room.key)


def test_a_model_that_cannot_be_loaded_is_a_sentence_and_loses_nothing(begun: Path, model: Model) -> None:
    def broken() -> None:
        raise BadWeights("The folder lacks its weights; get them anew.")

    desk = opened(begun, replace(model, load=broken))  # pyright: ignore[reportArgumentType]
    room = desk.rooms.of(SECRET)
    job = desk.ask(room, name_of(room), 0, "heavy fog", QUICK)
    assert desk.jobs.wait(job).state == FAILED and "lacks its weights" in job.told
    assert desk.state(room, "")["model"] == job.told
    assert len(desk.session(room, name_of(room))[1].turns) == 2
    desk.jobs.end()


def test_what_it_will_cost_is_known_before(desk: Desk, room: Room) -> None:
    few, many = (desk.cost(room, name_of(room), 0, "heavy fog", Wish(steps=steps)) for steps in (2, 20))
    assert 0 < few.flops < many.flops
    assert ("about" in said.cost(many, 1.0) and "GB" in said.cost(many, 1.0)) or "MB" in said.cost(many, 1.0)


def test_what_was_done_can_be_said_as_a_command_and_as_python(desk: Desk, room: Room) -> None:
    _, session = desk.session(room, name_of(room))
    assert said.commands(session.line(1)) == ("refrain edit photo.png 'make it snow' -o out.mp4 --seed 0 --steps 1")
    program = said.python(session.line(1))
    compile(program, "x", "exec")
    assert "session.ask('make it snow', seed=0, steps=1)" in program


def test_an_effect_that_was_learnt_is_worn_where_it_is_picked_and_the_words_speak_of_it(
    begun: Path, model: Model, tmp_path: Path
) -> None:
    file = lora(model.load(), tmp_path / "slime.safetensors", words="cover it with slime", triggers=("slime",))
    desk = opened(
        Path(shutil.copytree(begun, tmp_path / "root")),
        replace(model, learnt=(Learnt("slime", str(file), "cover it with slime", ("slime",)),)),
    )
    room = desk.rooms.of(SECRET)
    name, picked = name_of(room), replace(QUICK, effect="slime")
    with pytest.raises(BadInput, match='pick the effect "slime \\+"'):
        desk.ask(room, name, 0, "green slime", QUICK)
    with pytest.raises(BadInput, match="does not understand"):
        desk.ask(room, name, 0, "a sandwich", picked)
    asked = [("green slime", picked), ("make it snow", picked), ("snow and slime", QUICK)]
    turns = [finished(desk, desk.ask(room, name, 0, words, wish)).turn or 0 for words, wish in asked]
    session = desk.session(room, name)[1]
    assert [said.effects(session.turn(turn)) for turn in turns] == ["slime", "", ""]
    line = session.line(turns[0])
    assert f"--effect {file}" in said.commands(line) and "--effect" not in said.commands(session.line(turns[1]))
    assert f"effects=(EffectUse({str(file)!r}),)" in said.python(line)
    compile(said.python(line), "x", "exec")
    assert "with slime" in face.history(name, session.show(), [said.effects(turn) for turn in session.turns])
    desk.jobs.end()


def test_a_use_of_an_effect_is_said_as_the_command_reads_it() -> None:
    for use, program in (
        (EffectUse("freeze"), "EffectUse('freeze')"),
        (EffectUse("freeze", 0.8), "EffectUse('freeze', weight=0.8)"),
        (EffectUse("b.safetensors", 1.0, (0, 0, 0.5, 1)), "EffectUse('b.safetensors', box=(0, 0, 0.5, 1))"),
        (EffectUse("c", span=(2, 4)), "EffectUse('c', span=(2, 4))"),
    ):
        told = {**asdict(use), "path": str(use.path)}
        assert effect_of(said._effect(told)) == use and said._use(told) == program


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"box": [5, 5, 5, 9]}', "empty"),
        ('{"box": [0, 0, 9999, 9]}', "leaves the picture"),
        ('{"box": [0, 0, "a", 9]}', "cannot be read"),
        ('{"mask": {"wide": 4, "high": 4, "runs": [16]}}', "Nothing is painted"),
        ('{"mask": {"wide": 4, "high": 4, "runs": [3]}}', "does not fit"),
        ('{"mask": {"wide": 4, "high": 4, "runs": [-4, 20]}}', "does not fit"),
        ('{"mask": {"wide": 100000, "high": 100000, "runs": [10000000000]}}', "does not fit"),
        ('{"mask": 3}', "cannot be read"),
    ],
)
def test_a_region_that_no_page_would_send_is_refused(region: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        bound_of(region, moving())


def test_a_painted_region_is_where_the_change_may_be() -> None:
    clip = moving()  # 106 × 70
    runs = [0, 0]
    grid = np.zeros((35, 53), int)
    grid[10:20, 20:40] = 1
    flat = grid.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    bound = bound_of(json.dumps({"mask": {"wide": 53, "high": 35, "runs": runs}}), clip)
    assert bound is not None and bound.shape == (1, 1, 70, 106)
    inside = bound[0, 0] > 0
    assert inside[30, 60] and not inside[5:18].any() and not inside[:, :38].any()
    assert bound_of("", clip) is None and bound_of("{}", clip) is None


@pytest.mark.slow
def test_sample_sessions_are_made_once_and_given_to_those_who_have_nothing(model: Model, tmp_path: Path) -> None:
    desk = opened(tmp_path / "root", model)
    demo = Demo(desk, frames=1, size=(64, 96))
    newcomer = desk.rooms.of(new_secret())
    demo.give(newcomer)
    assert not newcomer.places(), "nothing is given before it is ready"
    for job in demo.jobs:
        finished(desk, job)
    demo.give(newcomer)
    demo.give(newcomer)
    sessions = [Session.open(place.session) for place in newcomer.places()]
    assert {each.turns[0].record["source"] for each in sessions} == set(SHOWN)
    assert max(len(each.turns) for each in sessions) > 1
    desk.remove(newcomer, newcomer.places()[0].name)
    assert len(demo.room.places()) == len(SHOWN) and not Demo(desk, frames=1, size=(64, 96)).jobs
    desk.jobs.end()


@pytest.mark.slow
def test_a_queue_of_many_people_answers_everyone_in_order(model: Model, begun: Path, tmp_path: Path) -> None:
    desk = opened(tmp_path / "root", model)
    rooms = [desk.rooms.of(new_secret()) for _ in range(3)]
    (made,) = Rooms(begun).of(SECRET).places()
    for room in rooms:
        shutil.copytree(made.folder, room.folder / made.name)
    order: list[str] = []
    asked = [desk.ask(room, made.name, 0, "heavy fog", replace(QUICK, seed=n)) for n in range(2) for room in rooms]
    for job in asked:
        finished(desk, job)
        order.append(job.owner)
    assert order == [room.key for room in rooms] * 2
    for room in rooms:
        seeds = [turn.record["asked"]["seed"] for turn in desk.session(room, made.name)[1].turns[2:]]
        assert seeds == [0, 1]
    desk.jobs.end()
