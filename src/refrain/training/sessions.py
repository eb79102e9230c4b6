"""From sets of sessions to lessons: shapes, latents and words, drawn from the seed and a number alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from refrain.data.cache import Cache, key_of
from refrain.data.sessions.store import SessionFiles, SessionStore, TurnFiles, frames_of
from refrain.editing.chain import CHAIN
from refrain.editing.compose import Seen, require_references, see
from refrain.editing.turns import SAYING, Task
from refrain.errors import BadInput, RefrainError
from refrain.models.protocols import Card, Codec, TextEncoder

from .batches import Reading, ahead
from .buckets import Shape, shape_of
from .cache import VERSION, Filled, Makers, Names, encode_words, states_in, words_key
from .lesson import Lesson, TaughtTurn
from .mixture import Group, Mixture
from .stage import Stage

_WORDS = 3  # what is drawn of a batch besides its sessions
Layout = tuple[tuple[tuple[Task, ...], int], ...]
"""Of every turn: what is predicted, and how many references it names."""


@dataclass(frozen=True)
class Alike:
    """Sessions of one store that make rows of one layout, at one shape."""

    store: SessionStore
    shape: Shape
    layout: Layout
    sessions: tuple[SessionFiles, ...]

    @property
    def pictures(self) -> int:
        """How many of a row's segments are as large as its source: everything that is predicted stands twice."""
        return 1 + sum(2 * len(tasks) + references for tasks, references in self.layout)


@dataclass(frozen=True, eq=False)
class Lessons:
    """The lessons of a run, read from a filled cache; each depends on the stage's seed and its number alone."""

    cache: Cache
    names: Names
    groups: tuple[Alike, ...]
    mixture: Mixture
    stage: Stage
    ahead: int
    cause: dict[str, str]

    def __call__(self, numbers: Iterable[int]) -> Iterator[Lesson]:
        """The lessons of these numbers, in their order; a thread reads some of them ahead."""
        made = map(self.lesson, numbers)
        return ahead(made, self.ahead) if self.ahead else made

    def lesson(self, number: int) -> Lesson:
        """Batch `number`, counted from 0 over all steps, micro-batches and processes."""
        group, places = self.mixture.draw(number)
        alike = self.groups[group]
        drawn = [alike.sessions[place] for place in places]
        rng = np.random.default_rng((self.stage.seed, _WORDS, number))
        turns: list[TaughtTurn] = []
        for n, (tasks, references) in enumerate(alike.layout):
            told = [one.turns[n] for one in drawn]
            silent = [rng.random() < self.stage.drop for _ in told]
            words: dict[Task, Tensor] = {task: self._words(task, told, silent) for task in tasks}
            found: dict[Task, Seen] = {
                task: self._seen(alike, [file_of(turn, task) for turn in told]) for task in tasks
            }
            named = tuple(
                self._seen(alike, [turn.references[k] for turn in told]).full[:, :, :1] for k in range(references)
            )
            turns.append(TaughtTurn(words, found, named))
        source = self._seen(alike, [one.source for one in drawn])
        return Lesson(source, tuple(turns), tuple(one.id for one in drawn))

    def _words(self, task: Task, told: list[TurnFiles], silent: list[bool]) -> Tensor:
        """States [B, N, W]; those of nothing where words are dropped, for guidance."""
        texts = ["" if dropped else SAYING[task].format(turn.words) for turn, dropped in zip(told, silent)]
        return torch.stack([states_in(self._item(words_key(self.names, text))) for text in texts])

    def _seen(self, alike: Alike, paths: list[Path]) -> Seen:
        items = [self._item(picture_key(self.names, alike, path)) for path in paths]
        coarse = torch.stack([item["coarse"] for item in items]).float() if "coarse" in items[0] else None
        return Seen(torch.stack([item["full"] for item in items]).float(), coarse)

    def _item(self, key: str) -> dict[str, Tensor]:
        item = self.cache.get(key)
        if item is None:
            raise BadInput(
                f"{self.cache.folder} has lost an item, or a picture changed while the run was learning from it; "
                "start again, and what is missing will be made."
            )
        return item


