"""Which noise times a solver visits, and which ones training draws.

A *shift* s > 1 moves times towards noise, as large pictures need (Stable Diffusion 3, arXiv 2403.03206, Eq. 23):
t' = s t / (1 + (s - 1) t). It is applied here once and nowhere else; schedulers that shift twice give another clip.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.flow.solve import Velocity


def shifted(t: Tensor, shift: float) -> Tensor:
    """The flow shift of times in [0, 1]; 0 and 1 stay where they are. Any shape."""
    return shift * t / (1 + (shift - 1) * t)


def times(steps: int, shift: float = 1.0) -> Tensor:
    """Evenly spaced times from 1 to 0, shifted. Returns [steps + 1] float64 on the CPU.

    Raises BadInput for fewer than one step or a shift that is not positive.
    """
    _check(steps, shift)
    return shifted(torch.linspace(1, 0, steps + 1, dtype=torch.float64), shift)  # [steps + 1]


def wan_times(steps: int, shift: float) -> Tensor:
    """The times that diffusers' WanPipeline visits with its UniPC scheduler. Returns [steps + 1] float64 on the CPU.

    They differ from `times` in two ways: before the shift they run evenly to 1/1000 and then jump to 0, and the
    first is a millionth short of 1, where a network that is told whole thousandths hears 999 (`told_in_thousandths`).
    Raises BadInput as `times` does.
    """
    _check(steps, shift)
    even = 1 + torch.arange(steps, dtype=torch.float64) * ((1 / 1000 - 1) / steps)  # [steps]
    first = torch.tensor(1 - 1e-6).double()  # in single precision, as there: UniPC takes the logarithm of 1 - t
    before = shifted(even, shift)  # [steps]
    return torch.cat([first[None], before[1:], before.new_zeros(1)])  # [steps + 1]


def told_in_thousandths(velocity: Velocity) -> Velocity:
    """A velocity whose network hears whole thousandths of noise time, rounded down, as Wan's samplers tell it.

    Only for networks that predict velocity: a predicted change needs the true time.
    """

    def told(x: Tensor, t: float) -> Tensor:
        return velocity(x, math.floor(t * 1000) / 1000)

    return told


def draw_times(generator: torch.Generator, n: int, mean: float = 0.0, std: float = 1.0, shift: float = 1.0) -> Tensor:
    """Noise times for training: logit-normal (arXiv 2403.03206, Eq. 19), then shifted. Returns [n] float32.

    They lie strictly between 0 and 1, on the generator's device.
    """
    normal = torch.randn(n, generator=generator, device=generator.device)  # [n]
    edge = 1e-5
    return shifted(torch.sigmoid(mean + std * normal), shift).clamp(edge, 1 - edge)  # [n]


def _check(steps: int, shift: float) -> None:
    if steps < 1:
        raise BadInput(f"steps must be 1 or more, not {steps}.")
    if not 0 < shift < float("inf"):
        raise BadInput(f"the flow shift must be a positive number, not {shift}.")
