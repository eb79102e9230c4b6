"""From stores to the batches of a run: shapes, latents, words, windows, drawn from the seed and a number alone."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from refrain.data.cache import Cache, key_of
from refrain.data.pair import Pair, Split
from refrain.data.store import Store
from refrain.editing.compose import Window
from refrain.errors import BadInput
from refrain.models.protocols import Card, Codec, TextEncoder

from .buckets import Bucket, buckets
from .cache import Filled, Makers, Names, fill, pair_keys, seen_in, states_in, words_key
from .devices import processes
from .mixture import Group, Mixture
from .objective import Encoded
from .stage import Stage

B = TypeVar("B")
_WORDS, _WINDOW = 3, 4  # what is drawn of a batch besides its pairs


@dataclass(frozen=True)
class Reading:
    """How stores are read for a run.

    cache:   the folder of latents and states, which several runs and processes may share. batch: pairs at once.
    lengths: of clips in frames (4k + 1), the longest that a pair has is taken; empty: what suits the model.
    area:    pixels of a frame; None: the size at which the model edits. split: which pairs.
    dtype:   in which latents and states are kept; they are read as float32.
    ahead:   batches that are read while the model learns; 0: none.
    """

    cache: Path
    batch: int = 1
    lengths: tuple[int, ...] = ()
    area: int | None = None
    split: Split = "train"
    dtype: torch.dtype = torch.float32
    ahead: int = 4


def batches(
    stores: Sequence[tuple[Store, float]], card: Card, codec: Codec, words: TextEncoder, stage: Stage, reading: Reading,
    place: torch.device | str = "cpu", heard: Callable[[Filled], None] = lambda filled: None,
) -> "Drawn":  # fmt: skip
    """The micro-batches of a run, for `loop.train`; their `cause` says what data they are, for a resume.

    stores: each with its share of all pairs that are drawn. All latents and states that are missing are made first;
    after that neither codec nor words are asked again, and their memory can be freed. place: where they compute.
    Raises BadInput for stores that cannot be learnt from.
    """
    if not stores or not all(share > 0 for _, share in stores):
        raise BadInput("Give one store or more to learn from, each with a share above 0.")
    makers = Makers.of(codec, words, card, reading.dtype, place)
    found: list[Bucket] = []
    groups: list[Group] = []
    cause = {"data.batch": str(reading.batch), "data.words": makers.names.words}
    for number, (store, share) in enumerate(stores, 1):
        own = buckets(store, card, reading.lengths, reading.area, reading.split)
        held = sum(len(bucket.pairs) for bucket in own)
        found += own
        groups += [Group(len(bucket.pairs), share * len(bucket.pairs) / held) for bucket in own]
        cause[f"data.{number}"] = f"{share:g} of {_mark(own, makers.names)}"
    cache, crew = Cache(reading.cache), processes()
    fill(cache, makers, found, heard, crew.number / crew.count)
    mixture = Mixture(groups, reading.batch, stage.seed)
    return Drawn(cache, card, makers.names, tuple(found), mixture, stage, reading.ahead, cause)


def _mark(found: Sequence[Bucket], names: Names) -> str:
    """A hash of what is learnt of some pairs: their clips, shapes, codec and wordings, in their order."""
    said = [(pair_keys(names, b.store, p, b.shape), p.asked) for b in found for p in b.pairs]
    return key_of({"pairs": said})[:16]


@dataclass(frozen=True, eq=False)
class Drawn:
    """The micro-batches of a run, read from a filled cache; each depends on the stage's seed and its number alone."""

    cache: Cache
    card: Card
    names: Names
    buckets: tuple[Bucket, ...]
    mixture: Mixture
    stage: Stage
    ahead: int
    cause: dict[str, str]

    def __call__(self, numbers: Iterable[int]) -> Iterator[Encoded]:
        """The batches of these numbers, in their order; a thread reads some of them ahead."""
        made = map(self.batch, numbers)
        return ahead(made, self.ahead) if self.ahead else made

    def batch(self, number: int) -> Encoded:
        """The batch `number`, counted from 0 over all steps, micro-batches and processes."""
        group, places = self.mixture.draw(number)
        bucket = self.buckets[group]
        pairs = [bucket.pairs[place] for place in places]
        seen, clean = seen_in([self._latents(bucket, pair) for pair in pairs])
        rng = np.random.default_rng((self.stage.seed, _WORDS, number))
        texts = [worded(rng, pair.asked, self.stage.drop) for pair in pairs]
        states = torch.stack([states_in(self._item(words_key(self.names, text))) for text in texts])
        rng = np.random.default_rng((self.stage.seed, _WINDOW, number))
        window = draw_window(rng, clean.shape[2], self.card)
        return Encoded(seen, clean, states, window, tuple(pair.id for pair in pairs))

    def _latents(self, bucket: Bucket, pair: Pair) -> dict[str, torch.Tensor]:
        """What is kept of a pair's two clips; the mask is not learnt from."""
        keys = pair_keys(self.names, bucket.store, pair, bucket.shape)
        return {**self._item(keys["source"]), **self._item(keys["target"])}

    def _item(self, key: str) -> dict[str, torch.Tensor]:
        item = self.cache.get(key)
        if item is None:
            raise BadInput(
                f"{self.cache.folder} has lost an item, or a clip changed while the run was learning from it; "
                "start again, and what is missing will be made."
            )
        return item


def worded(rng: np.random.Generator, asked: Sequence[str], drop: float) -> str:
    """One of the wordings, or, in a share `drop` of all cases, nothing, so that guidance has a model without words."""
    dropped, chosen = rng.random(), int(rng.integers(len(asked)))  # both always, so that `drop` changes no wording
    return "" if dropped < drop else asked[chosen]


def draw_window(rng: np.random.Generator, latents: int, card: Card) -> Window:
    """Which latents of a timeline are learnt: its beginning in half of all cases, else where a later window may stand.

    A model without history sees the whole, which must then be no longer than its window. Later windows are now and
    then shorter than they could be, for a long clip is cut evenly.
    """
    most = card.window - card.history
    if not card.history or card.coarse[0] > 1 or latents <= card.history:
        if latents > card.window:
            raise BadInput(f"This model learns {card.window} latents at once, not {latents}; ask for fewer frames.")
        return Window(0, latents)
    first, shorter, place = rng.random() < 0.5, int(rng.choice([0, 0, 1, 2])), rng.random()
    if first:
        return Window(0, max(1, min(latents, card.window) - shorter))
    room = min(most, latents - card.history)
    length = max(1, room - shorter)
    start = card.history + int(place * (latents - card.history - length + 1))
    return Window(start, start + length, card.history)


def ahead(items: Iterable[B], count: int) -> Iterator[B]:
    """The same items, made by a thread that is up to `count` of them ahead; its errors come where its item would."""
    ready: queue.Queue[tuple[B | None, BaseException | None]] = queue.Queue(count)
    over = threading.Event()

    def put(item: B | None, error: BaseException | None = None) -> None:
        while not over.is_set():
            try:
                ready.put((item, error), timeout=0.1)
                break
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put(item)
                if over.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:  # it is raised where the item is read
            put(None, error)

    threading.Thread(target=make, name="refrain-ahead", daemon=True).start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        over.set()
