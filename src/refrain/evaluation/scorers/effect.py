"""Whether an answer shows the effect that was asked for, to the eye of the exam's classifier, which comes with us."""

from functools import cache

from refrain.evaluation.effects.recogniser import Recogniser

from .scorer import Material, Scorer, Unscored


@cache
def _judge() -> Recogniser:
    return Recogniser.load()


def _named(m: Material) -> float:
    assert m.effect is not None
    if m.effect not in _judge().names:
        raise Unscored(f"the classifier does not know the effect {m.effect}")
    return float(_judge().name(m.source, m.answer) == m.effect)


NAMED = Scorer(
    "effect.named/strict", "1 where the classifier of rendered effects names the effect that was asked for", "high",
    "edit", _named, ("effect",), rate=True,
)  # fmt: skip
