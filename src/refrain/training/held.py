"""Pairs that a run does not learn from: the loss on them, and edits of them that a person can look at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from refrain.data.pair import Pair
from refrain.data.store import Store
from refrain.editing.editor import Editor
from refrain.editing.request import Edit
from refrain.models.load import Host
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import WanDenoiser

from .batches import Drawn
from .begin import moved
from .buckets import Shape, lengths_of, shape_of
from .objective import Encoded

MOST, SHOWN = 8, 2  # batches that are validated, and edits that are shown
SAMPLES = "samples"


@dataclass(frozen=True, eq=False)
class Held:
    """What looks on while a stage is learnt.

    drawn: batches of the held-out pairs, always the same; None where there are none.
    shown: what is edited: a pair, its store, and its shape.
    """

    drawn: Drawn | None
    shown: tuple[tuple[Store, Pair, Shape], ...]
    editor: Editor
    folder: Path
    loss: Callable[[Encoded, torch.Generator], Tensor]
    half: bool

    def validate(self, done: int) -> dict[str, float]:
        """The mean loss on the held-out pairs, at noise that is the same each time."""
        assert self.drawn is not None
        pairs, batch = sum(len(bucket.pairs) for bucket in self.drawn.buckets), int(self.drawn.mixture.sizes.max())
        losses: list[float] = []
        with torch.autocast(self.editor.device.type, torch.bfloat16, enabled=self.half):
            for number in range(min(MOST, -(-pairs // batch))):
                generator = torch.Generator().manual_seed(number)
                losses.append(float(self.loss(self.drawn.batch(number), generator)))
        return {"loss": sum(losses) / len(losses)}

    def sample(self, done: int) -> None:
        """Edit the first held-out clips, and write them into the run's folder."""
        editor = self.editor
        (self.folder / SAMPLES).mkdir(parents=True, exist_ok=True)
        with moved((editor.codec, editor.words), editor.device):
            for number, (store, pair, shape) in enumerate(self.shown):
                source = store.clips(pair)[0].between(0, shape.frames)
                asked = Edit(pair.instruction, source, short_side=max(32, min(shape.size)))
                editor.edit(asked).clip.write(self.folder / SAMPLES / f"{done:06d}-{number}.mp4")
        if isinstance(editor.denoiser, WanDenoiser):
            editor.denoiser.forget()


def shown(
    stores: Sequence[Store], lengths: tuple[int, ...], area: int | None, card: Card
) -> tuple[tuple[Store, Pair, Shape], ...]:
    """The first held-out pairs, or where none is held out, the first of all."""
    lengths = lengths or lengths_of(card)
    for split in ("validation", "train"):
        found = [(store, pair) for store in stores for pair in store.of(split)[:SHOWN]]
        shapes = [(store, pair, shape_of(store.facts(pair), card, lengths, area)) for store, pair in found]
        able = [(store, pair, shape) for store, pair, shape in shapes if shape is not None]
        if able:
            return tuple(able[:SHOWN])
    return ()


def looking(host: Host, denoiser: WanDenoiser, place: torch.device) -> Editor:
    """An editor of what is being taught. It takes any words: what a model says it understands is no limit here."""
    card = replace(denoiser.card, content_words=(), refused_words=())
    return Editor(host.codec, host.words, denoiser, card, frozenset(), "", str(host.folder), place)
