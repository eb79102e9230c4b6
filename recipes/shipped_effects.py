"""Teach the embedded model effects that may ship with it as LoRAs, each from twenty rendered pairs.

    refrain train recipes/shipped_effects.py runs/shipped                          # to runs/shipped/effects
    refrain evaluate effects --effect petals --lora runs/shipped/effects/petals.safetensors --each 12

Copied to src/refrain/models/embedded/effects, it is found by `--effect NAME`. A LoRA fits the weights that it was
trained on and no others, so this is run anew whenever the model is.

Hardware: one CPU core and 4 GB. Hours: some ten minutes of one core an effect.
Expected: docs/quality.md, "Few-shot": of twelve answers with petals five are recognised.
"""

import shutil
import sys
from dataclasses import replace

import effect_lora

from refrain.cli.main import main
from refrain.models.lora.shipped import SUFFIX
from refrain.training.recipe import EFFECT, Given

NAMES = "petals"  # with commas between; those that ship


def run(given: Given, names: str = NAMES, side: int = 160) -> None:
    """names: of the effects, with commas between. side: as in effect_lora.py."""
    out = given.folder / "effects"
    for name in (one.strip() for one in names.split(",")):
        given.say(f"{name}: twenty pairs are rendered, then it is learnt.")
        folder = given.folder / name
        effect_lora.run(replace(given, folder=folder), effect=name, side=side)
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / EFFECT, out / f"{name}{SUFFIX}")


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv]))
