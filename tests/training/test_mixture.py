"""Laws of the mixture: no pair comes twice before all have come, shares are kept, and a batch is its number's."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refrain.errors import BadInput
from refrain.training.mixture import Group, Mixture

GROUPS = st.lists(st.builds(Group, st.integers(1, 40), st.floats(0.1, 5)), min_size=1, max_size=5)


@given(GROUPS, st.integers(1, 6), st.integers(0, 9))
def test_every_pair_of_a_group_comes_before_one_comes_again(groups: list[Group], batch: int, seed: int) -> None:
    mixture, came = Mixture(groups, batch, seed), [list[int]() for _ in groups]
    for n in range(60):
        group, places = mixture.draw(n)
        assert len(places) == min(batch, groups[group].size)
        came[group] += places
    for group, places in zip(groups, came):
        for begin in range(0, len(places), group.size):
            epoch = places[begin : begin + group.size]
            assert len(set(epoch)) == len(epoch)


@given(GROUPS, st.integers(1, 6), st.integers(0, 9))
def test_shares_are_kept_to_about_a_batch(groups: list[Group], batch: int, seed: int) -> None:
    mixture, drawn = Mixture(groups, batch, seed), Counter[int]()
    for n in range(200):
        group, places = mixture.draw(n)
        drawn[group] += len(places)
        whole, shares = sum(drawn.values()), sum(g.share for g in groups)
        for number, each in enumerate(groups):
            assert abs(drawn[number] - whole * each.share / shares) <= 3 * batch


@given(st.integers(0, 3000))
def test_a_batch_depends_on_its_number_alone(number: int) -> None:
    groups = [Group(7, 1), Group(50, 3)]
    walked = Mixture(groups, 4, 5)
    for n in range(0, number, 97):
        walked.draw(n)
    assert walked.draw(number) == Mixture(groups, 4, 5).draw(number)


def test_another_seed_is_another_order() -> None:
    one, two = ([Mixture([Group(50, 1)], 4, seed).draw(n) for n in range(12)] for seed in (1, 2))
    assert one != two


@pytest.mark.parametrize("groups", [[], [Group(0, 1)], [Group(3, 0)]])
def test_a_mixture_of_nothing_is_refused(groups: list[Group]) -> None:
    with pytest.raises(BadInput, match="hold pairs"):
        Mixture(groups, 1, 0)
