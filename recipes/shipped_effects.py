"""Teach the embedded model the effects that it ships as LoRAs: `--effect NAME`, each from twenty rendered pairs.

    refrain train recipes/shipped_effects.py runs/shipped                    # all of them, one after the other
    refrain train recipes/shipped_effects.py runs/shipped --set names=petals
    refrain evaluate effects --effect petals --lora petals --each 4

A LoRA fits the weights that it was trained on and no others, so this is run anew whenever the model is.

Hardware: one CPU core and 4 GB. Hours: some four minutes of one core an effect. Expected: docs/quality.md, "Few-shot".
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import effect_lora

from refrain.cli.main import main
from refrain.models.lora.shipped import SHIPPED, SUFFIX
from refrain.training.recipe import EFFECT, Given

NAMES = "petals,freeze"  # what general training leaves out; a look that twenty pairs were seen to teach


def run(given: Given, names: str = NAMES, export: str = str(SHIPPED), side: int = 160) -> None:
    """names: of the effects, with commas between. export: the folder for their files. side: as in effect_lora.py."""
    for name in (one.strip() for one in names.split(",")):
        given.say(f"{name}: twenty pairs are rendered, then it is learnt.")
        folder = given.folder / name
        effect_lora.run(replace(given, folder=folder), effect=name, side=side)
        Path(export).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / EFFECT, Path(export) / f"{name}{SUFFIX}")


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv]))
