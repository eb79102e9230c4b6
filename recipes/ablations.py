"""What each part of the row is worth: the embedded model trained without it, and examined (IC-Effect, Tables 2 and 3).

    python recipes/ablations.py runs/ablations --steps 700 --seeds 3       # a quarter of the budget of embedded.py
    python recipes/ablations.py runs/few --steps 250 --effects fire,fog,mono,snow,tint       # on these effects alone

Hardware: two CPU cores and 8 GB. Hours: five variants of three seeds are fifteen runs, each a quarter of `embedded.py`:
some seven hours on two cores. Killed, it goes on where it was. Expected figures: docs/quality.md, "Ablations"; the
paper's own stand beside the variants. "Without general training" is `effect_lora.py` on an untrained folder.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from embedded import CARD, EARLY, SCENES, SMALL, STAGE, TIMES, Drawing, main, pixels

from refrain.data.effects import EFFECTS
from refrain.data.plates import Shelf
from refrain.editing.editor import Editor
from refrain.models.wan.denoiser import WanDenoiser
from refrain.training.objective import Batch, loss

HELD, PAIRS = 77, 480  # seed and about how many pairs are held out
# IC-Effect's own finding, for each: how `GPT struct` and `GPT effect` of the paper move when the part is left out
VARIANTS = {
    "whole": CARD,
    "full": replace(CARD, rule="full"),  # without causal attention: 4.79 -> 4.56, 4.56 -> 4.49
    "keyless": replace(CARD, key_frames=0),  # without the first frame: -> 4.01, -> 3.61
    "uncorrected": replace(CARD, align="none"),  # without position correction: -> 4.46, -> 4.39
    "dense": replace(CARD, coarse=(1, 1, 1), key_frames=0),  # full tokens instead of sparse ones: -> 4.84, -> 4.60
}


def run(folder: Path, name: str, seed: int, steps: int, each: int, effects: tuple[str, ...]) -> None:
    """Train one variant and examine it; what is there already is not made again."""
    here = folder / f"{name}-{seed}"
    with shared(folder, here):
        if not (here / "model").is_dir():
            stage = replace(STAGE, steps=steps, seed=seed)
            main(here, stage, small(effects), None, here / "model", VARIANTS[name], shares=shares(effects))
    if not (here / "loss.txt").is_file():
        (here / "loss.txt").write_text(f"{held_out(here, effects):.4f}\n", encoding="utf-8")
    if each and not (here / "exam.md").is_file():
        asked = ["evaluate", "effects", "--short", "--model", here / "model", "--each", each, "-o", here / "exam.jsonl"]
        named = [word for effect in effects for word in ("--effect", effect)]
        told = subprocess.run(
            [sys.executable, "-m", "refrain.cli.main", *map(str, asked), *named],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        (here / "exam.md").write_text(told.stdout, encoding="utf-8")


@contextmanager
def shared(folder: Path, here: Path) -> Iterator[None]:
    """Scenes, codec and words of all runs in `folder`: made once, by the first of them."""
    here.mkdir(parents=True, exist_ok=True)
    parts = ("scenes", "codec", "words")
    for part in parts:
        if (folder / part).exists() and not (here / part).exists():
            (here / part).symlink_to((folder / part).resolve())
    yield
    for part in parts:
        if not (folder / part).exists():
            (here / part).rename(folder / part)


def small(effects: tuple[str, ...]) -> float:
    """The share of small steps: all of them, where only some effects are learnt."""
    return 1.0 if effects else SMALL


def shares(effects: tuple[str, ...]) -> dict[str, int] | None:
    """How often each effect is drawn: these alone, or all as `embedded.py` has them."""
    return dict.fromkeys(effects, 1) if effects else None


@torch.no_grad()
def held_out(here: Path, effects: tuple[str, ...]) -> float:
    """Mean loss of a variant on pairs that no run draws (of the same scenes), with the same noise for all."""
    editor = Editor.from_pretrained(str(here / "model"))
    stage = replace(STAGE, seed=HELD, drop=0.0, steps=PAIRS)
    drawing = Drawing(Shelf(here / "scenes", SCENES), stage, small(effects), shares(effects))
    assert isinstance(editor.denoiser, WanDenoiser)
    found: list[float] = []
    for number in range(PAIRS // EARLY[0][2]):
        drawn = drawing[number]
        words = editor.words.encode(drawn.said)
        batch = Batch(pixels(drawn.source), pixels(drawn.target), words, drawn.window)
        found.append(float(loss(editor.denoiser, editor.codec, batch, torch.Generator().manual_seed(number), *TIMES)))
    return sum(found) / len(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STAGE.steps // 4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--each", type=int, default=2, help="cases of every effect in the exam; 0: no exam")
    parser.add_argument("--only", default=",".join(VARIANTS))
    parser.add_argument("--effects", default="", help="on these alone, with commas between; they are learnt sooner")
    given = parser.parse_args()
    effects = tuple(filter(None, given.effects.split(",")))
    if unknown := set(effects) - set(EFFECTS):
        parser.error(f"there is no effect {', '.join(sorted(unknown))}; refrain effects list names them")
    for seed in range(given.seeds):
        for name in given.only.split(","):
            run(given.folder, name, seed, given.steps, given.each, effects)
            here = given.folder / f"{name}-{seed}"
            print(f"{name}, seed {seed}: loss {(here / 'loss.txt').read_text().strip()} on held-out pairs")
            if given.each:
                print("\n".join((here / "exam.md").read_text().splitlines()[-3:]))
