"""What is asked in one turn, as data that a record can hold and a replay can ask again."""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, cast

from torch import Tensor

from refrain.editing.request import SEEDS, Edit, EffectUse
from refrain.errors import BadInput
from refrain.media import Clip
from refrain.models.lora import read as read_lora

from .media import in_steps, read_bound, read_clip, write_bound, write_clip
from .turn import Turn


class Choices(TypedDict, total=False):
    """What may be said beside the words, as in `Edit`.

    references: pictures, or numbers of turns that are pictures. frame: edit this frame alone, as a picture.
    chain: predict first where it changes, then how the change will lie (VINCIE's chain-of-editing). here: a mask
    [T or 1, 1, Y, X] of where it changes, in place of the predicted one. within: nothing changes outside these masks.
    story: a picture that goes on from the ones before; nothing of them is put back.
    """

    seed: int
    steps: int | None
    guidance: float | None
    bound: Tensor | None
    references: tuple[Clip | int, ...]
    effects: tuple[EffectUse, ...]
    any_base: bool
    frame: int | None
    chain: bool
    here: Tensor | None
    within: bool
    story: bool


@dataclass(frozen=True, eq=False)
class Ask:
    """One turn's question; see `Choices`. The bound is taken in whole 255ths, as its file holds it."""

    words: str
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    bound: Tensor | None = None
    references: tuple[Clip | int, ...] = ()
    effects: tuple[EffectUse, ...] = ()
    any_base: bool = False
    frame: int | None = None
    chain: bool = False
    here: Tensor | None = None
    within: bool = False
    story: bool = False

    def __post_init__(self) -> None:
        check_named(self.words, len(self.references))
        for number, one in enumerate(self.references, 1):
            if isinstance(one, Clip) and len(one) > 1:
                raise BadInput(f"Reference {number} is a clip of {len(one)} frames; give a picture, one frame of it.")
        if self.bound is not None:
            object.__setattr__(self, "bound", in_steps(self.bound))
        if self.here is not None:
            object.__setattr__(self, "here", in_steps(self.here))
        if self.within and not self.masked:
            raise BadInput("Nothing says within what it should change; ask with a chain, or give a mask of where.")
        if self.story and (self.within or self.bound is not None):
            raise BadInput("A story's picture is new all over; ask for it without a bound and without within.")

    @property
    def masked(self) -> bool:
        """Whether masks are predicted, or given, before the picture."""
        return self.chain or self.here is not None

    def edit(self, clip: Clip, short_side: int | None) -> Edit:
        """The edit of a clip that this asks for; references enter as latents, beside it.

        Of the picture before a story's picture nothing is put back: all of it may move.
        """
        for name, mask in (("bound", self.bound), ("mask of where", self.here)):
            if mask is not None and (mask.shape[1:] != (1, *clip.size) or len(mask) not in (1, len(clip))):
                y, x = clip.size
                raise BadInput(
                    f"The {name} is {list(mask.shape)}; the turn it is for needs [{len(clip)} or 1, 1, {y}, {x}]."
                )
        return Edit(
            self.words, clip, bound=self.bound, seed=self.seed, steps=self.steps, guidance=self.guidance,
            short_side=short_side, effects=self.effects, any_base=self.any_base, preserve=not self.story,
        )  # fmt: skip

    def told(self, folder: Path) -> dict[str, Any]:
        """For the record; pictures and the bound are written to `folder`."""
        references = [
            {"turn": picture} if isinstance(picture, int) else write_clip(picture, folder, f"reference-{number}")
            for number, picture in enumerate(self.references, 1)
        ]
        return {
            "words": self.words,
            "seed": self.seed,
            "steps": self.steps,
            "guidance": self.guidance,
            "bound": None if self.bound is None else write_bound(self.bound, folder),
            "references": references,
            "effects": [{**asdict(use), "path": str(use.path)} for use in self.effects],
            "any_base": self.any_base,
            "frame": self.frame,
            "chain": self.chain,
            "here": None if self.here is None else write_bound(self.here, folder, "here"),
            "within": self.within,
            "story": self.story,
        }


def asked_in(turn: Turn, seed: int | None = None) -> Ask:
    """What a turn asked, from its record; with another seed where one is given.

    Raises BadInput where a file that it needs is gone or has changed.
    """
    said = turn.record["asked"]
    for effect in turn.record["made"].get("effects", ()):
        if read_lora(effect["file"]).hash != effect["hash"]:
            raise BadInput(f"The effect {effect['file']} is not what it was in turn {turn.id}; put that file back.")
    asked = Ask(
        words=said["words"],
        seed=said["seed"],
        steps=said["steps"],
        guidance=said["guidance"],
        bound=None if said["bound"] is None else read_bound(turn.folder, turn.file(said["bound"])),
        references=references_in(turn),
        effects=tuple(_use(use) for use in said["effects"]),
        any_base=said["any_base"],
        frame=said["frame"],
        chain=said.get("chain", False),
        here=None if said.get("here") is None else read_bound(turn.folder, turn.file(said["here"])),
        within=said.get("within", False),
        story=said.get("story", False),
    )
    return asked if seed is None else replace(asked, seed=seed)


def references_in(turn: Turn) -> tuple[Clip | int, ...]:
    """The references of a turn, from its record. Raises BadInput where a file is gone or has changed."""
    said = turn.record["asked"]["references"]
    return tuple(cast(int, one["turn"]) if "turn" in one else read_clip(turn.folder, turn.file(one)) for one in said)


def check_seed(seed: int | None) -> None:
    """BadInput for a number that is no seed."""
    if seed is not None and not 0 <= seed < SEEDS:
        raise BadInput(f"The seed must be a whole number from 0 to 2^63 - 1, not {seed}.")


def check_named(words: str, given: int) -> None:
    """References are named in the words by their numbers, <1>, <2>; one alone needs no name."""
    named = {int(number) for number in re.findall(r"<(\d{1,3})>", words)}
    missing = sorted(named - set(range(1, given + 1)))
    if missing:
        raise BadInput(f"The words name reference <{missing[0]}>, but {_count(given)}; give it, or leave its name out.")
    silent = sorted(set(range(1, given + 1)) - named)
    if silent and (named or given > 1):
        raise BadInput(
            f"Reference {silent[0]} is given but not named; say <{silent[0]}> in the words where it is meant."
        )


def _count(given: int) -> str:
    return "only one is given" if given == 1 else f"only {given} are given" if given else "none is given"


def _use(said: dict[str, Any]) -> EffectUse:
    box, span = (said[name] and tuple(said[name]) for name in ("box", "span"))
    return EffectUse(said["path"], said["weight"], box, span, said["words"])
