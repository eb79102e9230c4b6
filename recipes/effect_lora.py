"""Teach a model an effect from about twenty pairs: an Effect-LoRA, one file that edits wear with `--effect`.

    refrain train recipes/effect_lora.py runs/petals --set effect=petals               # renders 20 pairs, then learns
    refrain train recipes/effect_lora.py runs/mine --data my_pairs --set effect=dragon # pairs of your own
    refrain train recipes/effect_lora.py runs/mine --data my_pairs --model path/to/wan

Hardware: one CPU core and 4 GB for the embedded model; a Wan of 1.3 B parameters wants a GPU of 24 GB.
Hours:    0.5 to 0.9 s of one core a step, so some ten minutes, and 0.7 s for each pair that is rendered.
Expected: petals, which the model has never seen, are recognised in 5 of 12 answers, and four effects that it knows in
          12 of 12 while they are worn: docs/quality.md, "Few-shot".
"""

import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from refrain.cli.main import main
from refrain.data.effects import EFFECTS, Shot
from refrain.data.example import draw_edit
from refrain.data.pair import Pair
from refrain.data.scenes import render_scene
from refrain.data.store import PAIRS, Store
from refrain.data.words import instruction
from refrain.editing.request import understood
from refrain.media import Clip
from refrain.models.lora import FEED_FORWARD, TARGETS
from refrain.models.outline import Outline
from refrain.training.recipe import Given, Recipe, learn
from refrain.training.stage import Stage

SCENES = 50_000  # first of the scenes that are rendered here; the exam's are from 900,000 on
SIZES = ((192, 320), (192, 192), (320, 192))  # rows, columns, in turn
LENGTH, FPS, WORDINGS, HELD = 33, 24, 24, 4  # many wordings cost nothing, and new ones are then understood
SUBJECT = 0.03, 0.35  # share of the frame that a subject has

RECIPE = Recipe(
    stage=Stage(
        steps=900, rate=2.5e-3, warmup=20, cooldown=0.4, decay=0.01, betas=(0.9, 0.99), optimiser="adamw", average=0.97,
        drop=0,  # what is answered to no words stays the base's, so guidance makes the effect stronger
        every=100, validate_every=100, sample_every=1000, precision="bf16", seed=1,
    ),
    base="embedded",
    rank=32,
    targets=TARGETS + FEED_FORWARD,  # a small base has no idea of the effect: attention alone has little to bring near
    tokens="target",
    batch=2,
    shift=7.4,  # as the embedded model learnt
    std=1.5,
    prior=0.25,
)  # fmt: skip


def run(given: Given, effect: str = "", pairs: int = 20, triggers: str = "", side: int = 160) -> None:
    """effect: what it is called; where no --data is given, a rendered one. pairs: how many are rendered.

    triggers: words and phrases that call it, with commas between; left open, they are found in the pairs.
    side: of a square with as many pixels as a frame; 0: the size at which the model edits.
    """
    if not given.data:
        given = given.with_data(rendered(given, effect, pairs))
    called = tuple(word.strip() for word in triggers.split(",") if word.strip())
    taught = {effect, *(pair.effect for store, _ in given.stores() for pair in store.pairs)}
    others = () if given.model else others_than(taught)
    learn(replace(RECIPE, area=side * side or None), given, effect, called, others)


def others_than(taught: set[str | None]) -> tuple[str, ...]:
    """Requests for all other effects that the embedded model understands, which it is to go on answering as it does."""
    outline, rng = Outline.of("embedded"), np.random.default_rng(505)
    known = [e for e, one in EFFECTS.items() if understood(one.wording.known, outline.card, outline.vocabulary)]
    return tuple(
        instruction(rng, name, EFFECTS[name].draw(rng)) for name in known if name not in taught for _ in range(WORDINGS)
    )


def rendered(given: Given, effect: str, pairs: int) -> Path:
    """A store of pairs of a rendered effect in the run's folder, and a few more that are held out; made once."""
    folder = given.folder / "pairs"
    store, wanted = Store.create(folder), pairs + HELD
    for number in range(len(store.pairs), wanted):
        given.stage("rendering pairs", number, wanted)
        store.add([_pair(folder, effect, number, held=number >= pairs)])
    if len(store.pairs) != wanted:
        path = folder / PAIRS
        raise SystemExit(f"{path} holds {len(store.pairs)} pairs, not {wanted}; give another folder.")
    return folder


def _pair(folder: Path, effect: str, number: int, held: bool) -> Pair:
    seed = SCENES + zlib.crc32(effect.encode()) % 1000 * 10 + 100 * number
    shot = _shot(seed, SIZES[number % len(SIZES)])
    made = draw_edit(seed, shot, effect)
    rng = np.random.default_rng((seed, 404))
    wordings = tuple(instruction(rng, effect, made.parameters) for _ in range(WORDINGS - 1))
    source, target = folder / f"{number:04d}.mp4", folder / f"{number:04d}-{effect}.mp4"
    for path, frames in ((source, made.source), (target, made.target)):
        _clip(frames).write(path, lossless=True)
    return Pair(
        f"{effect}-{number}", f"scene-{seed}", source, target, made.instruction, "effect", wordings=wordings,
        fps=FPS, frames=LENGTH, height=made.source.shape[1], width=made.source.shape[2], effect=effect, seed=seed,
        caption=made.caption, reverse=made.reverse, split="validation" if held else "train",
    )  # fmt: skip


def _shot(seed: int, size: tuple[int, int]) -> Shot:
    """The first scene from `seed` on whose subject is of fair size."""
    while not SUBJECT[0] <= render_scene(seed, 1, size).subject.mean() <= SUBJECT[1]:
        seed += 1
    scene = render_scene(seed, LENGTH, size, behind=True)
    return Shot(scene.frames, scene.subject, fps=FPS, behind=scene.behind)


def _clip(frames: np.ndarray) -> Clip:
    """uint8 [T, Y, X, 3] as a clip."""
    return Clip.of(torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(127.5).sub(1), FPS)


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv]))
