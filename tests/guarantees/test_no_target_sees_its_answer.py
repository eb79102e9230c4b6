"""No target can learn its own answer, or a later one, from the row: not directly and not through what it sees."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.editing.compose import Seen, windows
from refrain.models.protocols import Card
from refrain.sequence import RULES, Kind, Segment, Sequence, grid
from refrain.training.objective import row_of
from rows import denoiser, laid, latents, reach, said, some

ASKING: list[Kind] = ["text", "reference", "mask", "source"]


@st.composite
def sessions(draw: st.DrawFn) -> Sequence:
    """All turns of a session in one row, every prediction noisy and clean, in any order."""
    turns = draw(st.integers(1, 4))
    row = [Segment("source", 0, grid(1, 1, 1))]
    for n in range(turns):
        asked = draw(st.lists(st.sampled_from(ASKING), max_size=3))
        row += [Segment(kind, 2 * n, grid(1, 1, 1)) for kind in asked]
        row += [Segment("target", 2 * n, grid(1, 1, 1)) for _ in range(draw(st.integers(1, 2)))]
        row.append(Segment("answer", 2 * n + 1, grid(1, 1, 1)))
    return Sequence(draw(st.permutations(row)))


@given(sessions(), st.sampled_from(["isolated", "block_causal"]))
def test_in_no_layout_does_a_later_answer_reach_a_target(row: Sequence, rule: str) -> None:
    for target in (s for s in row if s.noisy):
        assert all(s.beat <= target.beat for s in reach(target, row, RULES[rule]))


@given(sessions())
def test_full_would_show_it_which_is_why_full_refuses_such_rows(row: Sequence) -> None:
    target = next(s for s in row if s.noisy)
    assert any(s.kind == "answer" and s.beat > target.beat for s in reach(target, row, RULES["full"]))


@pytest.mark.parametrize("rule", ["isolated", "block_causal"])
@torch.no_grad()
def test_the_network_is_blind_to_it(rule: str) -> None:
    def velocity(seed: int, memory: bool) -> torch.Tensor:
        own, later = (Segment("answer", beat, grid(2, 2, 3), content=latents(seed + beat)) for beat in (1, 3))
        row = [said(0, 1), laid("source", 0, 2), own, laid("target", 0, 0), said(2, 4), later]
        return denoiser(rule=rule).prepare(Sequence(row), memory=memory).velocity(latents(5), 0.5)

    for memory in (True, False):
        assert torch.equal(velocity(20, memory), velocity(30, memory))


@pytest.mark.parametrize("rule", sorted(RULES))
def test_training_lays_nothing_of_what_is_learnt(rule: str) -> None:
    """The row of every window of a clip, laid with answers that differ from the window on, is the same."""
    card = Card(rule=rule, kinds=("text", "source", "answer", "target"), coarse=(1, 2, 2), key_frames=1, history=2,
                window=4, prediction="change")  # fmt: skip
    seen = Seen(some(1, 4, 9, 4, 4), some(1, 4, 9, 2, 2))
    for window in windows(9, card):
        answers = [some(1, 4, 9, 4, 4, seed=n) for n in (1, 2)]
        answers[1][:, :, : window.start] = answers[0][:, :, : window.start]
        rows = [row_of(some(1, 5, 32), seen, window, card, answer) for answer in answers]
        assert window.history == (2 if window.start else 0)
        for a, b in zip(*(row.segments for row in rows)):
            assert (a.kind, a.beat) == (b.kind, b.beat)
            assert all(torch.equal(x, y) for x, y in zip(parts(a), parts(b)))


def parts(segment: Segment) -> list[torch.Tensor]:
    every = (segment.positions, segment.canvas, segment.content, segment.base)
    return [part for part in every if part is not None]
