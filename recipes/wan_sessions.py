"""Teach Wan sessions: pictures and masks of several turns in one row, as VINCIE does (arXiv 2506.10941), at Wan's size.

    refrain data sessions SESSIONS --count 20000 --turns 5 --size 256
    refrain train recipes/wan_sessions.py runs/one --data SESSIONS
    refrain train recipes/wan_sessions.py runs/two --data SESSIONS --model runs/one/model --set second=yes
    accelerate launch --num_processes 8 recipes/wan_sessions.py runs/one --data SESSIONS

Hardware: for the default base (Wan 2.1, 1.3 B; all weights learn) GPUs of 80 GB.
Hours:    not known; this recipe has not run on real weights yet. The paper: 3 B, 15,000 steps, about 30 h on 256 H100.
Expected: the paper's 3 B on MSE-Bench, learnt from video alone: success 0.913 at turn 1, 0.210 at turn 5, by GPT-4o.

From the paper or its code: all turns in one row, next picture and both masks predicted, current picture dropped in 20 %
and masks in 70 % of contexts, masks present in 80 % of sessions, logit-normal noise times without shift, words dropped
for 1 in 10, an average of weights (0.9998), 15,000 steps at 256 x 256. From its follow-up (NExT, arXiv 2610.12104):
AdamW at 5e-5, and a second stage at 640 x 480. Ours, where they say nothing: batch, decay, places of masks and
references. Rule: `block_causal`, the paper's first version; `--set rule=full` is the released one.
"""

import sys
from dataclasses import replace

from refrain.cli.main import main
from refrain.models.protocols import Card, Sampling
from refrain.training.learn_sessions import learn_sessions
from refrain.training.lesson import Drops
from refrain.training.recipe import Given, Recipe
from refrain.training.stage import Stage

DROPS = Drops(picture=0.2, here=0.7, there=0.7, masks=0.2)
CARD = Card(
    name="wan-sessions",
    rule="block_causal",
    kinds=("text", "source", "reference", "mask", "answer", "target"),
    context_words="prompt",
    offsets={"mask": (0.0, 0.0, 64.0), "reference": (0.0, 64.0, 0.0)},
    turns="text_then_image",
    clean_embedding=True,
    window=21,
    short_side=480,
    sampling=Sampling(steps=50, guidance=7.5, shift=5.0, solver="unipc", grid="wan"),
)
RECIPE = Recipe(
    stage=Stage(
        steps=15_000, rate=5e-5, warmup=500, cooldown=0.0, decay=1e-2, betas=(0.9, 0.95), optimiser="adamw",
        average=0.9998, drop=0.1, every=500, validate_every=1000, precision="bf16",
    ),
    base="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    card=CARD,
    rank=None,
    lengths=(1,),
    area=256 * 256,
    kept="bf16",
    checkpointing=True,
)  # fmt: skip


def run(
    given: Given, second: bool = False, pixels: int = 0, frames: int = 1, batch: int = 1, rule: str = "block_causal"
) -> None:
    """second: the stage at 640 x 480. pixels: of a picture, in place of the stage's. frames: 4k + 1; 1: pictures.

    rule: `block_causal`: every turn of a row is learnt at once; `full`: one of them, drawn anew each time.
    """
    area = pixels or (640 * 480 if second else 256 * 256)
    card = replace(CARD, rule=rule)
    learn_sessions(replace(RECIPE, card=card, lengths=(frames,), area=area, batch=batch), given, DROPS)


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv]))
