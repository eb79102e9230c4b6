"""Budgets in a file: the `keep` of every layer and head, as `refrain calibrate` measured it for the error asked.

The file is JSON, and says for which model it was made; `--attention isa:FILE` and `install` read it.
"""

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from refrain.errors import BadInput

from .spec import Isa
from .tiles import Cut, checked


@dataclass(frozen=True)
class Budgets:
    """What a file of budgets says.

    model:    the name of the checkpoint; weights: a hash of its files, None where it is not known.
    layers, heads: of its network; keep: [layers][heads], the share of visible key tiles that are exact.
    error:    the error asked: rms of the difference over rms of dense attention's output, of every head.
    tile, order, neighbours: of the `Isa` with which it was measured.
    measured: on what, and what was found; told, never read back into the choice.
    """

    model: str
    layers: int
    heads: int
    error: float
    keep: tuple[tuple[float, ...], ...]
    tile: Cut = None
    order: Literal[0, 1] = 0
    neighbours: bool = False
    weights: str | None = None
    measured: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if len(self.keep) != self.layers:
            raise BadInput(f"These budgets say {self.layers} layers, and have {len(self.keep)}.")
        for number, layer in enumerate(self.keep):
            if len(layer) != self.heads:
                raise BadInput(f"These budgets say {self.heads} heads, and layer {number} has {len(layer)}.")
        if self.error <= 0 or not math.isfinite(self.error):
            raise BadInput(f"The error of these budgets must be above 0, not {self.error}.")
        self.spec()  # it says what is wrong with a tile, an order or a share

    def spec(self) -> Isa:
        """The attention that these budgets make."""
        return Isa(tile=self.tile, order=self.order, neighbours=self.neighbours, budgets=self.keep)

    def text(self) -> str:
        """The file's content."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """What `path` says. Raises BadInput for a file that is missing, unreadable, incomplete, or says more."""
        try:
            said: object = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput(f"{path} cannot be read ({error.strerror}); refrain calibrate makes such a file.") from None
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path} is no readable JSON ({error}); make it anew with refrain calibrate.") from None
        if not isinstance(said, dict):
            raise BadInput(f"{path} holds no budgets; make it anew with refrain calibrate.")
        facts: dict[str, Any] = {str(name): value for name, value in said.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        names = {f.name for f in fields(cls)}
        if facts.keys() != names:
            strange, missing = sorted(facts.keys() - names), sorted(names - facts.keys())
            told = [f"says {', '.join(strange)}"] * bool(strange) + [f"lacks {', '.join(missing)}"] * bool(missing)
            raise BadInput(f"{path} is no file of budgets of this version: it {' and '.join(told)}.")
        try:
            return cls(**_typed(facts))
        except BadInput as error:
            raise BadInput(f"{path} cannot be used: {error}") from None


def load_budgets(path: str | Path, layers: int | None = None, heads: int | None = None) -> Isa:
    """The attention that a file of budgets makes; `layers` and `heads` are those of the model, where they are known.

    Raises BadInput for a file that cannot be read, or that was made for another number of layers or heads.
    """
    found = Budgets.read(path)
    for name, have, want in (("layers", found.layers, layers), ("heads", found.heads, heads)):
        if want is not None and have != want:
            raise BadInput(
                f"{path} was made for {found.model}, which has {have} {name}; this model has {want}. "
                "Calibrate this model."
            )
    return found.spec()


def _typed(said: dict[str, Any]) -> dict[str, Any]:
    """Values of the types that `Budgets` has; BadInput, by name, for one that is of none."""
    for name, kind in (("model", str), ("layers", int), ("heads", int), ("order", int), ("measured", dict)):
        if not isinstance(said[name], kind) or isinstance(said[name], bool):
            raise BadInput(
                f"`{name}` is not {'text' if kind is str else 'a whole number' if kind is int else 'a table'}."
            )
    if not _is_number(said["error"]):
        raise BadInput("`error` is not a number.")
    if not isinstance(said["neighbours"], bool):
        raise BadInput("`neighbours` is neither true nor false.")
    if not isinstance(said["weights"], str | None):
        raise BadInput("`weights` is neither text nor null.")
    keep, tile = said["keep"], said["tile"]
    if not _is_list(keep) or not all(_is_list(layer) and all(_is_number(x) for x in layer) for layer in keep):
        raise BadInput("`keep` is no list of layers, each a list of numbers, one a head.")
    sides: list[Any] = list(tile) if isinstance(tile, list) else [] if tile is None else [tile]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if not all(isinstance(side, int) and not isinstance(side, bool) for side in sides):
        raise BadInput("`tile` is neither a box of three whole numbers, nor one, nor null.")
    cut = tuple(sides) if isinstance(tile, list) else tile
    return {**said, "keep": tuple(tuple(map(float, layer)) for layer in keep), "tile": checked(cut)}


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
