"""Shapes: every pair at the size and length at which it is learnt, so that each batch has one shape."""

from collections.abc import Sequence
from dataclasses import dataclass

from refrain.data.clips import model_size, size_of_area
from refrain.data.facts import Facts
from refrain.data.pair import Pair, Split
from refrain.data.store import Store
from refrain.errors import BadInput
from refrain.models.protocols import Card

GROUP = 4  # frames in a latent; a clip is 4k + 1 frames


@dataclass(frozen=True, order=True)
class Shape:
    """Frames, rows and columns of a clip as it is learnt."""

    frames: int
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width


@dataclass(frozen=True)
class Bucket:
    """Pairs of one store that have one shape."""

    store: Store
    shape: Shape
    pairs: tuple[Pair, ...]


def lengths_of(card: Card) -> tuple[int, ...]:
    """The lengths in frames, longest first, that suit a model: of one window, and where it can go on, of two."""
    one = GROUP * (card.window - 1) + 1
    return (one + GROUP * (card.window - card.history), one) if card.history else (one,)


def shape_of(facts: Facts, card: Card, lengths: Sequence[int], area: int | None = None) -> Shape | None:
    """The shape at which a clip is learnt, None where it is shorter than every length.

    lengths: in frames, each 4k + 1; the longest that the clip has is taken. area: pixels of a frame; left open, the
    size is the one at which the model would edit the clip.
    """
    fits = [length for length in lengths if length <= facts.frames]
    if not fits:
        return None
    own = (facts.height, facts.width)
    size = model_size(own, card.short_side, card.multiple) if area is None else size_of_area(facts, area, card.multiple)
    return Shape(max(fits), *size)


def buckets(
    store: Store, card: Card, lengths: Sequence[int] = (), area: int | None = None, split: Split = "train"
) -> list[Bucket]:
    """The pairs of a split, by shape. Raises BadInput for pairs that are too short, and where there are none at all.

    A still is learnt as one frame, and only where `lengths` holds 1.
    """
    lengths = lengths or lengths_of(card)
    wrong = [length for length in lengths if length < 1 or length % GROUP != 1]
    if wrong:
        raise BadInput(f"A clip of {wrong[0]} frames cannot be learnt; say 4k + 1: 1, 5, 9, 13, ...")
    found: dict[Shape, list[Pair]] = {}
    short: list[Pair] = []
    for pair in store.of(split):
        shape = shape_of(store.facts(pair), card, lengths, area)
        if shape is None:
            short.append(pair)
        else:
            found.setdefault(shape, []).append(pair)
    if short:
        names = ", ".join(f"{pair.id} (line {pair.line})" for pair in short[:5]) + (", ..." if len(short) > 5 else "")
        raise BadInput(
            f"{store.path}: {len(short)} pairs are shorter than {min(lengths)} frames: {names}; ask for fewer "
            "frames or drop them."
        )
    if not found:
        raise BadInput(f"{store.path} has no pairs to learn from in its {split} split; add some.")
    return [Bucket(store, shape, tuple(pairs)) for shape, pairs in sorted(found.items())]
