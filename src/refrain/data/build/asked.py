"""What set of pairs is asked for, and which effect each of its pairs has."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refrain import __version__
from refrain.data.effects import EFFECTS
from refrain.data.words import nearest
from refrain.errors import BadInput

GENERATOR = f"refrain {__version__}"
KEPT = 13  # one pair in about so many others changes nothing


@dataclass(frozen=True)
class Asked:
    """count pairs, `each` of them on one plate of `frames` frames of `size` (rows, columns).

    effects: drawn evenly; none means all. clips: plates are cut from these; none means rendered scenes.
    targets: write whole targets, not layers. masks: also write where the target differs.
    licence: of the clips. The same record gives the same set, on any machine and any number of workers.
    """

    count: int
    each: int = 4
    effects: tuple[str, ...] = ()
    size: tuple[int, int] = (480, 832)
    frames: int = 81
    fps: float = 16.0
    seed: int = 0
    clips: tuple[Path, ...] = ()
    licence: str | None = None
    targets: bool = False
    masks: bool = False

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("each", 1), ("frames", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} must be {least} or more, not {getattr(self, name)}.")
        if not 0 < self.fps <= 240:
            raise BadInput(f"Frames a second must be above 0 and at most 240, not {self.fps:g}.")
        if self.size[0] % 2 or self.size[1] % 2 or min(self.size) < 16:
            raise BadInput(
                f"The sides must be even and 16 or more, not {self.size[1]}x{self.size[0]}: 4:2:0 needs that."
            )
        for name in self.effects:
            if name not in EFFECTS:
                like = " or ".join(nearest(name, EFFECTS)) or "see refrain effects list"
                raise BadInput(f"There is no effect {name!r}; did you mean {like}?")

    @property
    def plates(self) -> int:
        """How many plates are needed."""
        return -(-self.count // self.each)

    def pairs_of(self, plate: int) -> range:
        """The places, in the whole set, of the pairs of a plate."""
        return range(plate * self.each, min((plate + 1) * self.each, self.count))

    def effect(self, place: int) -> str:
        """The effect of the pair at a place: dealt from shuffled decks that hold each effect equally often, and `keep`.

        One pair in ten to twenty is `keep`, whatever effects are asked for.
        """
        others = [name for name in self._names() if name != "keep"]
        if not others:
            return "keep"
        cards = others * max(round(KEPT / len(others)), 1)
        cards += ["keep"] * max(round(len(cards) / KEPT), 1)
        deck, card = divmod(place, len(cards))
        return cards[np.random.default_rng((self.seed, deck, 303)).permutation(len(cards))[card]]

    def told(self) -> dict[str, Any]:
        """All that decides what the pairs are, but not how many: two runs may go on with each other if it is equal."""
        return {
            "generator": GENERATOR, "seed": self.seed, "size": list(self.size), "frames": self.frames,
            "fps": self.fps, "each": self.each, "effects": self._names(), "licence": self.licence,
            "targets": self.targets, "masks": self.masks, "clips": [hash_of(path) for path in self.clips],
        }  # fmt: skip

    def _names(self) -> list[str]:
        return sorted(set(self.effects or EFFECTS))


def begun(asked: Asked, file: Path) -> None:
    """Note in `file` what is asked, or refuse what differs from the note that is there."""
    told = asked.told()
    if not file.exists():
        from refrain.media.write import appearing

        with appearing(file) as aside:
            aside.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise BadInput(f"{file} is not readable; take another folder.") from None
    apart = [name for name in told if not isinstance(before, dict) or before.get(name) != told[name]]
    if apart:
        raise BadInput(
            f"{file.parent} was begun with another {', '.join(apart)}; ask for the same again, or take another folder."
        )


def hash_of(path: Path) -> str:
    """The SHA-256 of a file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
