"""The straight path between clean latents and noise, and what a network may predict on it.

x_t = (1 - t) clean + t noise, so its velocity dx/dt = noise - clean is constant along the path (Rectified Flow,
arXiv 2209.03003; Flow Matching, arXiv 2210.02747). Any two of (x_t, clean, noise, velocity) give the others.
"""

from __future__ import annotations

from torch import Tensor


def noised(clean: Tensor, noise: Tensor, t: float | Tensor) -> Tensor:
    """The point of the path at noise time `t`: (1 - t) clean + t noise.

    clean, noise: [B, ...]; t: one time, or one per batch row [B].
    """
    t = _beside(t, clean)
    return (1 - t) * clean + t * noise


def velocity_target(clean: Tensor, noise: Tensor) -> Tensor:
    """What a velocity network is taught, noise - clean, at every t. Both [B, ...]."""
    return noise - clean


def clean_from_velocity(x: Tensor, velocity: Tensor, t: float | Tensor) -> Tensor:
    """Where the straight line through `x` at time `t` meets t = 0: x - t velocity. x, velocity: [B, ...]."""
    return x - _beside(t, x) * velocity


def velocity_from_clean(x: Tensor, clean: Tensor, t: float | Tensor) -> Tensor:
    """The velocity that leads from `clean` to `x` in time `t`: (x - clean) / t. x, clean: [B, ...].

    Raises ValueError where t is 0: there x is clean, and the velocity is not to be had from them.
    """
    if bool((t <= 0).any()) if isinstance(t, Tensor) else t <= 0:
        raise ValueError("a velocity cannot be read from a clean prediction at t = 0; solvers stop before it")
    return (x - clean) / _beside(t, x)


def _beside(t: float | Tensor, x: Tensor) -> float | Tensor:
    """`t` in a shape that broadcasts over the rows of `x`, in its precision: [B] becomes [B, 1, ...]."""
    if not isinstance(t, Tensor):
        return t
    if t.ndim == 0:
        return t.to(device=x.device, dtype=x.dtype)
    return t.to(device=x.device, dtype=x.dtype).reshape(-1, *[1] * (x.ndim - 1))  # [B, 1, ...]
