"""Train the embedded model on scenes and effects that we render ourselves.

    python recipes/embedded.py runs/embedded        # scenes, codec, model; killed, it goes on where it was
    python recipes/embedded.py runs/embedded --export src/refrain/models/embedded/weights
    refrain train recipes/embedded.py runs/embedded --set export=runs/embedded/model     # the same, with a bar
    python recipes/embedded.py runs/more --start src/refrain/models/embedded/weights --steps 3000 --small 0.2

Hardware: two CPU cores and 8 GB suffice (bf16 arithmetic is used where the processor has it).
Hours: see MODEL.md beside the weights, with the figures that this recipe reached.
"""

import argparse
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from rich.console import Console
from safetensors.torch import load_file
from text_encoder import Said, Wording, words_of_run
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from refrain.data.effects import EFFECTS
from refrain.data.example import draw_edit
from refrain.data.plates import Shelf
from refrain.data.words import card_words, content_words, instruction, vocabulary
from refrain.editing.compose import Window
from refrain.models.embedded.codec import LinearCodec
from refrain.models.embedded.fit import fit
from refrain.models.embedded.leaves import leaves_clip
from refrain.models.embedded.new import new_transformer, save
from refrain.models.protocols import Card, Sampling
from refrain.models.wan.denoiser import Expert, WanDenoiser
from refrain.models.wan.load import CLEAN_EMBEDDING
from refrain.models.wan.words import states_of
from refrain.training.loop import Step, train
from refrain.training.objective import Batch, loss
from refrain.training.pointing import Pointing
from refrain.training.recipe import Given
from refrain.training.stage import Stage

SCENES = 1500
EARLY = ((96, 96, 24, 3), (96, 96, 15, 5), (96, 128, 18, 3), (128, 96, 12, 5))  # rows, columns, batch, latent frames
LATE = ((128, 128, 16, 5), (128, 224, 9, 5), (224, 128, 9, 5), (160, 160, 10, 5), (192, 192, 7, 5))
# how often each effect is drawn, where it is not 4: what is harder to learn comes more often; petals are kept out, for
# they show how an Effect-LoRA learns from few pairs what the model has never seen
SHARES = {"fire": 7, "tint": 6, "sparkles": 5, "snow": 5, "lightning": 5, "glow": 2, "night": 2, "keep": 2, "mono": 3,
          "petals": 0}  # fmt: skip
LEAST = 0.02  # share of the frame that a subject must have for an effect that needs one
AGAIN = 20  # steps after which a batch comes again
SMALL = 0.7  # the share of the steps that are small and quick: most of what words mean is learnt there
STAGE = Stage(steps=2800, rate=2e-3, warmup=60, cooldown=0.3, average=0.997, every=100, seed=1)
FURTHER = replace(STAGE, rate=1e-3, cooldown=0.6, seed=2)  # learning on from a released model
# Noise times are drawn around 0.88, and widely: light and large shapes are strong in these latents and are many tokens
# wide, so that a glimpse of them is left at 0.97; where an effect lies, and what was asked, is decided above that.
TIMES = 7.4, 1.5  # shift, and standard deviation of the logit
WIDTH, LAYERS = 256, 6
TOKEN = 16  # pixels of a token, down and across
POINTING = 0.5  # what pointing at the matte and at the subject weighs beside the picture
# taught, but not yet right (docs/quality.md): the card does not say that it knows them, so they are refused
UNSURE = frozenset("ball bubbles bunny clone ghost graffiti growth lightdust lightning lines move neon remove rings "
                   "traversal".split())  # fmt: skip
WORDS = card_words(UNSURE | {name for name, share in SHARES.items() if not share})

CARD = Card(
    name="refrain-embedded",
    rule="isolated",
    kinds=("text", "source", "answer", "target"),
    context_words="none",
    coarse=(1, 2, 2),
    key_frames=1,
    history=1,
    window=5,
    clean_embedding=True,
    prediction="change",
    spread=0.8,
    shows_base=True,
    shows_place=True,
    short_side=192,
    multiple=32,
    sampling=Sampling(steps=12, guidance=2.5, until=0.7, shift=7.0, solver="euler"),
    understands=WORDS.known,
    content_words=WORDS.content,
    colour_words=WORDS.colour,
    refused_words=WORDS.refused,
)


# -- batches -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A batch as it leaves the renderer: clips uint8 [B, T, Y, X, 3] and what was said."""

    source: np.ndarray
    target: np.ndarray
    said: list[str]
    window: Window
    where: np.ndarray  # uint8 [B, 2, T, Y, X]: the matte of the edit, and the subject


