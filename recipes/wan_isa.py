"""Teach a text-to-video Wan to edit with sparse attention: LIVEditor's two stages (arXiv 2605.04569).

    refrain train recipes/wan_isa.py runs/isa1 --data all_pairs
    refrain train recipes/wan_isa.py runs/isa2 --data best_pairs --set second=yes --model runs/isa1/model
    accelerate launch --num_processes 8 recipes/wan_isa.py runs/isa1 --data all_pairs --set accumulate=2

Hardware: Wan 2.1, 1.3 B: a GPU of 80 GB. Every device holds the whole model, its average and both moments in float32
          (24 bytes a parameter), so the paper's A14B, which it spread over 32 GPUs by ZeRO-3, does not fit this loop.
Hours:    not known: the paper gives none, and this recipe has not run on real weights yet.
Expected: the paper's quality on EditVerseBench: 6.46 after the first stage, 7.89 after the second.

From the paper: all weights learn, 1.7 M pairs at a rate of 1e-5, then the best 89 K at 1e-6 (so its main text; its
appendix says 5e-6: --set rate=5e-6), AdamW (0.9, 0.999), decay 1e-2, 16 pairs a step, moving average 0.995, the rule
`full`, the source at full size with a patch embedding of its own, sparse attention `Isa.published()`. How often each
pair was seen is not said; here once. Not as in the paper: clean tokens stand at noise time 0, where LIVEditor gives
them the target's. --set ours=yes takes the rule `isolated`, under which the source can be remembered, and `Isa()`.
"""

import sys
from dataclasses import replace

from refrain.attention import Isa
from refrain.cli.main import main
from refrain.errors import BadInput
from refrain.models.protocols import Card, Sampling
from refrain.training.recipe import Given, Recipe, learn
from refrain.training.stage import Stage

PAIRS, BEST, STEP = 1_700_000, 89_000, 16  # pairs of the first stage, of the second, and of a step
CARD = Card(
    name="wan-isa",
    rule="full",
    kinds=("text", "source", "target"),
    context_words="prompt",
    window=21,
    clean_embedding=True,
    short_side=480,
    sampling=Sampling(steps=32, guidance=5.0, shift=5.0, solver="unipc", grid="wan"),
)
RECIPE = Recipe(
    stage=Stage(
        steps=PAIRS // STEP, rate=1e-5, warmup=0, cooldown=0.0, decay=1e-2, betas=(0.9, 0.999), optimiser="adamw",
        average=0.995, every=500, validate_every=1000, sample_every=5000, accumulate=STEP, precision="bf16",
    ),
    base="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    card=CARD,
    rank=None,
    shift=3.0,
    spec=Isa.published(),
    lengths=(81,),
    area=480 * 832,
    kept="bf16",
    checkpointing=True,
)  # fmt: skip


def run(
    given: Given, second: bool = False, rate: float = 0.0, ours: bool = False, accumulate: int = STEP,
    eight: bool = False, frames: int = 81, pixels: int = 480 * 832,
) -> None:  # fmt: skip
    """second: the second stage. rate: in place of the stage's. ours: our rule and our sparse attention.

    accumulate: pairs a step on each device. eight: moments in eight bits. frames, pixels: of a clip and a frame.
    """
    if second and given.model is None:
        raise BadInput("Give --model, the checkpoint that the first stage made.")
    stage = replace(
        RECIPE.stage, accumulate=accumulate, optimiser="adamw8bit" if eight else "adamw",
        rate=rate or (1e-6 if second else 1e-5), steps=(BEST if second else PAIRS) // STEP,
    )  # fmt: skip
    card = replace(CARD, rule="isolated") if ours else CARD
    spec = Isa() if ours else Isa.published()
    learn(replace(RECIPE, stage=stage, card=card, spec=spec, lengths=(frames,), area=pixels), given)


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv]))
