"""How a network says a change: what the noise already shows is taken from the state, the network adds the rest.

With u = x_t - (1 - t) base = (1 - t) change + t noise, and `spread` the usual size of a change, the best linear guess
of the change is keep(t) u, and what is left of it has the size rest(t):

    change = keep(t) u + rest(t) F,      F the network's output, of size one at every noise time
    keep   = (1 - t) spread^2 / ((1 - t)^2 spread^2 + t^2)
    rest   = t spread / sqrt((1 - t)^2 spread^2 + t^2)

This is the preconditioning of EDM (Karras et al., arXiv 2206.00364, Section 5) on the straight path. Near t = 0 the
network's mistakes vanish with t, and it need not carry the state through itself.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Saying:
    """The three factors at noise times t, shaped as t: of the state, of the output, and of the state when shown."""

    keep: Tensor
    rest: Tensor
    show: Tensor


def saying(t: Tensor, spread: float) -> Saying:
    """The factors at noise times t in [0, 1]."""
    power = ((1 - t) * spread).square() + t.square()
    return Saying((1 - t) * spread**2 / power, t * spread / power.sqrt(), 1 / power.sqrt())
