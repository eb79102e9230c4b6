"""Laws of lessons of stories: what a picture is a change of follows from what stood before it, as in use."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from editing.lines import knowing, words
from editing.views import latents_of, shipped, view
from refrain.editing.compose import Seen
from refrain.editing.motion import moved_on
from refrain.models.embedded.codec import LinearCodec
from refrain.sequence import Sequence
from refrain.training.lesson import NOTHING, Lesson, TaughtTurn, rows_of
from refrain.training.story import told_on


@pytest.fixture(scope="module")
def codec() -> LinearCodec:
    return shipped()


def story(codec: LinearCodec, pictures: list[np.ndarray]) -> Lesson:
    first, *others = (Seen(latents_of(codec, one), None) for one in pictures)
    return Lesson(first, tuple(TaughtTurn({"picture": words(n)}, {"picture": one}) for n, one in enumerate(others)))


def pan() -> list[np.ndarray]:
    return [view(3 * n) for n in range(4)]


def drawing(rows: list[Sequence], drawn: Tensor, moves_on: bool = True) -> Any:
    """A model that draws always the same."""

    def prepare(row: Sequence, memory: bool) -> Any:
        rows.append(row)
        return SimpleNamespace(velocity=lambda noise, t: noise - drawn)

    return SimpleNamespace(card=knowing(moves_on=moves_on).card, prepare=prepare, forget=lambda: None)


def test_every_picture_is_a_change_of_the_last_one_moved_on(codec: LinearCodec) -> None:
    taught = story(codec, pan())
    rows, seen = list[Sequence](), [taught.source.full, *(turn.found["picture"].full for turn in taught.turns)]
    told = told_on(drawing(rows, seen[0]), codec, taught, torch.Generator())
    assert not rows and told.source is taught.source
    for n, (turn, before) in enumerate(zip(told.turns, taught.turns), 1):
        assert turn.base is not None and torch.equal(turn.base, moved_on(codec, seen[:n]))
        assert turn.found is before.found and turn.words is before.words and turn.came is None
    assert told.turns[0].base is taught.source.full and not torch.equal(seen[1], told.turns[1].base)  # type: ignore[arg-type]
    row, clean = rows_of(told, knowing(), torch.Generator(), NOTHING)
    assert [target.base is turn.base for target, turn in zip(row.targets, told.turns)] == [True] * 3
    assert all(x is turn.found["picture"].full for x, turn in zip(clean, told.turns))
    moved = told.to("cpu").turns[2].base
    assert moved is not None and torch.equal(moved, told.turns[2].base)  # type: ignore[arg-type]


def test_the_models_own_stand_from_the_third_picture_on(codec: LinearCodec) -> None:
    pictures = [*pan(), view(12)]
    taught, rows = story(codec, pictures), list[Sequence]()
    drawn = latents_of(codec, view(5, 4))
    told = told_on(drawing(rows, drawn), codec, taught, torch.Generator(), own=True)
    assert [turn.came is None for turn in told.turns] == [True, False, False, True] and len(rows) == 2
    assert torch.allclose(told.turns[1].after.full, drawn, atol=1e-5)
    assert told.turns[0].after is taught.turns[0].found["picture"], "no single picture tells which way it goes"
    seen = [taught.source.full, taught.turns[0].found["picture"].full, told.turns[1].after.full]
    assert torch.equal(told.turns[2].base, moved_on(codec, seen))  # type: ignore[arg-type]
    assert rows[0].target.base is told.turns[1].base and rows[1].target.base is told.turns[2].base
    assert all(turn.found is before.found for turn, before in zip(told.turns, taught.turns)), "the truth is learnt"


def test_nothing_of_what_is_learnt_is_in_its_base(codec: LinearCodec) -> None:
    one, other = pan(), pan()
    other[2:] = [view(-7), view(20, 3)]
    bases = [
        [turn.base for turn in told_on(drawing([], torch.zeros(1)), codec, story(codec, each), torch.Generator()).turns]
        for each in (one, other)
    ]
    same = [torch.equal(a, b) for a, b in zip(*bases)]  # type: ignore[arg-type]
    assert same == [True, True, False], "the base of the second picture knows two, that of the third all three"


def test_a_model_that_moves_nothing_on_learns_changes_of_what_stood(codec: LinearCodec) -> None:
    taught, rows = story(codec, pan()), list[Sequence]()
    told = told_on(drawing(rows, taught.source.full, moves_on=False), codec, taught, torch.Generator(), own=True)
    assert [turn.base for turn in told.turns] == [None] * 3
    assert rows[0].target.base is taught.turns[0].found["picture"].full
