"""The plan in tiles says what the rule says, and which tiles lie where."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from guarantees.test_tiles_hold_one_segment import CUTS, ROWS
from refrain.attention import Plan
from refrain.attention.tiles import Cut
from refrain.attention.tiling import ALIGNED_KINDS, Tiling
from refrain.sequence import RULES, Align, Kind, Segment, Sequence, coarsen, grid, isolated

CPU = torch.device("cpu")
RULE = st.sampled_from(sorted(RULES))


def tiled(row: Sequence, rule: str, cut: Cut) -> Tiling:
    return Plan.of(row, RULES[rule]).tiling(cut, CPU)


@given(ROWS, RULE, CUTS)
@settings(max_examples=25)
def test_a_tile_sees_what_its_segment_sees(row: Sequence, rule: str, cut: Cut) -> None:
    tiling, segments = tiled(row, rule, cut), row.segments
    for i, query in enumerate(tiling.queries.segment.tolist()):
        assert bool(tiling.noisy_q[i]) == segments[query].noisy
        seen = [RULES[rule](segments[query], segments[key]) for key in tiling.keys.segment.tolist()]
        assert tiling.sees[i].tolist() == seen
    assert tiling.noisy.tolist() == [segments[key].noisy for key in tiling.keys.segment.tolist()]


@given(ROWS, RULE, CUTS)
@settings(max_examples=25)
def test_own_is_one_tile_and_what_is_beside_it_touches_it(row: Sequence, rule: str, cut: Cut) -> None:
    tiling = tiled(row, rule, cut)
    same = tiling.queries.segment[:, None] == tiling.keys.segment
    apart = (tiling.queries.place[:, None] - tiling.keys.place).abs().amax(-1)  # [N, M]
    assert torch.equal(tiling.first == 8, same & (apart == 0))
    assert torch.equal(tiling.first == 2, same & (apart == 1))
    assert bool(((tiling.first == 8).sum(1) == 1).all())  # by these rules everybody sees itself
    assert int((tiling.first == 2).sum(1).max()) <= 26


@given(ROWS, RULE, CUTS)
@settings(max_examples=25)
def test_words_and_all_that_words_look_at_come_first(row: Sequence, rule: str, cut: Cut) -> None:
    tiling = tiled(row, rule, cut)
    said = torch.tensor([s.kind == "text" for s in row])
    wordy = said[tiling.queries.segment][:, None] | said[tiling.keys.segment]
    assert torch.equal(tiling.words > 0, wordy)


@given(ROWS, RULE, CUTS)
@settings(max_examples=25)
def test_groups_are_a_partition_in_which_all_see_the_same(row: Sequence, rule: str, cut: Cut) -> None:
    tiling, segments = tiled(row, rule, cut), row.segments
    assert sorted(n for group in tiling.groups for n in group.rows.tolist()) == list(range(len(tiling.queries)))
    said = torch.tensor([s.kind == "text" for s in segments])
    for group in tiling.groups:
        seen, noisy = tiling.sees[group.rows], tiling.noisy_q[group.rows]
        assert bool((seen == seen[0]).all())
        assert rule == "full" or len(tiling.queries.segment[group.rows].unique()) == 1
        assert torch.equal(group.voters, group.rows[noisy] if bool(noisy.any()) else group.rows)
        noise, clean = seen[0] & tiling.noisy, seen[0] & ~tiling.noisy & ~said[tiling.keys.segment]
        assert torch.equal(group.columns, (noise if bool(noise.any()) else seen[0]).nonzero().flatten())
        if bool(said[tiling.queries.segment[group.rows]].all()):
            clean = clean & False  # words see all exactly first: nothing is selected for them
        assert torch.equal(group.context, clean.nonzero().flatten())
        tokens = tiling.keys.lengths[group.context]
        assert group.whole == (int(tokens.sum()) // int(tokens.max()) if len(tokens) else 0)


def covered(canvas: Tensor, order: Tensor, length: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The part of the canvas that a tile covers, from and to, [3] each; a token covers `cell` around its place."""
    there = canvas[order[:length]]
    return there.amin(0) - cell / 2, there.amax(0) + cell / 2


