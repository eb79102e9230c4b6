"""What a LoRA file says of itself, in its safetensors metadata."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from refrain.errors import BadWeights
from refrain.models.wan.touch import Reach

KEY = "refrain"
VERSION = 1


@dataclass(frozen=True)
class LoraCard:
    """The facts beside a LoRA's weights. What is None or empty is not known.

    effect:    what it is called. words: a sentence that it was trained on; triggers: words that call it.
    rank, alpha, tokens: of the adapter.
    base, base_hash: the checkpoint that it was trained on, and the hash of its transformer (`base_of`).
    rule, coarse, key_frames, context_words: the row it was trained on, as the checkpoint's card has them.
    expert:    of a checkpoint with two, the number of the one that it belongs to; None: of each.
    dataset, recipe, steps: what it was taught, by what, for how long.
    """

    rank: int
    alpha: float
    tokens: Reach = "all"
    effect: str = ""
    words: str = ""
    triggers: tuple[str, ...] = ()
    base: str = ""
    base_hash: str = ""
    rule: str = ""
    coarse: tuple[int, int, int] | None = None
    key_frames: int | None = None
    context_words: str = ""
    expert: int | None = None
    dataset: str = ""
    recipe: str = ""
    steps: int | None = None
    version: int = VERSION

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """From JSON; BadWeights for a newer version, an unknown fact or a strange value. `where`: the file's name."""
        try:
            said: Any = json.loads(text)
            version = said.get("version")
        except (json.JSONDecodeError, AttributeError):
            raise BadWeights(f"{where} says nothing readable of itself; get the file anew.") from None
        strange = sorted(set(said) - {f.name for f in fields(cls)})
        if version != VERSION or strange:
            raise BadWeights(f"{where} is of format {version}{', with ' + ', '.join(strange) if strange else ''}, "
                             f"and this version of Refrain reads format {VERSION}; update Refrain.")  # fmt: skip
        said["triggers"] = tuple(said.get("triggers", ()))
        said["coarse"] = None if said.get("coarse") is None else tuple(said["coarse"])
        try:
            card = cls(**said)
            if card.rank >= 1 and card.alpha > 0 and card.tokens in ("all", "target", "clean"):
                return card
        except TypeError:
            pass
        raise BadWeights(f"{where} has no sensible rank, alpha or tokens; get the file anew.")