def lessons(
    stores: Sequence[tuple[SessionStore, float]], card: Card, codec: Codec, words: TextEncoder, stage: Stage,
    reading: Reading, place: torch.device | str = "cpu", heard: Callable[[Filled], None] = lambda filled: None,
) -> Lessons:  # fmt: skip
    """The lessons of a run, for `loop.train`. All latents and states that are missing are made first.

    stores: each with its share. Raises BadInput for stores that cannot be learnt from.
    """
    if not stores or not all(share > 0 for _, share in stores):
        raise BadInput("Give one set of sessions or more to learn from, each with a share above 0.")
    makers = Makers.of(codec, words, card, reading.dtype, place)
    found: list[Alike] = []
    groups: list[Group] = []
    cause = {"data.batch": str(reading.batch), "data.words": makers.names.words, "data.codec": makers.names.codec}
    for number, (store, share) in enumerate(stores, 1):
        own = sorted_out(store, card, reading)
        held = sum(len(alike.sessions) for alike in own)
        found += own
        groups += [Group(len(alike.sessions), share * len(alike.sessions) / held) for alike in own]
        shapes = sorted({str(alike.shape) for alike in own})
        cause[f"data.{number}"] = f"{share:g} of {key_of({'sessions': store.fingerprint(), 'shapes': shapes})[:16]}"
    cache = Cache(reading.cache)
    fill(cache, makers, found, heard)
    mixture = Mixture(groups, reading.batch, stage.seed)
    return Lessons(cache, makers.names, tuple(found), mixture, stage, reading.ahead, cause)


def sorted_out(store: SessionStore, card: Card, reading: Reading) -> list[Alike]:
    """The sessions of a split by shape and layout. Raises BadInput where there are none."""
    by: dict[tuple[Shape, Layout], list[SessionFiles]] = {}
    for one in store.of(reading.split):
        with_line = f"{store.path} line {one.line} ({one.id})"
        try:
            shape = shape_of(store.known.facts(one.source), card, reading.lengths or (1,), reading.area)
        except RefrainError as error:
            raise BadInput(f"{with_line}: {error}") from None
        if shape is None:
            raise BadInput(f"{with_line}: its source is shorter than {min(reading.lengths)} frames; ask for fewer.")
        by.setdefault((shape, layout_of(one, card)), []).append(one)
    if not by:
        raise BadInput(f"{store.path} has no sessions to learn from in its {reading.split} split; add some.")
    return [Alike(store, *key, tuple(each)) for key, each in sorted(by.items(), key=lambda item: item[0])]


def layout_of(one: SessionFiles, card: Card) -> Layout:
    """What a row of this session would hold; masks only for a model that learns them."""
    if any(turn.references for turn in one.turns):
        require_references(card)
    masks = CHAIN if "mask" in card.kinds else ()
    return tuple(
        ((*(task for task in masks if getattr(turn, task) is not None), "picture"), len(turn.references))
        for turn in one.turns
    )


def file_of(turn: TurnFiles, task: Task) -> Path:
    """The file of what a turn predicts."""
    return turn.picture if task == "picture" else getattr(turn, task)


def picture_key(names: Names, alike: Alike, path: Path) -> str:
    """The key of a picture's latents: all that they depend on."""
    used = {"version": VERSION, "frames": [0, alike.shape.frames], "size": alike.shape.size, "coarse": names.coarse}
    return key_of({**used, "codec": names.codec, "dtype": str(names.dtype), "seen": alike.store.known.hash(path)})


def fill(
    cache: Cache, makers: Makers, found: Iterable[Alike], heard: Callable[[Filled], None] = lambda filled: None
) -> Filled:
    """Make every item that is missing; what is there stays, so a killed run goes on."""
    pictures: dict[str, tuple[Shape, Path]] = {}
    texts: dict[str, None] = {"": None}
    for alike in found:
        for one in alike.sessions:
            for path in (one.source, *(path for turn in one.turns for path in turn.files)):
                pictures[picture_key(makers.names, alike, path)] = alike.shape, path
            texts |= {SAYING[task].format(turn.words): None for turn in one.turns for task in SAYING}
    work: dict[str, Callable[[], dict[str, Tensor]]] = {
        key: lambda shape=shape, path=path: encode_picture(makers, path, shape)
        for key, (shape, path) in pictures.items()
    }
    work |= {words_key(makers.names, text): lambda text=text: encode_words(makers, text) for text in texts}
    made = 0
    for done, (key, make) in enumerate(work.items(), 1):
        if key not in cache:
            cache.put(key, make())
            made += 1
        heard(Filled(done, len(work), made))
    return Filled(len(work), len(work), made)


def encode_picture(makers: Makers, path: Path, shape: Shape) -> dict[str, Tensor]:
    """Its latents `full` [C, T, Y, X], and `coarse` ones where the card has them. A still is shown in every frame."""
    with torch.no_grad():
        seen = see(makers.codec, frames_of(path, shape.frames, shape.size)[None].to(makers.place), makers.card)
    item = {"full": seen.full[0]} | ({} if seen.coarse is None else {"coarse": seen.coarse[0]})
    return {name: x.to("cpu", makers.names.dtype) for name, x in item.items()}
