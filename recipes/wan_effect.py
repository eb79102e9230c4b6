"""Teach a Wan that edits one effect from about twenty pairs: IC-Effect's second stage (arXiv 2512.15635).

    refrain train recipes/wan_effect.py runs/flame --data flame_pairs --model runs/general/model
    accelerate launch --num_processes 2 recipes/wan_effect.py runs/flame --data flame_pairs --model runs/general/model

Hardware: on a base of 1.3 B parameters one GPU of 24 GB; the paper used 2 A800 for A14B.
Hours:    not known: the paper gives no time, and this recipe has not run on real weights yet.
Expected: the paper's figures for effects (Table 1): CLIP-T 27.2, structure 4.79 and effect 4.56 of 5 by GPT-4o.

From the paper or its code: rank 32 on the layers of the first stage, all tokens, 1,000 steps of 2 a device, AdamW 1e-4,
decay 1e-2, 224x416, 81 frames. Ours: --set tokens=target keeps the LoRA to the target, so that several can be worn at
once, each in its own part of a clip; words dropped for 1 in 10; shift 3 of the noise times.
"""

import sys
from dataclasses import replace

from refrain.cli.main import main
from refrain.errors import BadInput
from refrain.training.recipe import Given, Recipe, learn
from refrain.training.stage import Stage

RECIPE = Recipe(
    stage=Stage(
        steps=1000, rate=1e-4, warmup=0, cooldown=0.0, decay=1e-2, betas=(0.9, 0.999), optimiser="adamw",
        average=0.99, every=100, validate_every=100, sample_every=250, precision="bf16",
    ),
    rank=32,
    shift=3.0,
    batch=2,
    lengths=(81,),
    area=224 * 416,
    kept="bf16",
    checkpointing=True,
)  # fmt: skip


def run(
    given: Given, effect: str = "", triggers: str = "", tokens: str = "all", frames: int = 81,
    pixels: int = 224 * 416, batch: int = 2,
) -> None:  # fmt: skip
    """effect: what it is called. triggers: words and phrases that call it, with commas between.

    tokens: all, target or clean. frames: of a clip, 4k + 1. pixels: of a frame. batch: on each device.
    """
    if given.model is None:
        raise BadInput("Give --model, the checkpoint that recipes/wan_general.py made.")
    if tokens not in ("all", "target", "clean"):
        raise BadInput(f"--set tokens is all, target or clean, not {tokens}.")
    called = tuple(word.strip() for word in triggers.split(",") if word.strip())
    learn(replace(RECIPE, tokens=tokens, lengths=(frames,), area=pixels, batch=batch), given, effect, called)


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv]))