class Drawing(Dataset[Drawn]):
    """Batch n of the run, drawn from (seed, n) alone: a resumed run sees what the run would have seen."""

    def __init__(self, shelf: Shelf, stage: Stage, small: float, shares: dict[str, int] | None = None) -> None:
        self.shelf, self.stage, self.small = shelf, stage, small
        every = {name: SHARES.get(name, 4) for name in EFFECTS} if shares is None else shares
        self.effects, self.shares = list(every), np.array(list(every.values())) / sum(every.values())

    def __len__(self) -> int:
        return self.stage.steps

    def __getitem__(self, step: int) -> Drawn:
        # rendering costs as much as learning: what is drawn is learnt from twice, with other noise
        return self._drawn(step // (2 * AGAIN) * AGAIN + step % AGAIN, step < self.small * self.stage.steps)

    @lru_cache(maxsize=AGAIN)  # noqa: B019 -- one data set a process
    def _drawn(self, number: int, small: bool) -> Drawn:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.stage.seed, number, 7))
        buckets = EARLY if small else LATE
        rows, columns, batch, latents = buckets[int(rng.integers(len(buckets)))]
        latents -= min(int(rng.choice([0, 0, 1, 2])), latents - 3)  # a long clip is cut evenly, so windows vary
        # six in ten windows begin a clip; the others start in its middle and see one latent of the answer before them
        window = Window(0, latents) if rng.random() < 0.6 else Window(2, latents + 1, 1)
        pairs = [self._pair(rng, (rows, columns), 4 * window.stop - 3, window.start == 0) for _ in range(batch)]
        sources, targets, said, where = zip(*pairs)
        return Drawn(np.stack(sources), np.stack(targets), list(said), window, np.stack(where))

    def _pair(
        self, rng: np.random.Generator, size: tuple[int, int], length: int, begins: bool
    ) -> tuple[np.ndarray, np.ndarray, str, np.ndarray]:
        effect = str(rng.choice(self.effects, p=self.shares))
        shot = self.shelf.draw(rng, size, length)
        while EFFECTS[effect].subject and shot.subject is not None and shot.subject.mean() < LEAST:
            shot = self.shelf.draw(rng, size, length)
        # what happens once begins with the clip; a window that goes on may see any moment of it
        shot = replace(shot, first=0 if begins else int(rng.choice([0, 0, int(rng.integers(40))])))
        made = draw_edit(int(rng.integers(2**31)), shot, effect)
        said = "" if rng.random() < self.stage.drop else forgotten(rng, made.instruction)
        subject = np.zeros_like(made.matte) if shot.subject is None else shot.subject
        where = np.round(255 * np.stack([made.matte, subject])).astype(np.uint8)
        return shot.frames, made.target, said, where


def forgotten(rng: np.random.Generator, said: str) -> str:
    """Now and then a word that names nothing is one the model does not know: people say more than a grammar does."""
    names = set(content_words())
    return " ".join(w if w.lower() in names or rng.random() > 0.06 else "qqq" for w in said.split())


def pixels(clip: np.ndarray) -> Tensor:
    """uint8 [B, T, Y, X, 3] -> [B, T, 3, Y, X] in [-1, 1]."""
    return torch.from_numpy(clip).permute(0, 1, 4, 2, 3).float().div(127.5).sub(1)


# -- words -------------------------------------------------------------------------------------------------------------


def said_and_meant(seed: int) -> Wording:
    """A wording of an effect; its facts are the effect and each of its parameters."""
    rng = np.random.default_rng((seed, 303))
    effect = list(EFFECTS)[int(rng.integers(len(EFFECTS)))]
    how = EFFECTS[effect].draw(rng)
    facts = {effect, *(f"{effect} {field.name} {getattr(how, field.name)}" for field in fields(how))}
    return Wording(forgotten(rng, instruction(rng, effect, how)), frozenset(facts))


# -- the run -----------------------------------------------------------------------------------------------------------


