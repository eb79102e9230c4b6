"""The choice of attention: one small frozen record each, passed by the caller, never guessed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dense:
    """Exact attention: one unmasked call for each group of segments that see the same segments."""
