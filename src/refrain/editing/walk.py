"""Which frames are edited, and how the noise is walked down: the request's numbers, or the checkpoint's."""

from dataclasses import dataclass

from refrain.errors import BadInput
from refrain.media import Clip
from refrain.media.times import moment
from refrain.models.protocols import Card

from .request import Edit


@dataclass(frozen=True)
class Walk:
    """How the noise is walked down: the numbers in force."""

    steps: int
    guidance: float
    until: float
    shift: float
    solver: str
    grid: str
    seed: int


def walk_of(request: Edit, card: Card) -> Walk:
    """The request's numbers where it has them, the checkpoint's where it has not."""
    own = card.sampling
    return Walk(
        steps=own.steps if request.steps is None else request.steps,
        guidance=own.guidance if request.guidance is None else request.guidance,
        until=own.until,
        shift=own.shift,
        solver=own.solver,
        grid=own.grid,
        seed=request.seed,
    )


def stretch(clip: Clip, start: float | None, stop: float | None) -> tuple[int, int]:
    """The frames first .. last (one past it) that are shown between two times in seconds."""
    begin = moment(start or 0)
    first = next((n for n, at in enumerate(clip.times) if at >= begin), len(clip)) if start else 0
    last = next((n for n, at in enumerate(clip.times) if stop is not None and at >= moment(stop)), len(clip))
    if first >= last:
        raise BadInput(
            f"There is no frame from {start or 0} s to {'the end' if stop is None else f'{stop} s'}; "
            f"the clip lasts {float(clip.duration):.2f} s."
        )
    return first, last
