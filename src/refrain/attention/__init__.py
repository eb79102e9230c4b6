"""The rule in silicon: who looks at whom, computed without a mask, exactly or with a known error."""

from .attend import attend
from .explain import Report, explain
from .plan import Plan, Sight
from .spec import Dense, Flex, Isa, Spec

__all__ = ["Dense", "Flex", "Isa", "Plan", "Report", "Sight", "Spec", "attend", "explain"]
