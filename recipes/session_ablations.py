"""What sessions teach that single pairs do not: the same model learns on in several ways, and is asked the same things.

    python recipes/session_ablations.py runs/ways --start runs/sessions/model --steps 1000 --seeds 3
    python recipes/session_ablations.py runs/ways --start runs/sessions/model --only sessions,pairs    # two of the ways

Hardware: one CPU core and 6 GB. Hours: 1.2 s a step, so six ways of three seeds are six hours on one core. Killed,
it goes on where it was. Expected figures: docs/quality.md, "Sessions".
VINCIE (arXiv 2506.10941) compares sessions with pairs, a chain with none, and amounts of data by the share of turns
that a judge calls right. A short run makes few turns right; so what is compared here is the share that is missing of
the change of each turn of held-out sessions, from the same noise for all: with all that stood before it in its row,
with the last picture alone, and with the true masks besides (what a chain of editing would bring, were it perfect).
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from ablations import shared
from embedded import pixels
from session_lessons import SEEN
from sessions import DRAW, TAUGHT, main, stage_of, weighing_of
from torch import Tensor

from refrain.attention import Dense
from refrain.data.sessions import RenderedSession, draw_session, shown
from refrain.editing.compose import Seen, see
from refrain.editing.editor import Editor
from refrain.editing.turns import SAYING, Line, Task
from refrain.evaluation.statistics import estimate
from refrain.flow import draw_times, noised
from refrain.models.embedded.codec import LinearCodec
from refrain.models.wan.denoiser import WanDenoiser
from refrain.training.objective import wrong

HELD, SESSIONS, TURNS, SIZE = SEEN + 2_000_000, 64, 5, (96, 96)
# every step sees about as many pictures: pairs 12 answers of 12 sessions, sessions 3 to 18 answers of as many pictures
WAYS: dict[str, dict[str, int | str]] = {
    "sessions": {},
    "pairs": {"turns": 1},
    "full": {"rule": "full"},  # without a causal rule: a row teaches one target
    "data1": {"data": 25},  # sessions that there are
    "data2": {"data": 50},
    "data4": {"data": 100},
}
LAYOUTS = ("row", "alone", "masks")


def run(folder: Path, start: Path, way: str, seed: int, steps: int) -> None:
    """Let the model learn on in one way, and measure it; what is there already is not made again."""
    here = folder / f"{way}-{seed}"
    with shared(folder, here):
        if not (here / "model").is_dir():
            how = WAYS[way]
            card = replace(TAUGHT, rule=str(how.get("rule", TAUGHT.rule)))
            stretch = replace(DRAW, turns=int(how.get("turns", 0)), data=int(how.get("data", SEEN)))
            stage = replace(stage_of(stretch, steps), seed=100 + seed)
            main(here, stage, start, here / "model", card, stretch)
    if not (here / "losses.json").is_file():
        (here / "losses.json").write_text(json.dumps(measured(here / "model")), encoding="utf-8")


@torch.no_grad()
def measured(model: Path) -> dict[str, list[list[float]]]:
    """Of every layout, the share that is missing of the change of every turn of every held-out session."""
    editor = Editor.from_pretrained(str(model))
    every = [draw_session(HELD + n, TURNS, SIZE) for n in range(SESSIONS)]
    return {layout: [list(losses(editor, one, layout)) for one in every] for layout in LAYOUTS}


def losses(editor: Editor, session: RenderedSession, layout: str) -> Iterator[float]:
    """What is missing of the change of each turn, given true answers before it."""
    assert isinstance(editor.denoiser, WanDenoiser)
    assert isinstance(editor.codec, LinearCodec)
    card, weighing = editor.card, weighing_of(DRAW, editor.codec)

    def seen(clip: Tensor) -> Seen:
        return see(editor.codec, clip, card)

    before = seen(pixels(session.frames[None]))
    line = Line.begin(before, card)
    for number, turn in enumerate(session.turns):
        if layout == "alone":
            line = Line.begin(before, card)
        masks: dict[Task, Tensor] = {
            "here": pixels(shown(turn.mask_now)[None]),
            "there": pixels(shown(turn.mask_next)[None]),
        }
        for task, mask in masks.items() if layout == "masks" else ():
            line = line.ask(editor.words.encode([SAYING[task].format(turn.instruction)]), task).answered(seen(mask))
        after = seen(pixels(turn.frames[None]))
        question = line.ask(editor.words.encode([turn.instruction]), base=before.full)
        generator = torch.Generator().manual_seed(1000 * number + session.seed % 1000)
        noise, (shift, std) = torch.randn(after.full.shape, generator=generator), DRAW.times
        t = draw_times(generator, 1, std=std, shift=shift)
        row = editor.denoiser.prepare(question.row, Dense(), memory=False)
        (output,) = row.outputs([noised(after.full, noise, t)], [t])
        yield float(wrong(output, after.full, row.base(after.full, 0), noise, t, card, weighing))
        line, before = question.answered(after), after


def table(folder: Path, way: str, seeds: int) -> str:
    """One row: of each layout the mean of the first turn and of all later ones, with 95 % intervals."""
    cells = [way]
    each = [json.loads((folder / f"{way}-{seed}" / "losses.json").read_text()) for seed in range(seeds)]
    for layout in LAYOUTS:
        for turns in (slice(0, 1), slice(1, TURNS)):
            found = [(x, str(n)) for held in each for n, one in enumerate(held[layout]) for x in one[turns]]
            mean = estimate([x for x, _ in found], [parent for _, parent in found])
            cells.append(f"{mean.mean:.4f} ({mean.low:.4f} to {mean.high:.4f})")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=Path, required=True, help="the model that learns on")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default=",".join(WAYS))
    given = parser.parse_args()
    for seed in range(given.seeds):
        for way in given.only.split(","):
            run(given.folder, given.start, way, seed, given.steps)
    heads = [f"{layout}, {turns}" for layout in LAYOUTS for turns in ("turn 1", f"turns 2 to {TURNS}")]
    print("| way | " + " | ".join(heads) + " |\n|" + " --- |" * (len(heads) + 1))
    for way in given.only.split(","):
        print(table(given.folder, way, given.seeds))
