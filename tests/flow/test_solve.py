"""Solvers reach what the equation says, at the pace their order promises, and UniPC is diffusers' UniPC."""

import math
from itertools import pairwise

import pytest
import torch
from diffusers import UniPCMultistepScheduler
from torch import Tensor

from refrain.flow import SOLVERS, Solver, euler, heun, times, unipc, wan_times


def gaussian(x: Tensor, t: float) -> Tensor:
    """The exact velocity when clean things are normal with mean 0.5 and deviation 0.3 (and noise is standard)."""
    s, r = 1 - t, 0.3**2
    spread = s * s * r + t * t
    return (t - s * r) / spread * (x - s * 0.5) - 0.5


def exactly(x: Tensor) -> Tensor:
    """Where `gaussian` carries x from t = 1 to 0: quantiles are kept."""
    return 0.5 + 0.3 * x


def miss(solver: Solver, steps: int) -> float:
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[None]
    return float((solver(gaussian, x, times(steps)) - exactly(x)).abs().max())


@pytest.mark.parametrize(("solver", "order"), [(euler, 1), (heun, 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(solver: Solver, order: int):
    pace = [math.log2(miss(solver, n) / miss(solver, 2 * n)) for n in (40, 80, 160)]
    assert all(rate > order - 0.2 for rate in pace), pace


def test_unipc_converges_faster_than_first_order_between_the_ends():
    """On a stretch with both ends inside (0, 1); the steps to t = 0 are lowered to order 1 on purpose."""
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[None]

    def at(t: float) -> Tensor:
        return (1 - t) * 0.5 + math.sqrt((1 - t) ** 2 * 0.09 + t * t) * x

    errors = []
    for steps in (40, 80, 160):
        grid = torch.linspace(0.9, 0.1, steps + 1, dtype=torch.float64)
        errors.append(float((unipc(gaussian, at(0.9), grid) - at(0.1)).abs().max()))
    pace = [math.log2(a / b) for a, b in pairwise(errors)]
    assert all(rate > 1.8 for rate in pace), (errors, pace)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_a_straight_path_is_walked_exactly_in_any_number_of_steps(solver: Solver):
    clean, noise = torch.randn(2, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for steps in (1, 2, 3, 9):
        for grid in (times(steps, 3.0), wan_times(steps, 3.0)):
            start = noise if solver is not unipc else noise - 1e-6 * (noise - clean)
            torch.testing.assert_close(solver(lambda x, t: noise - clean, start, grid), clean, rtol=0, atol=2e-6)


@pytest.mark.parametrize("shift", [1.0, 3.0, 8.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 16, 50])
def test_unipc_is_that_of_diffusers(steps: int, shift: float):
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
    scheduler.set_timesteps(steps)
    mix = torch.randn(16, 16, generator=torch.Generator().manual_seed(1)) / 4

    def velocity(x: Tensor, t: float) -> Tensor:
        return torch.tanh(torch.einsum("dc,bc...->bd...", mix, x) + t) + 0.5 * x

    start = torch.randn(1, 16, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    theirs = start
    for sigma, told in zip(scheduler.sigmas, scheduler.timesteps):
        theirs = scheduler.step(velocity(theirs, float(sigma)), told, theirs).prev_sample
    ours = unipc(velocity, start, wan_times(steps, shift))
    assert (ours - theirs).abs().max() < 1e-5


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_no_solver_asks_at_zero_and_every_step_is_told(solver: Solver):
    asked: list[float] = []
    told: list[tuple[int, int]] = []

    def velocity(x: Tensor, t: float) -> Tensor:
        asked.append(t)
        return x

    last: list[Tensor] = []
    end = solver(velocity, torch.ones(1, 2), times(5), lambda i, n, x: (told.append((i, n)), last.append(x))[0])
    assert min(asked) > 0
    assert max(asked) == 1
    assert told == [(i, 5) for i in range(1, 6)]
    assert torch.equal(last[-1], end)


def test_a_step_can_stop_the_walk():
    calls: list[float] = []

    def stop(i: int, n: int, x: Tensor) -> None:
        if i == 2:
            raise KeyboardInterrupt

    for solver in SOLVERS.values():
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            solver(lambda x, t: calls.append(t) or x, torch.ones(1), times(100), stop)
        assert len(calls) <= 4