FACTORS = st.sampled_from([(1, 1, 1), (1, 2, 2), (2, 2, 2), (1, 2, 1), (1, 4, 4)])
BOXES: st.SearchStrategy[Cut] = st.sampled_from([None, (3, 5, 4), (2, 2, 2), (1, 3, 3)])


@given(st.tuples(*[st.integers(1, 13)] * 3), FACTORS, BOXES, st.sampled_from(ALIGNED_KINDS))
def test_the_aligned_tile_covers_the_same_place_of_the_canvas(size, factor, cut: Cut, kind: Kind) -> None:  # type: ignore[no-untyped-def]
    """Of a context at any size, corrected to the canvas (`centre`), exactly one tile, and it overlaps the query's."""
    above = Segment(kind, 0, coarsen(*size, factor=factor))
    row = Sequence([above, Segment("target", 0, grid(*size))])
    tiling = Plan.of(row, isolated).tiling(cut, CPU)
    cell = torch.tensor([float(n) for n in factor])
    rows = tiling.noisy_q.nonzero().flatten()
    beneath = tiling.aligned[:, tiling.keys.segment == 0]
    assert bool((beneath[rows] > 0).sum(1).eq(1).all()) and float(tiling.aligned.sum()) == 6.0 * len(rows)
    for i in rows.tolist():
        j = int(beneath[i].argmax())
        low, high = covered(row.segments[1].canvas, tiling.queries.order[i] - len(above),
                            tiling.queries.lengths[i], torch.ones(3))  # fmt: skip
        under, over = covered(above.canvas, tiling.keys.order[j], tiling.keys.lengths[j], cell)
        assert bool((under < high).all()) and bool((low < over).all())


@given(st.tuples(*[st.integers(1, 13)] * 3), BOXES)
def test_of_a_context_of_the_same_size_the_aligned_tile_is_the_one_at_the_same_place(size, cut: Cut) -> None:  # type: ignore[no-untyped-def]
    row = Sequence([Segment("source", 0, grid(*size)), Segment("target", 0, grid(*size))])
    tiling = Plan.of(row, isolated).tiling(cut, CPU)
    rows, source = tiling.noisy_q, tiling.keys.segment == 0
    assert torch.equal(tiling.aligned[rows][:, source] > 0, torch.eye(int(source.sum()), dtype=torch.bool))


@pytest.mark.parametrize("align", ["centre", "corner"])
def test_a_half_size_source_of_known_tiles(align: Align) -> None:
    """Tiles of 1 x 2 x 2: four tiles of the target lie on each of the source."""
    row = Sequence([Segment("source", 0, coarsen(1, 8, 8, align=align)), Segment("target", 0, grid(1, 8, 8))])
    tiling = Plan.of(row, isolated).tiling((1, 2, 2), CPU)
    target = tiling.aligned[tiling.noisy_q][:, :4].argmax(1).reshape(4, 4)
    assert target.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


def test_a_first_frame_is_aligned_with_every_frame_and_a_reference_with_none() -> None:
    row = Sequence(
        [
            Segment("source", 0, grid(1, 4, 4)),
            Segment("reference", 0, grid(1, 4, 4)),
            Segment("target", 0, grid(3, 4, 4)),
        ]
    )
    tiling = Plan.of(row, isolated).tiling((1, 2, 2), CPU)
    rows = tiling.aligned[tiling.noisy_q]
    assert rows[:, :4].argmax(1).tolist() == [0, 1, 2, 3] * 3
    assert float(rows[:, 4:].sum()) == 0 and float(tiling.aligned[~tiling.noisy_q].sum()) == 0


def test_tiles_are_cut_once() -> None:
    plan = Plan.of(Sequence([Segment("target", 0, grid(3, 4, 4))]), isolated, tile=(1, 4, 4))
    assert plan.tiling(None, CPU) is plan.tiling((1, 4, 4), CPU) and len(plan.tiling(None, CPU).queries) == 3
