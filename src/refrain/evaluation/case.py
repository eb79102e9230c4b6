"""The nouns of a benchmark: cases, which an editor answers and scorers judge, and the benchmark that they come from.

Cases know files and words only; nothing is decoded until somebody asks for frames.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from refrain.errors import BadInput

Protocol = Literal["strict", "compat"]


@dataclass(frozen=True)
class Case:
    """One thing that is asked of an editor.

    id:           of this case, once in a benchmark.
    source:       the clip or picture that is edited; None where words alone are given.
    instructions: what is asked, one for each turn; never empty.
    category:     as the benchmark names it.
    parent:       the source that it shares with other cases; statistics draw parents, not cases.
    captions:     what should be seen after each turn, where the benchmark says so.
    references:   pictures or clips that the instruction speaks of.
    masks, truth: of the answers, one for each turn, where the benchmark has them.
    extra:        the other fields of the benchmark's own file, as they stand there.
    """

    id: str
    source: Path | None
    instructions: tuple[str, ...]
    category: str
    parent: str
    captions: tuple[str, ...] = ()
    references: tuple[Path, ...] = ()
    masks: tuple[Path, ...] = ()
    truth: tuple[Path, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.instructions:
            raise BadInput(f"Case {self.id} asks for nothing; give it one instruction or more.")

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the case names."""
        return (*([self.source] if self.source else []), *self.references, *self.masks, *self.truth)

    @property
    def absent(self) -> tuple[Path, ...]:
        """Files of the case that are not there; several benchmarks do not ship their sources."""
        return tuple(path for path in self.files if not path.exists())


@dataclass(frozen=True)
class Benchmark:
    """Where a benchmark comes from and how it becomes cases.

    id, title: what it is called here and by its authors. kind: what is edited.
    obtain, licence, source: how to get it, under which terms, and where it is described.
    read:      its published file or folder -> cases. Raises BadInput.
    answer:    where the answer to (case, turn from 1) lies below a folder of outputs, as the published scorer wants it.
    compat:    what `compat` keeps of the published scorer that `strict` mends; empty where both are one.
    edited:    the level, 0 to 255, above which a pixel of its masks belongs to the edit; None where no mask says so.
    soft:      whether its masks say how far every pixel is edited, and need no such level.
    resized:   whether the published scorer brings answers to the size of the source; compat does so too.
    """

    id: str
    title: str
    kind: Literal["video", "picture", "words"]
    obtain: str
    licence: str
    source: str
    read: Callable[[Path], tuple[Case, ...]]
    answer: Callable[[Case, int], str]
    compat: tuple[str, ...] = ()
    edited: Mapping[Protocol, int] | None = None
    resized: bool = False
    soft: bool = False

    def protocol(self, protocol: Protocol) -> str:
        """The name of a protocol as it stands in tables, such as `imgedit/strict`."""
        return f"{self.id}/{protocol}"


def collected(cases: Iterable[Case], file: Path) -> tuple[Case, ...]:
    """Cases in the order of their file. Raises BadInput where there are none, or two of one id."""
    found = tuple(cases)
    if not found:
        raise BadInput(f"{file} holds no cases; give the benchmark's whole file.")
    again = [name for name, times in Counter(case.id for case in found).items() if times > 1]
    if again:
        raise BadInput(f"{file} has the case {again[0]} twice; drop one of them.")
    return found
