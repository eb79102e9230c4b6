"""One pair to learn from, as a record: two clips on disk, the words that ask for the edit, and where it all came from.

A line of `pairs.jsonl` is such a record in JSON, with paths relative to the file; in memory its paths can be opened.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from refrain.errors import BadInput

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
PATHS = ("source", "target", "mask", "layer")


@dataclass(frozen=True)
class Pair:
    """A source, and what it becomes when `instruction` is followed.

    id:          of this pair, once in a store. parent: of the clip it was made from; all its pairs are in one split.
    source, target, mask: files. layer: in place of a target, a file from which it is rebuilt (`data.layer`).
    instruction: what is asked; wordings: other ways to ask for the same; reverse: asks for the way back.
    caption, source_caption: what is seen in the target and in the source.
    fps, frames, width, height: of both clips; where they are not said, the files are asked.
    task, effect, parameters, seed, generator: how the pair was made; generator is a name and a version.
    scores:      what judges said of it, by name. licence, provenance: of the source.
    line:        where in its file the record stands, 0 for one that was read from no file.
    """

    id: str
    parent: str
    source: Path
    target: Path | None
    instruction: str
    task: str = "edit"
    mask: Path | None = None
    layer: Path | None = None
    wordings: tuple[str, ...] = ()
    reverse: str | None = None
    caption: str | None = None
    source_caption: str | None = None
    fps: float | None = None
    frames: int | None = None
    width: int | None = None
    height: int | None = None
    effect: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    generator: str | None = None
    scores: dict[str, float] = field(default_factory=dict)
    licence: str | None = None
    provenance: str | None = None
    split: Split | None = None
    line: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.split is None:
            object.__setattr__(self, "split", split_of(self.parent))

    @property
    def asked(self) -> tuple[str, ...]:
        """Every wording of the instruction, the first one first."""
        return (self.instruction, *(words for words in self.wordings if words != self.instruction))

    @property
    def edited(self) -> Path:
        """The file that holds the target, or what the target is rebuilt from."""
        path = self.target or self.layer
        assert path is not None  # `read` and `Store` refuse a pair without either
        return path

    def written(self, folder: Path) -> str:
        """The record as a line of a file in `folder`; what is empty is left out."""
        said = {name: value for name, value in asdict(self).items() if value not in (None, (), {}) and name != "line"}
        for name in set(PATHS) & set(said):
            said[name] = Path(os.path.relpath(said[name], folder)).as_posix()
        return json.dumps(said, ensure_ascii=False)

    @classmethod
    def read(cls, text: str, folder: Path, line: int = 0) -> Self:
        """A record from a line of a file in `folder`. Raises BadInput, which says what is wrong but not where."""
        said = _object(text)
        types = {f.name: f.type for f in fields(cls) if f.name != "line"}
        strange = sorted(set(said) - set(types))
        if strange:
            raise BadInput(f"it says {', '.join(strange)}, which is no field of a pair")
        for name in ("id", "parent", "source", "instruction"):
            if not isinstance(said.get(name), str) or (not said[name].strip() and name != "instruction"):
                raise BadInput(f"it has no {name}")
        if not said.get("target") and not said.get("layer"):
            raise BadInput("it has neither a target nor a layer to rebuild one from")
        if said.get("target") and said.get("layer"):
            raise BadInput("it has both a target and a layer; which is meant cannot be known")
        said = {name: value for name, value in said.items() if value is not None}
        for name, value in said.items():
            said[name] = _typed(name, value, types[name], folder)
        if said.get("split") not in (None, *SPLITS):
            raise BadInput(f"its split is {said['split']!r}, which is none of {', '.join(SPLITS)}")
        return cls(**{"target": None, **said}, line=line)


def split_of(parent: str, validation: float = 0.05, test: float = 0.05) -> Split:
    """The split that a parent falls into, by its hash: the same on every machine, whatever else is in the store."""
    place = int.from_bytes(hashlib.sha256(parent.encode()).digest()[:8], "big") / 2**64
    return "test" if place < test else "validation" if place < test + validation else "train"


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"it is not readable JSON ({error})") from None
    if not isinstance(said, dict):
        raise BadInput("it is not a JSON object")
    return said


def _typed(name: str, value: Any, kind: Any, folder: Path) -> Any:
    """A value as the record holds it. Raises BadInput where it is of another kind."""
    kinds = get_args(kind) or (kind,)
    if name in PATHS and isinstance(value, str) and "\0" not in value:
        return Path(os.path.normpath(folder / value))
    if name == "wordings" and isinstance(value, list) and all(isinstance(x, str) for x in value):
        return tuple(value)
    if name in (*PATHS, "wordings"):
        wanted, right = "a list of texts" if name == "wordings" else "a path", False
    elif name in ("parameters", "scores"):
        wanted, right = "an object", isinstance(value, dict)
    elif float in kinds:
        wanted, right = "a number above 0", _is_number(value, 0)
    elif int in kinds:
        wanted, right = "a whole number", isinstance(value, int) and _is_number(value, None if name == "seed" else 0)
    else:
        wanted, right = "a text", isinstance(value, str)
    if not right:
        raise BadInput(f"its {name} is {value!r}, which is not {wanted}")
    return value


def _is_number(value: Any, above: float | None) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18
    return number and (above is None or value > above)
