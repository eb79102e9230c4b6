"""Laws of rendered sessions: what is drawn, what is changed, and what is said of it agree."""

from dataclasses import replace

import numpy as np
import pytest

from refrain.data.sessions import composed_words, draw_composition, draw_session, known_words
from refrain.data.sessions.graph import CELLS, GROUNDS, MOST, draw_graph
from refrain.data.sessions.render import render, shares_seen
from refrain.data.sessions.turns import KINDS, SEEN, GraphEdit, applied
from refrain.data.sessions.wording import fitting, inverse, name, names
from refrain.errors import BadInput

SIZE = (64, 64)


def test_the_same_seed_is_the_same_session_to_the_bit() -> None:
    one, other = (draw_session(5, 4, SIZE, 3) for _ in range(2))
    assert one == other
    assert [t.instruction for t in one.turns] == [t.instruction for t in other.turns]
    render.__globals__["plate"].cache_clear()
    render.__globals__["body"].cache_clear()
    for a, b in zip(one.turns, other.turns, strict=True):
        assert np.array_equal(a.frames, render(b.after.graph, SIZE, range(3)).frames)
        assert np.array_equal(a.mask_next, b.mask_next)


def test_words_and_edits_depend_on_the_seed_alone() -> None:
    small, large = draw_session(8, 5, (48, 64)), draw_session(8, 7, (96, 64), 5)
    assert [t.turn for t in small.turns] == [t.turn for t in large.turns][:5]
    assert [t.instruction for t in small.turns] == [t.instruction for t in large.turns][:5]


@pytest.mark.parametrize("length", [1, 4])
def test_nothing_changes_outside_the_masks(length: int) -> None:
    kinds = set[str]()
    for seed in range(6):
        for turn in draw_session(seed, 6, (48, 56), length).turns:
            kinds.add(turn.kind)
            assert np.array_equal(turn.before.frames[~turn.changed], turn.frames[~turn.changed]), turn.instruction
            assert (turn.before.frames != turn.frames)[turn.changed].any(), turn.instruction
            assert turn.frames.shape == (length, 48, 56, 3)
            for mask in (turn.mask_now, turn.mask_next):
                assert mask.dtype == np.float32 and mask.min() >= 0 and mask.max() <= 1
    assert kinds == set(KINDS)


def test_masks_share_every_pixel_among_what_is_seen() -> None:
    for seed in range(8):
        seen = render(draw_graph(seed), SIZE, (0, 12))
        total = np.sum(list(seen.masks.values()), 0)
        assert total.max() <= 1 + 1e-5
        bare = render(replace(draw_graph(seed), things=()), SIZE, (0, 12))
        assert np.array_equal(seen.frames[total == 0], bare.frames[total == 0])


def test_a_name_fits_exactly_one_object() -> None:
    rng = np.random.default_rng(0)
    for seed in range(12):
        session = draw_session(seed, 5, SIZE)
        for graph in (session.source.graph, *(t.after.graph for t in session.turns)):
            assert len({one.cell for one in graph.things}) == len(graph.things)
            for one in graph.things:
                assert all(fitting(graph, said) == (one.key,) for said in names(graph, one))
                if graph.look == "plain":
                    assert fitting(graph, name(rng, graph, one)) == (one.key,)


def test_what_is_asked_about_can_be_seen() -> None:
    for seed in range(12):
        for turn in draw_session(seed, 6, SIZE).turns:
            for state in (turn.before, turn.after):
                assert shares_seen(state.graph).get(turn.turn.thing, 1.0) >= SEEN


def test_kinds_of_turn_can_be_asked_for_alone_and_others_fill_in_where_none_of_them_can_be() -> None:
    for seed in range(12):
        kinds = [turn.kind for turn in draw_session(seed, 6, SIZE, kinds=("move", "resize")).turns]
        assert set(kinds) == {"move", "resize"}
        grown = draw_session(seed, 6, SIZE, kinds=("add",))
        room = MOST - len(grown.source.graph.things)
        assert [turn.kind for turn in grown.turns][:room] == ["add"] * room
        assert any(turn.kind != "add" for turn in grown.turns)


def test_the_way_back_leads_back() -> None:
    """Every turn has an opposite that gives the graph back, and words that ask for it."""
    rng = np.random.default_rng(1)
    for seed in range(12):
        for one in draw_session(seed, 6, SIZE).turns:
            before, turn = one.before.graph, one.turn
            assert one.inverse
            was = None if turn.kind in ("add", "background", "restyle") else before.thing(turn.thing)
            if turn.kind == "add":
                assert applied(one.after.graph, GraphEdit("remove", turn.thing)) == before
                said = inverse(rng, before, turn)
                assert any(f"the {n}" in said for n in names(one.after.graph, one.after.graph.thing(turn.thing)))
            elif turn.kind == "restyle":
                assert applied(one.after.graph, GraphEdit("restyle", value=before.look)) == before
            elif turn.kind == "recolour" and was:
                assert applied(one.after.graph, GraphEdit("recolour", turn.thing, was.colour)) == before
            elif turn.kind == "resize" and was:
                assert applied(one.after.graph, GraphEdit("resize", turn.thing, was.size)) == before


def test_only_known_words_are_said_and_requests_are_short() -> None:
    known = known_words()
    for seed in range(40):
        for turn in draw_session(seed, 7, (32, 32)).turns:
            for said in (turn.instruction, turn.inverse, turn.caption):
                assert set(said.split()) <= known, said
                assert "{" not in said
            assert len(turn.instruction.split()) <= 20


def test_a_thing_goes_where_the_words_say() -> None:
    for seed in range(12):
        for one in draw_session(seed, 6, SIZE).turns:
            if one.kind in ("add", "move"):
                thing = one.after.graph.thing(one.turn.thing)
                assert (thing.x, thing.y) == CELLS[one.turn.value]
                assert one.turn.value in one.before.graph.free


def test_backgrounds_hide_nothing() -> None:
    for seed in range(20):
        for one in draw_session(seed, 7, SIZE).turns:
            graph = one.after.graph
            assert not {thing.colour for thing in graph.things} & set(GROUNDS.get(graph.background.kind, ()))


def test_swapped_references_have_another_answer() -> None:
    known = known_words() | composed_words() | {"<1>", "<2>"}
    for seed in range(8):
        one = draw_composition(seed, SIZE)
        assert set(one.instruction.split()) <= known
        assert "<1>" in one.instruction and "<2>" in one.instruction
        for mask in one.masks:
            there = mask[..., None] > 0.5
            assert np.abs(one.frames.astype(int) - one.swapped)[np.broadcast_to(there, one.frames.shape)].mean() > 20
        union = np.maximum(*one.masks) > 0
        assert np.array_equal(one.frames[~union], one.source[~union])
        assert one.references[0].shape == (1, *SIZE, 3)


def test_a_session_too_small_to_see_is_refused() -> None:
    with pytest.raises(BadInput, match="32 pixels"):
        draw_session(0, 1, (16, 64))
