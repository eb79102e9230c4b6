"""Any point of the path gives back what is clean, and a change gives back its velocity, at every noise time."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from refrain.flow import clean_from_velocity, euler, noised, times, velocity_from_clean, velocity_target


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), t=st.floats(1e-3, 1.0))
def test_path_and_velocity_agree(seed: int, t: float):
    clean, noise, base = torch.randn(3, 2, 4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x, velocity = noised(clean, noise, t), velocity_target(clean, noise)
    torch.testing.assert_close(clean_from_velocity(x, velocity, t), clean, rtol=0, atol=1e-9)
    change = clean - base
    torch.testing.assert_close(velocity_from_clean(x, base + change, t), velocity, rtol=0, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 12), shift=st.floats(0.2, 16.0))
def test_the_true_change_is_reached_from_any_noise(seed: int, steps: int, shift: float):
    clean, noise = torch.randn(2, 2, 4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    reached = euler(lambda x, t: velocity_from_clean(x, clean, t), noise, times(steps, shift))
    torch.testing.assert_close(reached, clean, rtol=0, atol=1e-9)
