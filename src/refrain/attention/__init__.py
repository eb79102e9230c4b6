"""The rule in silicon: who looks at whom, computed without a mask."""

from .attend import attend
from .plan import Plan, Sight
from .spec import Dense

__all__ = ["Dense", "Plan", "Sight", "attend"]
