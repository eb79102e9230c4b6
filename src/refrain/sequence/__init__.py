"""The idea: an edit is a row of segments, and a rule says which segment may look at which."""

from .position import Align, coarsen, grid
from .row import Kind, Segment, Sequence
from .rule import RULES, Rule, block_causal, full, isolated

__all__ = [
    "RULES",
    "Align",
    "Kind",
    "Rule",
    "Segment",
    "Sequence",
    "block_causal",
    "coarsen",
    "full",
    "grid",
    "isolated",
]
