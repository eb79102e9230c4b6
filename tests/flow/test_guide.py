"""Guidance is one line of arithmetic, and costs nothing when it is off."""

import pytest
import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.flow import euler, guided, times


class Counted:
    """A constant velocity that counts how often it is asked."""

    def __init__(self, value: float) -> None:
        self.value, self.calls = value, 0

    def __call__(self, x: Tensor, t: float) -> Tensor:
        self.calls += 1
        return torch.full_like(x, self.value)


def test_scale_one_never_calls_the_branch_without_words():
    asked, unasked = Counted(2.0), Counted(5.0)
    euler(guided(asked, unasked, 1.0), torch.zeros(1, 3), times(7))
    assert (asked.calls, unasked.calls) == (7, 0)


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0])
def test_the_velocities_are_mixed_along_their_difference(scale: float):
    asked, unasked = Counted(2.0), Counted(5.0)
    mixed = guided(asked, unasked, scale)(torch.zeros(1, 3), 1.0)
    torch.testing.assert_close(mixed, torch.full((1, 3), 5.0 + scale * (2.0 - 5.0)))
    assert (asked.calls, unasked.calls) == (1, 1)


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_scale_that_is_no_number_is_refused(scale: float):
    with pytest.raises(BadInput, match="guidance"):
        guided(Counted(1), Counted(1), scale)


def test_below_its_interval_the_words_are_followed_as_they_are():
    asked, unasked = Counted(2.0), Counted(5.0)
    euler(guided(asked, unasked, 3.0, until=0.5), torch.zeros(1, 3), times(10))
    assert (asked.calls, unasked.calls) == (10, 6)  # at 1.0, 0.9, ... 0.5
