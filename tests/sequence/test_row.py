"""Laws of the row: records that do not change, segments that are themselves, and words that can be said anew."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from refrain.errors import BadInput
from refrain.sequence import Segment, Sequence, grid
from rows import laid, one_turn, said, second_turn, some


def test_records_do_not_change() -> None:
    row = one_turn()
    with pytest.raises(FrozenInstanceError):
        row.target.beat = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        row.segments = ()  # type: ignore[misc]


def test_equal_segments_are_still_two() -> None:
    a, b = laid("source", 0, 1), laid("source", 0, 1)
    assert a != b
    assert len({a, b}) == 2
    with pytest.raises(BadInput, match="twice"):
        Sequence([a, b, a])


def test_a_canvas_is_the_positions_unless_given() -> None:
    positions = grid(2, 3, 4)
    assert Segment("source", 0, positions).canvas is positions
    canvas = positions + 1
    assert Segment("source", 0, positions, canvas=canvas).canvas is canvas


@pytest.mark.parametrize("canvas", [torch.zeros(5, 3), torch.zeros(6, 2), torch.zeros(3, 6)])
def test_positions_and_canvas_are_one_place_a_token(canvas: torch.Tensor) -> None:
    with pytest.raises(BadInput, match="positions and canvas"):
        Segment("source", 0, grid(1, 2, 3), canvas=canvas)


def test_only_a_target_is_noisy_and_only_a_target_has_a_base() -> None:
    assert [s.kind for s in second_turn() if s.noisy] == ["target"]
    with pytest.raises(BadInput, match="base"):
        Segment("source", 0, grid(1, 1, 1), base=torch.zeros(1))


def test_a_size_is_read_from_the_canvas() -> None:
    assert Segment("source", 0, grid(2, 3, 4) * 2 + 0.5).size == (2, 3, 4)
    with pytest.raises(BadInput, match="not a box"):
        _ = Segment("source", 0, grid(2, 3, 4)[:-1]).size


def test_a_row_counts_tokens() -> None:
    row = one_turn()
    assert len(row) == sum(len(s) for s in row)
    assert len(row + second_turn()) == len(row) + len(second_turn())


@pytest.mark.parametrize(
    "row", [Sequence([laid("source", 0, 1)]), Sequence([laid("target", 0, 1), laid("target", 2, 2)])]
)
def test_a_row_that_is_denoised_has_one_target(row: Sequence) -> None:
    with pytest.raises(BadInput, match="targets"):
        _ = row.target


def test_an_answer_hears_the_words_that_asked_for_it() -> None:
    row = second_turn()
    first, second = (s for s in row if s.kind == "text")
    assert [row.words(beat) for beat in range(4)] == [first, first, second, second]
    assert row.words(4) is None
    assert all(s.kind != "text" for s in row.without_words())


@pytest.mark.parametrize("length", [5, 3])
def test_new_words_leave_every_other_segment_the_same_object(length: int) -> None:
    row, states = second_turn(), some(1, length, 32, seed=8)
    new = row.reworded(states)
    assert [a is b for a, b in zip(row, new)] == [True, True, True, False, True, True]
    told = new.words(2)
    assert told is not None
    assert told.content is states
    assert len(told) == length


def test_guidance_drops_the_words_of_the_targets_beat_alone() -> None:
    row = Sequence([said(0, 1), said(2, 2), laid("target", 0, 0)])
    new = row.reworded(some(1, 5, 32))
    assert [a is b for a, b in zip(row, new)] == [False, True, True]
