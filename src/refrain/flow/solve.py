"""Solvers: walk a velocity from noise to clean along given times.

Each is `(velocity, x, times, on_step) -> x`, where `velocity(x, t)` is dx/dt at noise time t, `times` falls from 1
to 0, and `on_step(done, steps, x)` hears of every finished step (raise from it to stop). No solver
evaluates the velocity at t = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]
OnStep = Callable[[int, int, Tensor], None]


class Solver(Protocol):
    """x at the last of `times`, from x [B, ...] at the first; times [steps + 1]."""

    def __call__(self, velocity: Velocity, x: Tensor, times: Tensor, on_step: OnStep | None = None) -> Tensor: ...


def euler(velocity: Velocity, x: Tensor, times: Tensor, on_step: OnStep | None = None) -> Tensor:
    """Straight steps; first order, one evaluation a step."""
    ts = _numbers(times)
    steps = len(ts) - 1
    for i in range(steps):
        x = x + (ts[i + 1] - ts[i]) * velocity(x, ts[i])
        if on_step:
            on_step(i + 1, steps, x)
    return x


def heun(velocity: Velocity, x: Tensor, times: Tensor, on_step: OnStep | None = None) -> Tensor:
    """The mean of the velocities at both ends of a step; second order, two evaluations a step.

    The last step, to t = 0, is straight (EDM, arXiv 2206.00364, Algorithm 1).
    """
    ts = _numbers(times)
    steps = len(ts) - 1
    for i in range(steps):
        width = ts[i + 1] - ts[i]
        start = velocity(x, ts[i])
        ahead = x + width * start
        if ts[i + 1] > 0:
            ahead = x + width / 2 * (start + velocity(ahead, ts[i + 1]))
        x = ahead
        if on_step:
            on_step(i + 1, steps, x)
    return x


def unipc(velocity: Velocity, x: Tensor, times: Tensor, on_step: OnStep | None = None) -> Tensor:
    """UniPC of order 2 on clean predictions, B(h) = e^-h - 1 (arXiv 2302.04867).

    One evaluation a step: what is predicted at a new point first corrects how that point was reached, then carries on
    from the corrected one. The first and the last step are of order 1. On `wan_times` this is diffusers'
    UniPCMultistepScheduler.
    """
    told = _numbers(times)
    steps = len(told) - 1
    ts = [min(t, 1 - 1e-6) for t in told]  # at 1 there is no signal, and its logarithm is minus infinity
    past: list[Tensor] = []  # what was predicted clean at the last two stations, newest last
    corrected, order = x, 1
    for i in range(steps):
        now = x - ts[i] * velocity(x, told[i])
        if i > 0:
            corrected = _correct(corrected, past[-order:], now, ts[: i + 1])
        past = [*past[-1:], now]
        order = min(2, i + 1, steps - i)
        x = _predict(corrected, past[-order:], ts[: i + 2])
        if on_step:
            on_step(i + 1, steps, x)
    return x


def _numbers(times: Tensor) -> list[float]:
    return [float(t) for t in times]


def _predict(x: Tensor, past: list[Tensor], ts: list[float]) -> Tensor:
    """UniP: x at ts[-1] from x at ts[-2] and what was predicted clean at the one or two stations up to ts[-2]."""
    straight = _straight(x, past[-1], ts)
    if len(past) == 1:
        return straight
    slope = (past[-1] - past[-2]) * (_gap(ts[-2], ts[-1]) / _gap(ts[-3], ts[-2]))
    return straight + _filled(ts) / 2 * slope


def _correct(x: Tensor, past: list[Tensor], now: Tensor, ts: list[float]) -> Tensor:
    """UniC: as `_predict`, with what is predicted clean at ts[-1], `now`, known as well."""
    straight = _straight(x, past[-1], ts)
    rise = now - past[-1]
    if len(past) == 1:
        return straight + _filled(ts) / 2 * rise
    h = _gap(ts[-2], ts[-1])
    back = _gap(ts[-2], ts[-3]) / h
    linear = -1 / math.expm1(-h) - 1 / h  # b_1 and b_2 of the paper over B(h)
    square = -1 / math.expm1(-h) - 2 * linear / h
    old = (linear - square) / (1 - back)
    return straight + _filled(ts) * (old / back * (past[-2] - past[-1]) + (linear - old) * rise)


def _straight(x: Tensor, clean: Tensor, ts: list[float]) -> Tensor:
    """The exact step if the clean prediction stayed as it is: the noise in x shrinks and `clean` fills in."""
    return ts[-1] / ts[-2] * x + _filled(ts) * clean


def _filled(ts: list[float]) -> float:
    """How much clean signal the last step brings in: -B(h) times the signal at its end."""
    return -(1 - ts[-1]) * math.expm1(-_gap(ts[-2], ts[-1]))


def _gap(start: float, stop: float) -> float:
    """The step from `start` to `stop` on the clock where denoising is linear: the log of signal over noise."""
    if stop == 0:
        return math.inf
    return math.log((1 - stop) / stop) - math.log((1 - start) / start)


SOLVERS: dict[str, Solver] = {"unipc": unipc, "euler": euler, "heun": heun}
