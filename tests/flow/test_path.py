"""Any two of x_t, clean, noise and velocity give the others."""

import pytest
import torch

from refrain.flow import clean_from_velocity, noised, velocity_from_clean, velocity_target


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 3, 4, 5, 6, 7, generator=generator, dtype=torch.float64)
    return clean, noise


@pytest.mark.parametrize("t", [0.001, 0.3, 1.0, torch.tensor(0.7), torch.tensor([0.2, 0.5, 0.9])])
def test_the_velocity_leads_back_to_what_is_clean(pair: tuple[torch.Tensor, torch.Tensor], t: float | torch.Tensor):
    clean, noise = pair
    x = noised(clean, noise, t)
    velocity = velocity_target(clean, noise)
    torch.testing.assert_close(clean_from_velocity(x, velocity, t), clean)
    torch.testing.assert_close(velocity_from_clean(x, clean, t), velocity, rtol=0, atol=1e-9)


def test_the_ends_of_the_path_are_exact(pair: tuple[torch.Tensor, torch.Tensor]):
    clean, noise = pair
    assert torch.equal(noised(clean, noise, 0.0), clean)
    assert torch.equal(noised(clean, noise, 1.0), noise)


def test_every_row_of_a_batch_has_its_own_time(pair: tuple[torch.Tensor, torch.Tensor]):
    clean, noise = pair
    together = noised(clean, noise, torch.tensor([0.1, 0.5, 0.8]))
    for row, t in enumerate((0.1, 0.5, 0.8)):
        torch.testing.assert_close(together[row], noised(clean[row], noise[row], t), rtol=0, atol=1e-7)


@pytest.mark.parametrize("t", [0, 0.0, torch.tensor(0.0), torch.tensor([0.5, 0.0, 1.0])])
def test_no_velocity_is_read_from_clean_at_zero(pair: tuple[torch.Tensor, torch.Tensor], t: float | torch.Tensor):
    with pytest.raises(ValueError, match="t = 0"):
        velocity_from_clean(pair[0], pair[0], t)
