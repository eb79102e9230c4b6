"""What tests of lines of turns share: a tiny denoiser that knows turns, masks and references, and lessons for it."""

from typing import Any

from hypothesis import strategies as st
from torch import Tensor

from refrain.editing.compose import Seen
from refrain.editing.turns import SAYING, Task
from refrain.models.wan.denoiser import WanDenoiser
from refrain.training.lesson import Lesson, TaughtTurn
from rows import denoiser, latents, some

OFFSETS = {"mask": (0.0, 0.0, 20.0), "reference": (0.0, 30.0, 0.0)}
TOKENS = 12  # of a picture: 2 frames of 2 x 3
TASKS: tuple[Task, ...] = tuple(SAYING)


def knowing(turns: str = "edited", rule: str = "block_causal", **facts: Any) -> WanDenoiser:
    """A denoiser of every kind of segment, whose card places turns in this way."""
    return denoiser(**{"rule": rule, "turns": turns, "offsets": OFFSETS, "prediction": "change", **facts})


def words(seed: int, length: int = 5) -> Tensor:
    return some(1, length, 32, seed=100 + seed)


def picture(seed: int) -> Seen:
    return Seen(latents(seed), None)


Plan = list[tuple[bool, int]]
"""Of every turn: whether it has masks, and how many references."""


def plans() -> st.SearchStrategy[Plan]:
    return st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=4)


def lesson(plan: Plan, seed: int = 0, other: int = -1) -> Lesson:
    """Random turns. other: the number of the prediction whose clean latents are drawn anew."""
    turns, number = list[TaughtTurn](), 0
    for n, (masks, references) in enumerate(plan):
        tasks: tuple[Task, ...] = TASKS if masks else ("picture",)
        found: dict[Task, Seen] = {}
        for task in tasks:
            found[task] = picture(1000 * seed + number + (500 if number == other else 0))
            number += 1
        said = {task: words(10 * n + k) for k, task in enumerate(tasks)}
        named = tuple(latents(300 + 10 * n + k, frames=1) for k in range(references))
        turns.append(TaughtTurn(said, found, named))
    return Lesson(picture(999), tuple(turns))
