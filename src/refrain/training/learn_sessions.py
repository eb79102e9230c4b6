"""A run that learns sessions: all turns in one row. It is begun, resumed and recorded as one that learns pairs is."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from refrain.data.pair import Split
from refrain.data.sessions.store import SessionStore
from refrain.errors import BadInput
from refrain.models.lora import base_of, merge
from refrain.models.wan.save import save_wan

from .begin import PATCH, base, moved, weights
from .buckets import GROUP
from .cache import Filled
from .devices import processes
from .lesson import Drops, Lesson, loss_of_lesson
from .loop import Watch, train
from .memory import need
from .recipe import MODEL, Given, Recipe
from .sessions import Lessons, lessons
from .stage import Stage

HELD = 8  # lessons that are validated


def learn_sessions(recipe: Recipe, given: Given, drops: Drops) -> Path:
    """Run a recipe on sets of sessions, or go on with the run in `given.folder`. Returns the checkpoint's folder."""
    warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")  # norms under autocast, as they should
    stage = recipe.stage if given.steps is None else replace(recipe.stage, steps=given.steps)
    if not given.data:
        raise BadInput("This recipe learns from sessions: give --data FOLDER, as refrain data sessions makes it.")
    crew, stores = processes(), [(SessionStore.open(path), share) for path, share in given.data]
    given.stage("loading the model", 0, 1)
    host, denoiser = base(given.model or recipe.base, recipe.card, crew.device, whole=recipe.rank is None)

    def wrong(lesson: Lesson, generator: torch.Generator) -> Tensor:
        there = lesson.to(crew.device)
        return loss_of_lesson(denoiser, there, generator, (recipe.shift, recipe.std), drops, recipe.spec)

    def drawn_of(split: Split, those: list[tuple[SessionStore, float]], of: Stage) -> Lessons:
        heard: Callable[[Filled], None] = lambda f: given.stage("caching latents", f.done, f.total)  # noqa: E731
        card = denoiser.card
        return lessons(those, card, host.codec, host.words, of, recipe.reading(given, split), crew.device, heard)

    apart = [(store, share) for store, share in stores if store.of("validation")]
    with moved((host.codec, host.words), crew.device):
        drawn = drawn_of("train", stores, stage)
        held_out = drawn_of("validation", apart, replace(stage, drop=0.0)) if apart else None
    named = weights(denoiser, recipe.rank, recipe.targets, recipe.tokens, recipe.teaches_embedding, stage.seed)
    denoiser.checkpointing = recipe.checkpointing

    def validate(done: int) -> dict[str, float]:
        assert held_out is not None
        count = min(HELD, -(-sum(len(alike.sessions) for alike in held_out.groups) // recipe.batch))
        with torch.autocast(crew.device.type, torch.bfloat16, enabled=stage.precision == "bf16"):
            found = [float(wrong(held_out.lesson(n), torch.Generator().manual_seed(n))) for n in range(count)]
        return {"loss": sum(found) / count}

    name, base_hash = base_of(host.folder)
    cause = {"base": f"{name} {base_hash[:16]}", "card": str(denoiser.card), "drops": str(drops)}
    net = denoiser.experts[0].transformer
    side = host.codec.pixels_per_latent * PATCH
    needed = need(net, named, stage, longest(drawn, side), recipe.batch, recipe.checkpointing)
    watch = Watch(None if held_out is None else validate, None, recipe.trackers, needed)
    causes = {**cause, **recipe.cause(), **drawn.cause}
    average = train(named, drawn, wrong, stage, given.folder, given.step, causes, watch)
    if not crew.first:
        return given.folder
    average.give(named)
    given.stage("writing the model", 0, 1)
    if recipe.rank is not None:
        merge(net)
    return save_wan(given.folder / MODEL, host.folder, denoiser.experts[0], denoiser.card)


def longest(drawn: Lessons, side: int) -> int:
    """Tokens of the longest row; a token is `side` pixels wide."""
    return max(
        alike.pictures * ((alike.shape.frames - 1) // GROUP + 1) * (alike.shape.height // side)
        * (alike.shape.width // side)
        for alike in drawn.groups
    )  # fmt: skip