def codec_of(folder: Path, shelf: Shelf) -> LinearCodec:
    """This run's codec; if there is none yet, fitted on scenes (half of them edited) and on finer, slower leaves."""
    if not (folder / "codec").is_dir():
        shots = (shelf.shot(n, 0, 17) for n in range(0, SCENES, 12))
        scenes = (draw_edit(n, shot).target if n % 2 else shot.frames for n, shot in enumerate(shots))
        leaves = (leaves_clip(n, 17, 128) for n in range(SCENES // 6))
        fit(chain(scenes, leaves)).save_pretrained(folder / "codec", torch.float16)
    return LinearCodec.from_pretrained(folder / "codec")


def run(given: Given, small: float = SMALL, export: str = "") -> None:
    """small: the share of the steps that are small and quick. export: a folder for the model that comes of it."""
    released = None if given.model is None else Path(given.model)
    stage = STAGE if released is None else FURTHER
    stage = replace(stage, steps=given.steps or stage.steps)
    main(given.folder, stage, small, released, Path(export) if export else None, heard=given.step)


def say(step: Step) -> None:
    if step.step % 20 == 0:
        Console().print(f"step {step.step} loss {step.loss:.3f} norm {step.norm:.2f} {step.seconds:.0f} s")


D = TypeVar("D")


@dataclass(frozen=True)
class Pupil:
    """A model that learns, whole: its parts as they are saved, and what of them learns, by name."""

    codec: LinearCodec
    tokenizer: PreTrainedTokenizerFast
    encoder: UMT5EncoderModel
    denoiser: WanDenoiser
    parts: dict[str, nn.Module]
    named: dict[str, nn.Parameter]
    pointing: Pointing
    place: torch.device

    @staticmethod
    def new(
        folder: Path, shelf: Shelf, released: Path | None, card: Card, known: tuple[str, ...], said: Said,
        taught: int = 900, kinds: tuple[int, int] = (2, 0),
    ) -> "Pupil":  # fmt: skip
        """Begun afresh, or from a released model. taught: steps of the words. kinds: pointed at; of them, closely."""
        if released is not None and not (folder / "codec").is_dir():
            shutil.copytree(released / "vae", folder / "codec")
        place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        codec = codec_of(folder, shelf).to(place)
        tokenizer, encoder = words_of_run(folder, released, known, said, taught)
        nn.Module.to(encoder, place)
        torch.manual_seed(STAGE.seed if released is None else FURTHER.seed)
        net, clean = new_transformer(codec.channels, encoder.config.d_model, WIDTH, LAYERS)
        if released is not None:
            net.load_state_dict(load_file(released / "transformer" / "diffusion_pytorch_model.safetensors"))
            clean.load_state_dict(load_file(released / "transformer" / CLEAN_EMBEDDING))
        parts: dict[str, nn.Module] = {"transformer": net, "clean_embedding": clean}
        for part in parts.values():
            part.to(place)
        named = {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}
        pointing = Pointing(net.proj_out, kinds[0], TOKEN, POINTING, kinds[1])
        pointing.line.to(place)
        denoiser = WanDenoiser((Expert(net, clean),), card)
        return Pupil(codec, tokenizer, encoder, denoiser, parts, {**named, **pointing.named()}, pointing, place)

    def says(self, texts: list[str]) -> Tensor:
        """The states of texts."""
        return states_of(self.tokenizer, self.encoder, texts)

    def export(self, folder: Path, average: dict[str, Tensor]) -> None:
        """Write it as a model, with the averaged weights."""
        with torch.no_grad():
            for name, p in self.named.items():
                p.copy_(average[name])
        beside = {"tokenizer": self.tokenizer, "text_encoder": self.encoder, "vae": self.codec}
        save(folder, {**self.parts, **beside}, self.denoiser.card)


def ahead(drawing: Dataset[D], numbers: range) -> Iterator[D]:
    """Batches of these numbers, drawn by other processes while the model learns."""
    workers = max(1, (os.cpu_count() or 2) - 1)
    return iter(DataLoader(drawing, None, sampler=numbers, num_workers=workers, prefetch_factor=4,
                           collate_fn=lambda drawn: drawn))  # fmt: skip


def main(
    folder: Path, stage: Stage, small: float, released: Path | None, export: Path | None, card: Card = CARD,
    heard: Callable[[Step], None] = say, shares: dict[str, int] | None = None,
) -> None:  # fmt: skip
    shelf = Shelf(folder / "scenes", SCENES)
    shelf.fill(lambda done, of: Console().print(f"{done} of {of} scenes rendered") if done % 100 == 0 else None)
    pupil = Pupil.new(folder, shelf, released, card, vocabulary(), said_and_meant)
    drawing = Drawing(shelf, stage, small, shares)

    def wrong(drawn: Drawn, generator: torch.Generator) -> Tensor:
        with torch.autocast(pupil.place.type, torch.bfloat16):
            return wrong_of(pupil, drawn, generator)

    average = train(pupil.named, lambda numbers: ahead(drawing, numbers), wrong, stage, folder, heard)
    if export is not None:
        pupil.export(export, average.shadow)


def wrong_of(pupil: Pupil, drawn: Drawn, generator: torch.Generator) -> Tensor:
    """How wrong the model is about what was drawn: about the target, and about where."""
    source, target = (pixels(clip).to(pupil.place) for clip in (drawn.source, drawn.target))
    batch = Batch(source, target, pupil.says(drawn.said), drawn.window)
    picture = loss(pupil.denoiser, pupil.codec, batch, generator, *TIMES)
    where = torch.from_numpy(drawn.where).to(pupil.place).float().div(255)  # [B, 2, T, Y, X]
    return picture + pupil.pointing.cost([where], drawn.window)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STAGE.steps)
    parser.add_argument("--small", type=float, default=SMALL, help="the share of the steps that are small and quick")
    parser.add_argument("--start", type=Path, help="learn on from this released model")
    parser.add_argument("--export", type=Path)
    given = parser.parse_args()
    stage = replace(FURTHER if given.start else STAGE, steps=given.steps)
    main(given.folder, stage, given.small, given.start, given.export)
