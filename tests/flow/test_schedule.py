"""Times fall from 1 to 0, the shift is applied once, and Wan's own times are met to the last bit that is heard."""

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

from refrain.errors import BadInput
from refrain.flow import draw_times, shifted, times, told_in_thousandths, wan_times


@pytest.mark.parametrize("shift", [0.5, 1.0, 3.0, 12.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_times_fall_from_one_to_zero(steps: int, shift: float):
    for grid in (times(steps, shift), wan_times(steps, shift)):
        assert grid.shape == (steps + 1,)
        assert grid[0] == pytest.approx(1, abs=2e-6)
        assert grid[-1] == 0
        assert (grid[1:] < grid[:-1]).all()


def test_the_shift_is_applied_once():
    torch.testing.assert_close(times(4, 5.0)[:4], torch.tensor([1, 15 / 16, 5 / 6, 5 / 8], dtype=torch.float64))
    assert shifted(torch.tensor([0.0, 1.0]), 7.0).tolist() == [0, 1]
    torch.testing.assert_close(shifted(shifted(torch.tensor(0.3), 2.0), 3.0), shifted(torch.tensor(0.3), 6.0))


def test_a_scheduler_that_shifts_twice_is_not_followed():
    trap = FlowMatchEulerDiscreteScheduler(shift=5.0)
    trap.set_timesteps(4)
    assert trap.sigmas[3] < 0.05 < times(4, 5.0)[3]
    trap.set_timesteps(sigmas=torch.linspace(1, 0.25, 4).tolist())
    torch.testing.assert_close(times(4, 5.0).float(), trap.sigmas)


@pytest.mark.parametrize("shift", [1.0, 3.0, 5.0, 8.0])
def test_wan_hears_the_same_times_from_us(shift: float):
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
    heard: list[float] = []
    listen = told_in_thousandths(lambda x, t: heard.append(t) or x)
    for steps in range(1, 61):
        scheduler.set_timesteps(steps)
        grid = wan_times(steps, shift)
        assert torch.equal(grid.float(), scheduler.sigmas)
        heard.clear()
        for t in grid[:-1].tolist():
            listen(grid, t)
        assert [round(t * 1000, 9) for t in heard] == scheduler.timesteps.tolist()


def test_drawn_times_have_the_median_that_was_asked():
    generator = torch.Generator().manual_seed(0)
    drawn = draw_times(generator, 20_000, mean=0.5, std=1.2, shift=3.0)
    assert drawn.min() > 0
    assert drawn.max() < 1
    middle = shifted(torch.sigmoid(torch.tensor(0.5)), 3.0)
    assert drawn.median() == pytest.approx(float(middle), abs=0.01)
    assert torch.equal(draw_times(torch.Generator().manual_seed(0), 20_000, 0.5, 1.2, 3.0), drawn)


@pytest.mark.parametrize(("steps", "shift"), [(0, 1.0), (-3, 1.0), (4, 0.0), (4, -1.0), (4, float("nan"))])
def test_senseless_grids_are_refused(steps: int, shift: float):
    for grid in (times, wan_times):
        with pytest.raises(BadInput, match="must be"):
            grid(steps, shift)
