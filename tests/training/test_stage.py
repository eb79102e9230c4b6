"""The learning rate of a stage rises, is held, and falls to nothing."""

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refrain.training.stage import Stage

stages = st.builds(Stage, steps=st.integers(1, 500), warmup=st.integers(0, 200), cooldown=st.floats(0, 1))


@given(stages)
def test_it_never_leaves_zero_to_peak_and_starts_above_zero(stage: Stage) -> None:
    rates = [stage.rate_at(n) for n in range(stage.steps)]
    assert all(0 < rate <= stage.rate for rate in rates)
    assert stage.rate_at(stage.steps) == 0


@given(stages)
def test_it_rises_and_then_only_falls(stage: Stage) -> None:
    rates = [stage.rate_at(n) for n in range(stage.steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_by_hand() -> None:
    stage = Stage(steps=100, rate=2.0, warmup=4, cooldown=0.5)
    assert [stage.rate_at(n) for n in (0, 1, 3, 30, 49, 75, 99)] == [0.5, 1.0, 2.0, 2.0, 2.0, 1.0, 0.04]


def test_without_warmup_it_starts_at_the_top() -> None:
    assert Stage(steps=10, rate=1.0, warmup=0, cooldown=0).rate_at(0) == 1.0


def test_a_stage_is_a_record() -> None:
    with pytest.raises(FrozenInstanceError):
        Stage(steps=1).rate = 2.0  # type: ignore[misc]
