"""The recipe of sessions runs: a few steps on a tiny model teach what it knows of, and what it makes can be asked."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from guarantees.house import ROOT
from refrain.data.effects import EFFECTS
from refrain.data.plates import Shelf
from refrain.data.words import vocabulary
from refrain.editing.editor import Editor
from refrain.editing.session.session import Session
from refrain.errors import BadInput
from refrain.media import Clip, PixelFormat
from refrain.models.embedded.new import new_text_encoder, new_tokenizer
from refrain.models.protocols import Card
from refrain.training.checkpoint import NAME as STATE
from refrain.training.journal import read
from refrain.training.recipe import Given
from refrain.training.stage import Stage
from tiny_embedded import quarters


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The recipe at a tiny size, in a folder that has words and a codec already."""
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import embedded
    import session_lessons
    import sessions

    see, draw = (replace(one, sizes=((64, 64),), pictures=5) for one in (sessions.SEE, sessions.DRAW))
    for module, name, value in (
        (embedded, "WIDTH", 64), (embedded, "LAYERS", 1), (sessions, "SCENES", 4), (sessions, "SEE", see),
        (sessions, "DRAW", draw), (embedded, "EARLY", ((64, 64, 1, 3),)), (session_lessons, "TURNS", (2,)),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    # nothing is forked here: a process with threads, as this one is by now, may not fork safely
    monkeypatch.setattr(sessions, "ahead", lambda drawing, numbers: (drawing[n] for n in numbers))
    shelf = Shelf(tmp_path / "scenes", 4)
    shelf.folder.mkdir()
    for number in range(4):
        shelf.render(number)
    torch.manual_seed(0)
    new_text_encoder(len(sessions.KNOWN), 32).save_pretrained(tmp_path / "words")
    new_tokenizer(sessions.KNOWN).save_pretrained(tmp_path / "words")
    quarters().save_pretrained(tmp_path / "codec", torch.float16)
    yield sessions
    for name in ("embedded", "session_lessons", "sessions", "ablations", "session_ablations"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Mismatch dtype")
def test_it_learns_and_what_it_makes_is_asked_in_turns(recipe: ModuleType, tmp_path: Path) -> None:
    stage = Stage(steps=3, every=10, warmup=1, drop=0.0, seed=1)
    recipe.main(tmp_path, stage, None, tmp_path / "model", stretch=recipe.SEE)
    assert all(np.isfinite(step.loss) for step in read(tmp_path)) and len(read(tmp_path)) == 3
    grey = torch.zeros(1, 3, 64, 64)
    picture = replace(Clip.of(grey, 1, PixelFormat.named("gbrp")), still=True)
    session = Session.create(tmp_path / "session", picture, Editor.from_pretrained(tmp_path / "model"), short_side=64)
    session.ask("paint the ball red", steps=1)
    turn = session.ask("remove the star", steps=1, chain=True)
    assert set(turn.state().masks) == {"here", "there"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Mismatch dtype")
def test_the_second_stretch_goes_on_from_the_first(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        for part in ("scenes", "codec", *(("words",) if folder == first else ())):
            (folder / part).symlink_to(tmp_path / part)
    stage = Stage(steps=2, every=10, warmup=1, drop=0.0, seed=1)
    recipe.main(first, stage, None, first / "model", stretch=recipe.SEE)
    pointed = load_file(first / STATE)["average/pointing.weight"]
    monkeypatch.setattr(recipe, "DRAW", replace(recipe.DRAW, rate=0.0))  # so that nothing moves
    recipe.run(Given(second, model=str(first / "model"), steps=1), draw=True)
    assert pointed.abs().max() > 0 and torch.equal(load_file(second / STATE)["average/pointing.weight"], pointed)
    assert 0 < read(second)[0].loss < 20
    one, other = (load_file(at / "model.safetensors") for at in (first / "model" / "text_encoder", second / "words"))
    assert all(torch.equal(value.float(), other[name]) for name, value in one.items()), "words mean what they did"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Mismatch dtype")
def test_ways_to_learn_are_compared_by_the_same_turns(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import session_ablations as ways

    for name, value in (("SESSIONS", 2), ("SIZE", (64, 64))):
        monkeypatch.setattr(ways, name, value)
    monkeypatch.setattr(recipe, "FURTHER", Stage(steps=1, every=10, warmup=1, drop=0.0))
    recipe.main(tmp_path, recipe.FURTHER, None, tmp_path / "model", stretch=recipe.SEE)
    for way in ("pairs", "full"):
        ways.run(tmp_path, tmp_path / "model", way, 0, 2)
    asked = json.loads((tmp_path / "pairs-0" / "losses.json").read_text())
    assert {layout: np.shape(found) for layout, found in asked.items()} == dict.fromkeys(ways.LAYOUTS, (2, ways.TURNS))
    row, alone, masks = (np.array(asked[layout]) for layout in ways.LAYOUTS)
    assert np.array_equal(row[:, 0], alone[:, 0]) and (row[:, 1:] != alone[:, 1:]).all()
    assert (row != masks).all()
    assert Card.load(tmp_path / "full-0" / "model").rule == "full"
    assert ways.measured(tmp_path / "pairs-0" / "model") == asked
    assert ways.table(tmp_path, "pairs", 1).count("(") == 6


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Mismatch dtype")
def test_a_part_of_the_row_is_left_out_and_examined(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ablations
    import embedded

    small = (("SCENES", 4), ("PAIRS", 2), ("EARLY", ((64, 64, 1, 3),)), ("STAGE", Stage(steps=1, every=10, warmup=1)))
    for name, value in small:
        monkeypatch.setattr(ablations, name, value)
    monkeypatch.setattr(embedded, "SCENES", 4)
    monkeypatch.setattr(embedded, "ahead", lambda drawing, numbers: (drawing[n] for n in numbers))
    folder = tmp_path / "parts"
    new_text_encoder(len(vocabulary()), 32).save_pretrained(folder / "words")
    new_tokenizer(vocabulary()).save_pretrained(folder / "words")
    for part in ("scenes", "codec"):
        (folder / part).symlink_to(tmp_path / part)
    ablations.run(folder, "keyless", 0, 2, 0, ("fog",))
    assert Card.load(folder / "keyless-0" / "model").key_frames == 0
    assert 0 < float((folder / "keyless-0" / "loss.txt").read_text()) < 100
    shelf, stage = Shelf(folder / "scenes", 4), Stage(steps=9, warmup=1)
    assert ablations.Drawing(shelf, stage, 1.0, ablations.shares(("fog",))).effects == ["fog"]
    assert ablations.Drawing(shelf, stage, 1.0, ablations.shares(())).effects == list(EFFECTS)


def test_words_stand_in_the_same_order_in_every_process(recipe: ModuleType) -> None:
    own = recipe.KNOWN[len(vocabulary()) :]  # from sets, whose order is another in every process
    assert recipe.KNOWN[: len(vocabulary())] == vocabulary() and list(own) == sorted(own) and len(own) > 20


def test_words_in_another_order_are_other_words(recipe: ModuleType, tmp_path: Path) -> None:
    new_tokenizer((*recipe.KNOWN[1:], recipe.KNOWN[0])).save_pretrained(tmp_path / "words")
    with pytest.raises(BadInput, match="another vocabulary"):
        recipe.main(tmp_path, Stage(steps=1, every=10, warmup=1, drop=0.0, seed=1), None, None)


def test_batches_depend_on_their_number_alone(recipe: ModuleType) -> None:
    import session_lessons as lessons

    few = replace(recipe.SEE, data=100)
    for draw in (
        lambda rng: lessons.sessions(rng, 2, (64, 64), few, True),
        lambda rng: lessons.composed(rng, (64, 64), few),
        lambda rng: lessons.story(rng, (64, 64), few),
    ):
        one, same = (draw(np.random.default_rng(3)) for _ in range(2))
        assert one.story == same.story == (one.turns[0].said[0] in lessons.NEXT)
        assert np.array_equal(one.source, same.source) and len(one.turns) == len(same.turns)
        for a, b in zip(one.turns, same.turns):
            assert a.said == b.said and all(np.array_equal(a.pictures[task], b.pictures[task]) for task in a.pictures)


def test_every_request_of_a_session_is_understood(recipe: ModuleType) -> None:
    from refrain.data.sessions import draw_composition, draw_session
    from refrain.editing.request import understood

    known = frozenset(recipe.KNOWN)
    for seed in range(20):
        said = draw_composition(seed, (32, 32)).instruction
        assert understood(said, recipe.TAUGHT, known), said
        for turn in draw_session(seed, 6, (32, 32)).turns:
            assert understood(turn.instruction, recipe.TAUGHT, known), turn.instruction


def test_a_story_is_asked_for_in_words_that_are_understood(recipe: ModuleType) -> None:
    from refrain.editing.request import understood

    assert all(understood(said, recipe.TAUGHT, frozenset(recipe.KNOWN)) for said in recipe.NEXT)


def test_a_thing_that_is_painted_anew_is_known_by_the_colour_that_it_had(recipe: ModuleType) -> None:
    from refrain.data.sessions import draw_session

    met = 0
    for seed in range(300):
        turn = draw_session(seed, 1, (32, 32)).turns[0]
        told = recipe.meant(seed)
        facts = told.facts
        if turn.kind != "recolour" or turn.instruction not in told.said:
            continue
        thing = turn.before.graph.thing(turn.turn.thing)
        assert (f"thing {thing.colour}" in facts) == (thing.colour in turn.instruction.split())
        assert f"recolour {turn.turn.value}" in facts and f"thing {turn.turn.value}" not in facts
        met += thing.colour in turn.instruction.split()
    assert met > 5


def test_what_a_composition_means_is_which_reference_goes_where(recipe: ModuleType) -> None:
    from refrain.data.sessions import draw_composition

    met = dict[str, int]()
    for seed in range(400):
        told = recipe.meant(seed)
        if "compose" not in told.facts:
            continue
        one, other = draw_composition(seed, (32, 32)).graphs[3].things
        lying = abs(one.x - other.x) > abs(one.y - other.y)
        first, second = ("left", "right") if lying else ("top", "bottom")
        if one.x + one.y > other.x + other.y:
            first, second = second, first
        assert told.of_words["one"] == f"goes to the {first}" and told.of_words["two"] == f"goes to the {second}"
        words = told.said.replace("<1>", "one").replace("<2>", "two").split()
        holding = {told.of_words[word] for word in words if told.of_words.get(word, "").startswith("holds")}
        assert holding == {"holds one", "holds two"}, "both places are named in words of their own"
        assert told.facts == {"compose", f"compose {int(first in ('right', 'bottom'))}"}
        met[first] = met.get(first, 0) + 1
    assert len(met) == 4


def test_what_is_pointed_at_is_what_the_words_and_the_picture_say(recipe: ModuleType) -> None:
    import session_lessons as lessons

    from refrain.data.sessions import draw_session

    told = (turn for seed in range(40) for turn in draw_session(seed, 1, (64, 64)).turns)
    turn = next(one for one in told if one.kind == "remove")
    thing, masks = turn.before.graph.thing(turn.turn.thing), turn.before.rendered.masks
    said, found = set(turn.instruction.split()), lessons.pointed(turn) / 255
    assert found.shape == (lessons.POINTED, 1, 64, 64)
    assert np.allclose(found[1], masks[thing.key], atol=0.01)  # what is there before
    start = 5
    for n, (trait, values) in enumerate(lessons.TRAITS.items()):
        value = getattr(thing, trait)
        alike = sum(masks[one.key] for one in turn.before.graph.things if getattr(one, trait) == value)
        assert np.allclose(found[start + values.index(value)], alike, atol=0.01)
        assert np.allclose(found[2 + n], alike if value in said else 0 * alike, atol=0.01)
        start += len(values)
    assert not found[start:].any(), "nothing stands where it was"
    asked = draw_session(1, 1, (64, 64), kinds=("add",)).turns[0]
    made, covered = asked.turn.added, asked.after.rendered.masks[asked.turn.thing]
    found = lessons.pointed(asked)[start:] / 255
    for trait, values in lessons.DRAWN.items():
        for one, value in zip(found, values):
            assert np.allclose(one, covered if getattr(made, trait) == value else 0, atol=0.01)
        found = found[len(values) :]
    assert len(found) == lessons.BROUGHT and not found.any(), "nothing comes from a reference"


def test_drawing_weighs_what_a_change_lacks_in_pixels_and_seeing_by_its_noise(recipe: ModuleType) -> None:
    codec = quarters()
    weighing = recipe.weighing_of(recipe.DRAW, codec)
    assert torch.equal(weighing.worth, codec.worth)
    assert weighing.floor == recipe.DRAW.floor
    assert recipe.weighing_of(recipe.SEE, codec) is None


def test_of_a_composition_both_things_are_pointed_at_where_they_come_to_stand(recipe: ModuleType) -> None:
    import session_lessons as lessons

    from refrain.data.sessions import draw_composition

    one = draw_composition(5, (64, 64))
    found = lessons.pointed_composed(one) / 255
    assert found.shape == (lessons.POINTED, 1, 64, 64)
    assert np.allclose(found[0], np.maximum(*one.masks), atol=0.01)
    before = 2 + len(lessons.TRAITS) + sum(map(len, lessons.TRAITS.values()))
    assert not found[1:before].any(), "nothing stands there before"
    drawn = found[before:]
    for trait, values in lessons.DRAWN.items():
        for thing, mask in zip(one.graphs[3].things, one.masks):
            assert (drawn[values.index(getattr(thing, trait))] >= mask - 0.01).all()
        drawn = drawn[len(values) :]
    assert np.allclose(drawn, one.masks, atol=0.01), "the first comes from <1>, the second from <2>"
    told = lessons.composed(np.random.default_rng(3), (64, 64), recipe.SEE).turns[0].pointed
    assert told is not None and told.shape[1:] == found.shape


def test_a_share_of_the_lessons_of_several_turns_meets_own_answers(recipe: ModuleType, tmp_path: Path) -> None:
    import session_lessons as lessons

    def drawn(own: float, number: int) -> bool:
        stretch = replace(recipe.DRAW, own=own, composed=0.0)
        return lessons.Lessons(Shelf(tmp_path / "scenes", 4), Stage(steps=9, warmup=1), stretch)[number].own

    assert all(drawn(1.0, n) for n in range(3)) and not any(drawn(0.0, n) for n in range(3))
