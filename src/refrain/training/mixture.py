"""Which pairs make which batch: several sets, each with its share, drawn from a seed alone.

Every group (the pairs of one store and one shape) is gone through in a new order each time, so that no pair comes again
before all others of its group have come. Which group is next is the one that is furthest behind its share, so after any
number of batches no group is more than about a batch away from it. Batch n depends on the seed and on n alone: a
resumed run, or one on more machines, meets the pairs that it would have met.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from refrain.errors import BadInput


@dataclass(frozen=True)
class Group:
    """Pairs of one store that have one shape: how many there are, and what share of all drawn pairs is theirs."""

    size: int
    share: float


class Mixture:
    """Batches of `batch` pairs from groups; a group with fewer pairs than that makes smaller batches."""

    def __init__(self, groups: Sequence[Group], batch: int, seed: int) -> None:
        if not groups or any(group.size < 1 or not group.share > 0 for group in groups):
            raise BadInput("A mixture needs groups that hold pairs, and shares above 0.")
        if batch < 1:
            raise BadInput(f"A batch holds 1 pair or more, not {batch}.")
        self.groups, self.seed = tuple(groups), seed
        self.sizes = np.array([min(batch, group.size) for group in groups])
        shares = np.array([group.share for group in groups])
        self._rates = shares / shares.sum()
        # each group begins somewhere in its own round, or all would come in the order in which they are listed
        self._begun = np.random.default_rng((seed, 1)).random(len(groups)) * self.sizes
        self._counts = np.zeros((1, len(groups)), np.int64)  # [n + 1, groups]: batches of each group before batch n
        self._chosen = np.zeros(0, np.int64)

    def draw(self, number: int) -> tuple[int, tuple[int, ...]]:
        """The group of batch `number`, counted from 0, and the places of its pairs in the group."""
        self._reach(number + 1)
        group = int(self._chosen[number])
        size = int(self.sizes[group])
        begin = int(self._counts[number, group]) * size
        return group, tuple(self._item(group, place) for place in range(begin, begin + size))

    def _reach(self, count: int) -> None:
        """Choose the groups of the first `count` batches; twice as many are chosen each time more are wanted."""
        have = len(self._chosen)
        if count <= have:
            return
        more = max(count, 2 * have, 1024)
        counts, chosen = np.zeros((more + 1, len(self.groups)), np.int64), np.zeros(more, np.int64)
        counts[: have + 1], chosen[:have] = self._counts, self._chosen
        for n in range(have, more):
            drawn = counts[n] * self.sizes
            behind = self._rates * (drawn.sum() + self.sizes) - drawn + self._begun
            chosen[n] = int(np.argmax(behind / self.sizes))
            counts[n + 1] = counts[n]
            counts[n + 1, chosen[n]] += 1
        self._counts, self._chosen = counts, chosen

    def _item(self, group: int, place: int) -> int:
        size = self.groups[group].size
        return int(_order(self.seed, group, place // size, size)[place % size])


@lru_cache(maxsize=256)
def _order(seed: int, group: int, epoch: int, size: int) -> np.ndarray:
    """A group's order in an epoch [size]."""
    return np.random.default_rng((seed, 2, group, epoch)).permutation(size)
