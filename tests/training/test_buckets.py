"""Laws of shapes: what a model can take, near the clip's own aspect, one shape to a bucket."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.pairs import bare
from refrain.data.facts import Facts
from refrain.data.store import Store
from refrain.errors import BadInput
from refrain.models.protocols import Card
from refrain.training.buckets import buckets, lengths_of, shape_of

CARD = Card(short_side=64, multiple=32, window=3, history=1)
FACTS = st.builds(Facts, st.integers(1, 200), st.integers(16, 2000), st.integers(16, 2000), st.just(24.0))


@given(FACTS, st.sampled_from([16, 32]), st.integers(64, 700).map(lambda side: side * side))
def test_shapes_are_what_a_model_can_take(facts: Facts, multiple: int, area: int) -> None:
    shape = shape_of(facts, Card(multiple=multiple), (17, 9, 1), area)
    assert shape is not None
    assert shape.frames == max(n for n in (17, 9, 1) if n <= facts.frames)
    assert not shape.height % multiple and not shape.width % multiple
    square = 0.25 < facts.height / facts.width < 4 and area > 40 * multiple**2
    if square:
        assert area / 2 < shape.height * shape.width < area * 2
        assert abs(shape.height / shape.width / (facts.height / facts.width) - 1) < 0.5


def test_left_open_the_size_is_that_of_an_edit() -> None:
    shape = shape_of(Facts(9, 128, 224, 24), CARD, (9,))
    assert shape is not None and shape.size == (64, 128)  # 64 x 112, in steps of 32


def test_lengths_suit_the_model() -> None:
    assert lengths_of(Card(window=21)) == (81,)
    assert lengths_of(CARD) == (17, 9)


def filled(folder: Path, *facts: tuple[int, int, int]) -> Store:
    store = Store.create(folder)
    store.add(
        bare(folder, n, frames=frames, height=height, width=width, fps=24.0, split="train")
        for n, (frames, height, width) in enumerate(facts)
    )
    return store


def test_a_bucket_has_one_shape_and_every_pair_is_in_one(tmp_path: Path) -> None:
    store = filled(tmp_path, (20, 64, 64), (9, 64, 64), (30, 128, 128), (17, 64, 128), (16, 128, 64))
    found = buckets(store, CARD)
    assert len({bucket.shape for bucket in found}) == len(found)
    assert {(b.shape.frames, *b.shape.size): [p.id for p in b.pairs] for b in found} == {
        (17, 64, 64): ["pair0", "pair2"],
        (9, 64, 64): ["pair1"],
        (17, 64, 128): ["pair3"],
        (9, 128, 64): ["pair4"],
    }


def test_pairs_that_are_too_short_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"2 pairs are shorter than 9 frames: pair1 \(line 2\), pair2 \(line 3\)"):
        buckets(filled(tmp_path, (20, 64, 64), (8, 64, 64), (1, 64, 64)), CARD)


def test_nothing_to_learn_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no pairs to learn from in its test split"):
        buckets(filled(tmp_path, (20, 64, 64)), CARD, split="test")
    with pytest.raises(BadInput, match="say 4k"):
        buckets(filled(tmp_path / "more", (20, 64, 64)), CARD, lengths=(8,))
