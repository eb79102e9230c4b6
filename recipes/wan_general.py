"""Teach a text-to-video Wan to edit in context: IC-Effect's first stage (arXiv 2512.15635), merged into a checkpoint.

    refrain train recipes/wan_general.py runs/general --data general:3 --data effects:1
    refrain train recipes/wan_general.py runs/general --data general --model Wan-AI/Wan2.2-T2V-A14B-Diffusers
    accelerate launch --num_processes 4 recipes/wan_general.py runs/general --data general

Hardware: for the default base (Wan 2.1, 1.3 B) one GPU of 40 GB; for A14B, as in the paper, GPUs of 80 GB.
Hours:    not known. The paper says 4 A800 and 50,000 steps, and no time; this recipe has not run on real weights yet.
Expected: the paper's figures for common editing (Table 1): CLIP-T 25.7, structure 4.38 and effect 4.27 of 5 by GPT-4o.

From the paper or its code: rank 96 on all tokens (q, k, v, out of self- and cross-attention), the second patch
embedding, 224x416, 81 frames, batches of 2 a device, 50,000 steps, AdamW 1e-4, decay 1e-2, the rule `isolated`, the
source at half height and width, the first frame at full size, corners aligned, one transformer for all noise times.
Ours, where it says nothing: words dropped for 1 in 10, shift 3 of the noise times, an average of weights (0.999).
"""

import sys
from dataclasses import replace

from refrain.cli.main import main
from refrain.models.protocols import Card, Sampling
from refrain.training.recipe import Given, Recipe, learn
from refrain.training.stage import Stage

CARD = Card(
    name="wan-general",
    rule="isolated",
    kinds=("text", "source", "target"),
    context_words="prompt",
    coarse=(1, 2, 2),
    align="corner",
    key_frames=1,
    window=21,
    clean_embedding=True,
    short_side=480,
    sampling=Sampling(steps=50, guidance=5.0, shift=5.0, solver="unipc", grid="wan"),
)
RECIPE = Recipe(
    stage=Stage(
        steps=50_000, rate=1e-4, warmup=0, cooldown=0.0, decay=1e-2, betas=(0.9, 0.999), optimiser="adamw",
        average=0.999, every=500, validate_every=1000, sample_every=5000, precision="bf16",
    ),
    base="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    card=CARD,
    rank=96,
    merged=True,
    embedding=True,
    shift=3.0,
    batch=2,
    lengths=(81,),
    area=224 * 416,
    kept="bf16",
    checkpointing=True,
)  # fmt: skip


def run(given: Given, frames: int = 81, pixels: int = 224 * 416, batch: int = 2, centre: bool = False) -> None:
    """frames: of a clip, 4k + 1. pixels: of a frame. batch: on each device.

    centre: coarse tokens stand at the middle of what they cover, as in Refrain, not at its corner, as in the paper.
    """
    card = replace(CARD, align="centre" if centre else "corner")
    learn(replace(RECIPE, card=card, lengths=(frames,), area=pixels, batch=batch), given)


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv]))
