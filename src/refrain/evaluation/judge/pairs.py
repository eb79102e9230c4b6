"""Two answers to one request, compared: asked in both orders, because judges favour a place.

An answer wins where it is preferred in both orders; everything else is a tie, and how often the order alone decided is
told beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from refrain.evaluation.scorers.scorer import Material

from .judge import Judge
from .question import Axis, Question, Sending
from .rubric import after, asked, both

MANY = 4  # frames of each clip
BETTER = Axis("better", "which answer meets the request better, keeps the rest better, and looks better, in this "
              "order? 1 answer A, 2 answer B, 0 neither.", 0, 2)  # fmt: skip
TASK = (
    "The first {n} pictures are frames of a source, the next {n} of answer A, the last {n} of answer B to the same "
    "request, at the same times. Decide:"
)


@dataclass(frozen=True)
class Preference:
    """winner: which of two answers is preferred in both orders. swayed: whether the order alone decided."""

    winner: Literal["one", "other", "tie"]
    swayed: bool


def prefer(judge: Judge, one: Material, other: Material) -> Preference:
    """Which of two answers to the same turn of a case is the better one. Raises Unscored."""
    said = judge.ask([_question(one, other), _question(other, one)], one.case.id if one.case else "", one.turn)
    first, second = (round(each.scores["better"]) for each in said)
    if (first, second) in ((1, 2), (2, 1)):
        return Preference("one" if first == 1 else "other", False)
    return Preference("tie", first == second != 0)


def swayed(preferences: Sequence[Preference]) -> float:
    """The share of pairs in which the order alone decided; NaN of none."""
    return sum(one.swayed for one in preferences) / len(preferences) if preferences else float("nan")


def _question(one: Material, other: Material) -> Question:
    shown = list(both(one, MANY))
    n = len(shown) // 2
    first = [replace(p, label=p.label.replace("the edited result", "answer A")) for p in shown[n:]]
    second = [replace(p, label=p.label.replace("the edited result", "answer B")) for p in after(other, MANY)]
    pictures = (*shown[:n], *first, *second)
    task = TASK.format(n=n) if len(second) == n else TASK.format(n="few")
    texts = [("The request", asked(one))]
    if one.turn > 1:  # what came before may be spoken of
        texts = [(f"The request of turn {n}", words) for n, words in enumerate(one.asked or (), 1)]
    return Question("pair/ours-1", task, tuple(texts), pictures, (BETTER,), Sending(512))
