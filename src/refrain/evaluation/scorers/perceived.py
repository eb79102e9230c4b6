"""LPIPS in its published meanings: answer against truth or source, and outside the edit as FiVE has it."""

from typing import Protocol

import numpy as np

from .pixels import rest
from .scorer import Material, Scorer, Unscored

SMALLEST = 32  # pixels of a side


class Measure(Protocol):
    """LPIPS with some backbone."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    def distances(self, one: np.ndarray, other: np.ndarray) -> np.ndarray: ...


def lpips_scorers(lpips: Measure) -> tuple[Scorer, ...]:
    """LPIPS to the true answer and to the source; with SqueezeNet also FiVE's, of frames blackened inside the edit."""

    def apart(one: np.ndarray, other: np.ndarray | None) -> float:
        assert other is not None
        if min(one.shape[1:3]) < SMALLEST:
            raise Unscored(f"LPIPS needs {SMALLEST} pixels or more, not {one.shape[2]}x{one.shape[1]}")
        return float(lpips.distances(one, other).mean())

    def outside(m: Material) -> float:
        where = rest(m)[..., None][::8]  # every 8th frame, as FiVE does
        return apart(m.answer[::8] * where, m.source[::8] * where)

    at = lpips.name
    found = [
        Scorer(f"lpips.target@{at}/strict", f"LPIPS ({lpips.kind}) of answer and true answer, mean over frames", "low",
               "edit", lambda m: apart(m.answer, m.target), ("target",)),
        Scorer(f"lpips.source@{at}/strict", f"LPIPS ({lpips.kind}) of answer and source, mean over frames", "low",
               "likeness", lambda m: apart(m.answer, m.source)),
    ]  # fmt: skip
    if lpips.kind == "squeeze":
        found += [
            Scorer(f"lpips.background.five@{at}/compat", "LPIPS of every 8th frame, the edit blackened in both", "low",
                   "rest", outside, ("matte",)),
        ]  # fmt: skip
    return tuple(found)
