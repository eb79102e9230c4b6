"""The learning rate of a stage rises, is held, and falls to nothing."""

from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refrain.errors import BadInput
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


def test_the_papers_rate_is_constant() -> None:
    stage = Stage(steps=50, rate=1e-4, warmup=0, cooldown=0)
    assert {stage.rate_at(n) for n in range(50)} == {1e-4}


@pytest.mark.parametrize(
    ("strange", "told"),
    [({"optimiser": "sgd"}, "muon, adamw"), ({"precision": "fp16"}, "bf16"), ({"accumulate": 0}, "at least one")],
)
def test_a_stage_says_what_it_knows(strange: dict[str, object], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Stage(steps=1, **strange)  # type: ignore[arg-type]


def test_what_weights_do_not_depend_on_is_no_cause() -> None:
    stage = Stage(steps=10)
    assert replace(stage, every=3, validate_every=2, sample_every=5).cause() == stage.cause()
    assert replace(stage, rate=2.0).cause() != stage.cause()
    assert replace(stage, steps=20).cause() != stage.cause(), "the cooldown begins elsewhere"
    assert replace(stage, steps=20, cooldown=0).cause() == replace(stage, cooldown=0).cause()
