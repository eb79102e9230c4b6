"""Which scorers a run is scored by: those of its protocol, or those that were named."""

from collections.abc import Sequence

from refrain.errors import BadInput
from refrain.evaluation.case import Protocol

from . import SCORERS
from .scorer import Scorer

FREE = "free"  # the name of all that need no weights


def chosen(names: Sequence[str], protocol: Protocol) -> tuple[Scorer, ...]:
    """The scorers that `names` ask for: `free`, a scorer (`psnr.source`) or its whole id (`psnr.source/strict`).

    A scorer that has two protocols comes in the one asked for, unless its whole id is given. Raises BadInput.
    """
    found: dict[str, Scorer] = {}
    for name in names:
        some = tuple(one for one in SCORERS if name in (FREE, one.id, one.id.partition("/")[0]))
        if not some:
            known = sorted({one.id.partition("/")[0] for one in SCORERS})
            raise BadInput(f"{name} is no scorer; there are {FREE}, {', '.join(known)}.")
        found |= {one.id: one for one in (some if "/" in name else of_protocol(some, protocol))}
    return tuple(found.values())


def of_protocol(scorers: Sequence[Scorer], protocol: Protocol) -> tuple[Scorer, ...]:
    """strict: none that ends in /compat. compat: those, and of the others such as have no compat of their own."""
    if protocol == "strict":
        return tuple(one for one in scorers if not one.id.endswith("/compat"))
    twice = {one.id.partition("/")[0] for one in scorers if one.id.endswith("/compat")}
    return tuple(one for one in scorers if one.id.endswith("/compat") or one.id.partition("/")[0] not in twice)
