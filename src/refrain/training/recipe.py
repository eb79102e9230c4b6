"""A recipe: what a model is taught, how and for how long, as one frozen record; and the run of one.

`refrain train RECIPE FOLDER` calls the function `run(given)` of a recipe's file, which mostly calls `learn`.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from refrain.attention import Dense, Spec
from refrain.data.pair import Split
from refrain.data.store import Store
from refrain.errors import BadInput
from refrain.models.load import Host
from refrain.models.lora import TARGETS, LoraCard, base_of, merge, save
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import WanDenoiser
from refrain.models.wan.save import save_wan
from refrain.models.wan.touch import Reach

from .batches import Drawn, Reading, batches
from .begin import base, moved, row_length, weights
from .cache import Filled
from .called import called
from .devices import processes
from .held import Held, looking, shown
from .journal import Step
from .loop import Watch, train
from .memory import need
from .objective import Encoded, loss_of
from .prior import Prior, kept
from .stage import Stage

EFFECT, MODEL = "effect.safetensors", "model"


def _nobody(*heard: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Given:
    """What the person who starts a run says, and who hears how it goes. What is None is the recipe's own choice.

    folder: of the run. data: stores, each with its share. model: the base. steps: in place of the stage's.
    cache:  of latents, which several runs may share. name: of the recipe, for the record.
    say:    is told a sentence; stage: (what is done, parts done, parts in all); step: every step of the loop.
    """

    folder: Path
    data: tuple[tuple[Path, float], ...] = ()
    model: str | None = None
    steps: int | None = None
    cache: Path | None = None
    name: str = ""
    say: Callable[[str], None] = _nobody
    stage: Callable[[str, int, int], None] = _nobody
    step: Callable[[Step], None] = _nobody

    def with_data(self, *stores: Path) -> "Given":
        """The same with these stores, each of share 1."""
        return replace(self, data=tuple((store, 1.0) for store in stores))

    def stores(self) -> list[tuple[Store, float]]:
        """The stores, opened. Raises BadInput where there are none."""
        if not self.data:
            raise BadInput("This recipe learns from pairs of clips: give --data FOLDER, a set as docs/data.md has it.")
        return [(Store.open(path), share) for path, share in self.data]


@dataclass(frozen=True)
class Recipe:
    """What is learnt, and how.

    base:     the checkpoint to begin from, unless the person names another.
    card:     the row that is taught to a base, in place of what its own card says; None: as its card says.
    rank:     of the LoRA that learns (alpha is the same), on `targets` and the `tokens` of a row; None: all weights.
    merged:   the LoRA is written into the base: FOLDER/model is a checkpoint. Else it is FOLDER/effect.safetensors.
    embedding: the patch embedding of clean tokens learns too (always where all weights learn).
    shift, std: of the noise times (`flow.draw_times`). spec: the attention that is learnt with.
    batch, lengths, area: as in `Reading`. kept: "bf16" halves the cache of latents.
    checkpointing: blocks are computed again for their gradients: less memory, a third more time.
    prior:    share of the steps at which a LoRA learns to leave everything else as the base has it (`prior`).
    trackers: names of accelerate's trackers.
    """

    stage: Stage
    base: str = "embedded"
    card: Card | None = None
    rank: int | None = 32
    targets: tuple[str, ...] = TARGETS
    tokens: Reach = "all"
    merged: bool = False
    embedding: bool = False
    shift: float = 1.0
    std: float = 1.0
    spec: Spec = Dense()
    batch: int = 1
    lengths: tuple[int, ...] = ()
    area: int | None = None
    kept: Literal["fp32", "bf16"] = "fp32"
    checkpointing: bool = False
    prior: float = 0.0
    trackers: tuple[str, ...] = ()

    @property
    def teaches_embedding(self) -> bool:
        """Whether the patch embedding of clean tokens learns."""
        return self.embedding or self.rank is None

    @property
    def leaves_clean(self) -> bool:
        """Whether nothing that learns touches clean tokens, so that they need no gradients (nor any checkpointing)."""
        alone = self.rank is not None and self.tokens == "target" and not self.teaches_embedding
        return alone and isinstance(self.spec, Dense) and not self.checkpointing

    def cause(self) -> dict[str, str]:
        """All of it that weights depend on, by name, but for the stage, which tells its own."""
        beside = {"stage", "base", "card", "merged", "checkpointing", "trackers"}
        return {f"recipe.{f.name}": str(getattr(self, f.name)) for f in fields(self) if f.name not in beside}

    def reading(self, given: Given, split: Split = "train") -> Reading:
        """How stores are read."""
        dtype = torch.float32 if self.kept == "fp32" else torch.bfloat16
        return Reading(given.cache or given.folder / "cache", self.batch, self.lengths, self.area, split, dtype)


def learn(
    recipe: Recipe, given: Given, effect: str = "", triggers: tuple[str, ...] = (), others: tuple[str, ...] = ()
) -> Path:
    """Run a recipe, or go on with the run in `given.folder`. Returns what came of it: a LoRA file, or a checkpoint.

    effect, triggers: what a LoRA's file says of itself; left open, what the pairs say. others: requests that the base
    understands and is to go on answering as it does, for `prior`; left open, those that its card names.
    """
    warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")  # norms under autocast, as they should
    stage = recipe.stage if given.steps is None else replace(recipe.stage, steps=given.steps)
    crew, stores = processes(), given.stores()
    given.stage("loading the model", 0, 1)
    host, denoiser = base(given.model or recipe.base, recipe.card, crew.device, whole=recipe.rank is None)

    still = recipe.leaves_clean and denoiser.card.rule != "full"
    times = recipe.shift, recipe.std, recipe.spec, still

    def wrong(batch: Encoded, generator: torch.Generator) -> Tensor:
        return loss_of(denoiser, batch.to(crew.device), generator, *times)

    def learnt(batch: Encoded, generator: torch.Generator) -> Tensor:
        if prior is None or not prior.due(generator):
            return wrong(batch, generator)
        return kept(denoiser, prior.asked(batch, generator).to(crew.device), generator, *times)

    def drawn_of(split: Split, those: list[tuple[Store, float]], of: Stage) -> Drawn:
        heard: Callable[[Filled], None] = lambda f: given.stage("caching latents", f.done, f.total)  # noqa: E731
        card, codec, words = denoiser.card, host.codec, host.words
        return batches(those, card, codec, words, of, recipe.reading(given, split), crew.device, heard)

    apart = [(store, share) for store, share in stores if store.of("validation")]
    with moved((host.codec, host.words), crew.device):
        drawn = drawn_of("train", stores, stage)
        held_out = drawn_of("validation", apart, replace(stage, drop=0.0)) if apart else None
        prior = Prior.of(others or denoiser.card.understands, host.words, recipe.prior)
    named = weights(denoiser, recipe.rank, recipe.targets, recipe.tokens, recipe.teaches_embedding, stage.seed)
    denoiser.checkpointing = recipe.checkpointing
    name, base_hash = base_of(host.folder)
    cause = {"base": f"{name} {base_hash[:16]}", "card": str(denoiser.card), **recipe.cause(), **drawn.cause}
    held = Held(
        held_out, shown([store for store, _ in stores], recipe.lengths, recipe.area, denoiser.card),
        looking(host, denoiser, crew.device), given.folder, wrong, stage.precision == "bf16",
    )  # fmt: skip
    if held_out is None and stage.validate_every:
        given.say("No pair is held out, so nothing is validated; give some the split `validation`.")
    length = row_length(drawn, host.codec)
    needed = need(denoiser.experts[0].transformer, named, stage, length, recipe.batch, recipe.checkpointing)
    watch = Watch(None if held_out is None else held.validate, held.sample, recipe.trackers, needed)
    average = train(named, drawn, learnt, stage, given.folder, given.step, cause, watch)
    if not crew.first:
        return given.folder
    average.give(named)
    if recipe.rank is None or recipe.merged:
        return _checkpoint(recipe, given, host, denoiser)
    about = LoraCard(
        recipe.rank, recipe.rank, effect=effect, triggers=triggers, base=name, base_hash=base_hash, steps=stage.steps,
        recipe=given.name, dataset=" ".join(store.fingerprint()[:16] for store, _ in stores),
    )  # fmt: skip
    return _effect(recipe, given, denoiser, called(about, [pair for store, _ in stores for pair in store.of("train")]))


def _checkpoint(recipe: Recipe, given: Given, host: Host, denoiser: WanDenoiser) -> Path:
    """All weights, with the LoRA merged where one learnt, as a model of its own."""
    given.stage("writing the model", 0, 1)
    if recipe.rank is not None:
        merge(denoiser.experts[0].transformer)
    return save_wan(given.folder / MODEL, host.folder, denoiser.experts[0], denoiser.card)


def _effect(recipe: Recipe, given: Given, denoiser: WanDenoiser, about: LoraCard) -> Path:
    """The LoRA as a file that says what row it was taught."""
    card, one = denoiser.card, denoiser.experts[0]
    row = {"rule": card.rule, "coarse": card.coarse, "key_frames": card.key_frames}
    about = replace(about, **row, context_words=card.context_words)
    clean = one.clean_embedding if recipe.teaches_embedding and card.clean_embedding else None
    save(given.folder / EFFECT, one.transformer, about, clean=clean)
    return given.folder / EFFECT
