"""Effects in an edit: LoRA files opened and checked, and where on the clip's tokens each of them works."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from refrain.errors import BadInput, Unsupported
from refrain.models.lora import Lora, Worn, check_base, outline, read
from refrain.models.wan.hearing import Spot

from .compose import PATCH, Seen
from .regions import region
from .request import EffectUse


@dataclass(frozen=True, eq=False)
class Effect:
    """A use of a LoRA, with the LoRA."""

    use: EffectUse
    lora: Lora

    @property
    def worn(self) -> Worn:
        return Worn(self.lora, self.use.weight)

    @property
    def words(self) -> str | None:
        """What is said where it works; None: the instruction."""
        return self.use.words or (self.lora.card.words or None if self.use.confined else None)

    def told(self) -> dict[str, Any]:
        """For the record of a result."""
        use = self.use
        place: dict[str, Any] = {"box": use.box and list(use.box), "span": use.span and list(use.span)}
        return {"file": str(use.path), "hash": self.lora.hash, "weight": use.weight, **place, "words": self.words}


def opened(uses: tuple[EffectUse, ...], folder: Path | None, any_base: bool) -> tuple[Effect, ...]:
    """Read the LoRAs of an edit on the checkpoint in `folder`; one that weighs nothing is left out.

    Raises BadWeights for a file that is strange or for another base, Unsupported where one that touches clean tokens
    too is to be kept to a part of the clip: what they say is read everywhere.
    """
    effects = tuple(Effect(use, read(use.path)) for use in uses)
    for effect in effects:
        if folder is not None:
            check_base(effect.lora, folder, any_base)
        elif not any_base:
            raise BadInput("This editor came from no folder, so a LoRA's base cannot be checked; allow any base.")
        if effect.use.confined and effect.lora.card.tokens != "target":
            raise Unsupported(
                f"{effect.lora.path.name} touches clean tokens too, which all regions read, so it cannot be kept to a "
                "box, a time or words of its own; leave these out, or take one trained on target tokens."
            )
    return tuple(effect for effect in effects if effect.use.weight)


def triggers(uses: tuple[EffectUse, ...]) -> tuple[str, ...]:
    """Words and phrases that call these effects, as their files say; no weights are read."""
    cards = (outline(use.path) for use in uses)
    return tuple(trigger for card in cards if card is not None for trigger in card.triggers)


def placed(
    effects: tuple[Effect, ...], names: tuple[str, ...], words: tuple[Tensor | None, ...], seen: Seen,
    frames: tuple[tuple[float, float] | None, ...], frames_per_latent: int,
) -> tuple[Spot, ...]:  # fmt: skip
    """The spots of those effects that are kept to a part of the clip or may be: all on target tokens alone.

    names: of their adapters. words: states [1, N, W] of what is said there. frames: the frames first .. last (one past
    it) in which each works.
    """
    _, _, latents, rows, columns = seen.full.shape
    size = (latents, rows // PATCH, columns // PATCH)
    return tuple(
        Spot(name, region(size, effect.use.box, stretch, frames_per_latent), said)
        for effect, name, said, stretch in zip(effects, names, words, frames)
        if effect.lora.card.tokens == "target"
    )
