"""Laws of the row that training and use share: what stands where, on which beat, cut into which windows."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from refrain.editing.compose import Seen, Window, compose, see, shrink, windows
from refrain.errors import BadInput, Unsupported
from refrain.models.protocols import Card
from refrain.sequence import coarsen, grid
from refrain.sequence.position import coarse_size
from rows import some

CARD = Card(
    kinds=("text", "source", "answer", "reference", "target"), coarse=(1, 2, 2), key_frames=1, history=1, window=3,
    context_words="none",
)  # fmt: skip


class Means:
    """A codec whose latents are means of 4 x 8 x 8 pixels, the first frame alone."""

    channels, frames_per_latent, pixels_per_latent = 3, 4, 8

    def encode(self, frames: Tensor) -> Tensor:
        assert frames.shape[1] % 4 == 1
        assert frames.shape[3] % 8 == frames.shape[4] % 8 == 0
        x = frames.transpose(1, 2)  # [B, 3, T, Y, X]
        first = F.avg_pool3d(x[:, :, :1], (1, 8, 8))
        return first if x.shape[2] == 1 else torch.cat([first, F.avg_pool3d(x[:, :, 1:], (4, 8, 8))], dim=2)

    def decode(self, latents: Tensor, first: bool = True) -> Tensor:
        raise NotImplementedError


def seen(frames: int = 7, rows: int = 8, columns: int = 12) -> Seen:
    return Seen(some(1, 4, frames, rows, columns), some(1, 4, frames, rows // 2, columns // 2, seed=1))


def kinds(row) -> list[tuple[str, int, int]]:
    return [(s.kind, s.beat, len(s)) for s in row]


def test_a_first_window() -> None:
    row = compose(some(1, 5, 32), seen(), Window(0, 3), CARD)
    assert kinds(row) == [("text", 0, 5), ("source", 0, 3 * 2 * 3), ("source", 0, 24), ("target", 0, 3 * 24)]
    _, half, key, target = row.segments
    assert torch.equal(half.positions, coarsen(3, 4, 6))
    assert torch.equal(key.positions, grid(1, 4, 6))
    assert torch.equal(target.positions, grid(3, 4, 6))


def test_a_later_window_sees_the_end_of_the_answer_unchanged_and_one_beat_earlier() -> None:
    clip, history, words = seen(), some(1, 4, 1, 8, 12, seed=3), some(1, 5, 32)
    row = compose(words, clip, Window(3, 5, 1), CARD, history, beat=2)
    assert [(s.kind, s.beat) for s in row] == [
        ("text", 2), ("text", 0), ("answer", 1), ("source", 2), ("source", 2), ("target", 2)
    ]  # fmt: skip
    _, _, answer, half, key, target = row.segments
    assert answer.content is history
    assert torch.equal(answer.positions, grid(1, 4, 6))
    assert clip.coarse is not None
    assert half.content is not None and torch.equal(half.content, clip.coarse[:, :, 3:5])
    assert key.content is not None and torch.equal(key.content, clip.full[:, :, 3:4])
    assert torch.equal(target.positions, grid(2, 4, 6, (1, 0, 0)))
    assert {row.words(1), row.words(2)} == {row.segments[0], row.segments[1]}


def test_a_history_comes_with_a_window_that_wants_it() -> None:
    for window, history in ((Window(3, 5, 1), None), (Window(0, 3), some(1, 4, 1, 8, 12))):
        with pytest.raises(BadInput, match="history"):
            compose(some(1, 5, 32), seen(), window, CARD, history)


def test_a_change_names_its_base_and_a_velocity_needs_none() -> None:
    clip = seen()
    assert compose(some(1, 5, 32), clip, Window(0, 3), CARD).target.base is None
    changing = compose(some(1, 5, 32), clip, Window(3, 6, 1), replace(CARD, prediction="change"), some(1, 4, 1, 8, 12))
    assert changing.target.base is not None
    assert torch.equal(changing.target.base, clip.full[:, :, 3:6])


def test_offsets_move_positions_and_never_the_canvas() -> None:
    card = replace(CARD, offsets={"source": (0, 50, 0), "reference": (0, 0, 100)})
    clip = replace(seen(), references=(some(1, 4, 1, 4, 4), some(1, 4, 1, 4, 4, seed=2)))
    row, plain = (compose(some(1, 5, 32), clip, Window(0, 3), c) for c in (card, CARD))
    for a, b in zip(row, plain):
        assert torch.equal(a.canvas, b.canvas)
    moves = [(a.positions - b.positions).unique(dim=0).tolist() for a, b in zip(row, plain) if a.kind != "text"]
    assert moves == [[[0, 0, 100]], [[0, 0, 200]], [[0, 50, 0]], [[0, 50, 0]], [[0, 0, 0]]]


def test_at_full_size_the_source_stands_once() -> None:
    row = compose(some(1, 5, 32), replace(seen(), coarse=None), Window(0, 3), replace(CARD, coarse=(1, 1, 1)))
    assert kinds(row) == [("text", 0, 5), ("source", 0, 72), ("target", 0, 72)]


@given(st.integers(1, 60), st.integers(1, 12), st.data())
def test_windows_tile_the_timeline(latents: int, window: int, data: st.DataObject) -> None:
    history = data.draw(st.integers(0, window - 1))
    card = replace(CARD, window=window, history=history)
    if latents > window and not history:
        with pytest.raises(Unsupported, match="latent frames at once"):
            windows(latents, card)
        return
    cuts = windows(latents, card)
    assert [i for cut in cuts for i in range(cut.start, cut.stop)] == list(range(latents))
    assert all(cut.stop - cut.start + cut.history <= window for cut in cuts)
    assert [cut.history for cut in cuts] == [0] + [history] * (len(cuts) - 1)
    assert all(cut.history <= cut.start for cut in cuts)
    later = [cut.stop - cut.start for cut in cuts[1:]]
    assert not later or max(later) - min(later) <= 1, "a short last window would jump"
    assert len(cuts) == 1 + max(0, -(-(latents - window) // (window - history)))


def test_a_history_as_long_as_the_window_is_refused_not_walked_for_ever() -> None:
    with pytest.raises(Unsupported):
        windows(9, replace(CARD, window=3, history=3))


@given(st.integers(0, 5), st.integers(1, 5), st.integers(1, 5), st.tuples(*[st.integers(1, 3)] * 3))
def test_coarse_latents_are_as_many_as_coarse_positions(
    k: int, rows: int, columns: int, factor: tuple[int, int, int]
) -> None:
    """Odd numbers of rows and of latent frames included: 45 rows of tokens are covered by 23."""
    frames = torch.zeros(1, 4 * k + 1, 3, 16 * rows, 16 * columns)
    latents = Means().encode(shrink(frames, factor, 16))
    tokens = (latents.shape[2], latents.shape[3] / 2, latents.shape[4] / 2)
    assert tokens == coarse_size(k + 1, rows, columns, factor)


def test_a_shrunken_cell_is_the_mean_of_what_it_covers() -> None:
    frames = some(2, 5, 3, 32, 64)
    small = shrink(frames, (1, 2, 2), 16)
    assert small.shape == (2, 5, 3, 16, 32)
    torch.testing.assert_close(small[1, 2, 0, 3, 5], frames[1, 2, 0, 6:8, 10:12].mean())


def test_seeing_encodes_once_at_each_size() -> None:
    frames = some(1, 9, 3, 48, 32)
    found = see(Means(), frames, CARD)
    assert found.full.shape == (1, 3, 3, 6, 4)
    assert found.coarse is not None
    assert found.coarse.shape == (1, 3, 3, 4, 2)  # three rows of tokens are covered by two
    row = compose(some(1, 5, 32), found, Window(0, 3), CARD)
    assert [len(s) for s in row] == [5, 3 * 2 * 1, 3 * 2, 3 * 3 * 2]


def test_references_need_a_checkpoint_that_knows_them() -> None:
    with pytest.raises(Unsupported, match="reference pictures"):
        see(Means(), some(1, 1, 3, 32, 32), replace(CARD, kinds=("text", "source", "target")), (some(1, 1, 3, 16, 16),))
