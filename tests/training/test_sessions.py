"""Lessons from a set of sessions: what the codec makes of its pictures, once, and drawn from the seed alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from editing.sessions import KNOWS_TURNS
from refrain.data.sessions.build import Asked, build
from refrain.data.sessions.store import SessionFiles, SessionStore
from refrain.editing.compose import see
from refrain.errors import BadInput, Unsupported
from refrain.media import Clip
from refrain.models.load import Host, host
from refrain.training.batches import Reading
from refrain.training.cache import Filled
from refrain.training.lesson import loss_of_lesson
from refrain.training.sessions import Lessons, lessons
from refrain.training.stage import Stage
from tiny_embedded import CARD, save_tiny_embedded

STAGE = Stage(4, drop=0.3, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sessions")
    build(Asked(count=3, turns=2, size=(64, 64)), found, lambda done, of: None)
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Host:
    card = replace(CARD, **KNOWS_TURNS, key_frames=0)
    return host(save_tiny_embedded(tmp_path_factory.mktemp("m") / "m", card), torch.float32, torch.device("cpu"))


def drawn(folder: Path, model: Host, heard=lambda filled: None, **facts: object) -> Lessons:
    reading = Reading(folder / "cache", **{"batch": 2, "ahead": 0, **facts})
    store = SessionStore.open(folder)
    return lessons([(store, 1.0)], model.card, model.codec, model.words, STAGE, reading, heard=heard)


@pytest.mark.slow
def test_a_lesson_holds_what_the_codec_sees_and_the_words(folder: Path, model: Host) -> None:
    made = drawn(folder, model)
    lesson = made.lesson(0)
    assert len(lesson.ids) == 2 and len(lesson.turns) == 2
    one = next(s for s in SessionStore.open(folder).sessions if s.id == lesson.ids[0])
    seen = see(model.codec, Clip.read(one.turns[1].picture).at((64, 64))[None], model.card)
    found = lesson.turns[1].found
    assert list(found) == ["here", "there", "picture"]
    assert torch.equal(found["picture"].full[:1], seen.full)
    assert found["picture"].coarse is not None and torch.equal(found["picture"].coarse[:1], seen.coarse)
    said = {text: model.words.encode([text])[0] for text in ("", one.turns[1].words)}
    assert any(torch.equal(lesson.turns[1].words["picture"][0], states) for states in said.values())
    silent = [torch.equal(t.words["picture"][b], said[""]) for n in range(20) for t in made.lesson(n).turns
              for b in range(2)]  # fmt: skip
    assert 0.1 < sum(silent) / len(silent) < 0.55
    loss = loss_of_lesson(model.denoiser, lesson.to("cpu"), torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    loss.backward()
    assert bool(torch.isfinite(loss))


def test_nothing_is_encoded_twice_and_a_number_gives_the_same_lesson(folder: Path, model: Host) -> None:
    told: list[Filled] = []
    first, again = drawn(folder, model), drawn(folder, model, told.append)
    assert told[-1].made == 0 and told[-1].done == told[-1].total > 20
    a, b = first.lesson(3), next(again([3]))
    assert a.ids == b.ids and torch.equal(a.source.full, b.source.full) and first.cause == again.cause
    assert drawn(folder, model, batch=1).cause != first.cause


def test_what_cannot_be_learnt_from_is_one_sentence(folder: Path, model: Host, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="in its test split"):
        drawn(folder, model, split="test")
    with pytest.raises(BadInput, match="shorter than 5 frames"):
        drawn(folder, model, lengths=(5,))
    store, one = SessionStore.create(tmp_path), SessionStore.open(folder).sessions[0]
    store.add(SessionFiles("x", "train", tmp_path / "gone.png", one.turns))
    with pytest.raises(BadInput, match=r"line 1 \(x\).*is not there"):
        drawn(tmp_path, model)
    turn = replace(one.turns[0], references=(one.source,))
    other = SessionStore.create(tmp_path / "b")
    other.add(replace(one, turns=(turn,)))
    few = replace(model, card=replace(model.card, kinds=("text", "source", "answer", "target")))
    with pytest.raises(Unsupported, match="not trained on reference pictures"):
        drawn(tmp_path / "b", few)
