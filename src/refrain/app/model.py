"""What the page must know of a model; the page itself holds no code of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refrain.editing.editor import Editor
from refrain.editing.estimate import Estimate
from refrain.editing.request import Edit

from .chips import Learnt


@dataclass(frozen=True)
class Model:
    """What the page edits with, and what is known of it before its weights are read.

    understands: requests it knows, empty where it knows any. check: raises BadInput for words it does not understand.
    cost: what an edit takes. load: reads the weights. ways: of attention, each by the name that `--attention` has.
    learnt: Effect-LoRAs of this model. predicts: it can say where words would change a picture.
    refers: words may speak of other pictures.
    """

    name: str
    understands: tuple[str, ...]
    steps: int
    guidance: float
    short_side: int
    check: Callable[[str], None]
    cost: Callable[[Edit], Estimate]
    load: Callable[[], Editor]
    ways: dict[str, Any]
    learnt: tuple[Learnt, ...] = ()
    predicts: bool = False
    refers: bool = False
