"""Train the classifier that judges effects (`refrain evaluate effects`) on rendered pairs.

    python recipes/recogniser.py runs/recogniser --export src/refrain/evaluation/effects/weights/recogniser.safetensors
    python recipes/recogniser.py runs/recogniser --start OLD.safetensors --export NEW.safetensors

Hardware: one CPU core and 3 GB. Hours: about 3.5 s a step, so 1.5 for all (the figures that this recipe reached stand
in docs/quality.md). Results are weakened, blurred and roughened at random, as a model's answers are.
"""

import argparse
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from refrain.data.effects import EFFECTS
from refrain.data.example import draw_edit
from refrain.data.plates import Shelf
from refrain.errors import BadWeights
from refrain.evaluation.effects.recogniser import Net, Recogniser, pairs_of

SCENES = 1500
STEPS, BATCH, RATE = 1500, 16, 2e-3
SIZES = ((128, 128), (128, 208), (208, 128), (160, 160))  # rows, columns
AGAIN, OFTEN = 20, 3  # after so many steps a batch comes again, so many times in all: drawing costs more than learning
LENGTHS = 17, 27  # fewest and most frames
NAMES = tuple(sorted(EFFECTS))
# what is mistaken for something else is drawn twice as often
TWICE = frozenset("aggregation bubbles clone dispersion dissolve lines move neon remove".split())
SUBJECT = 0.02  # least share of the frame that a subject must have


@dataclass(frozen=True)
class Pairs(Dataset[tuple[Tensor, Tensor]]):
    """Batch n, drawn from n alone."""

    shelf: Shelf
    seed: int

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        seen, true = self._drawn(step // (OFTEN * AGAIN) * AGAIN + step % AGAIN)
        rng = np.random.default_rng((self.seed, step, 12))
        mirrored = torch.from_numpy(rng.random(BATCH) < 0.5)[:, None, None, None, None]  # [B, 1, 1, 1, 1]
        return torch.where(mirrored, seen.flip(-1), seen), true

    @lru_cache(maxsize=AGAIN)  # noqa: B019 -- one data set a process
    def _drawn(self, number: int) -> tuple[Tensor, Tensor]:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, number, 11))
        shares = np.array([1.0 + (name in TWICE) for name in NAMES])
        chosen = rng.choice(len(NAMES), size=BATCH, p=shares / shares.sum())
        seen = np.stack([drawn_pair(rng, self.shelf, NAMES[name]) for name in chosen])
        return torch.from_numpy(seen), torch.from_numpy(chosen)


def drawn_pair(rng: np.random.Generator, shelf: Shelf, name: str) -> np.ndarray:
    """A source and the effect on it, as the classifier sees them."""
    size, length = SIZES[int(rng.integers(len(SIZES)))], int(rng.integers(LENGTHS[0], LENGTHS[1] + 1))
    shot = shelf.draw(rng, size, length)
    while shot.subject is None or shot.subject.mean() < SUBJECT:
        shot = shelf.draw(rng, size, length)
    target = draw_edit(int(rng.integers(2**31)), shot, name).target
    return pairs_of(shot.frames, roughened(rng, shot.frames, target))


def roughened(rng: np.random.Generator, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A result as a model might have made it: weaker, softer, noisier than the target."""
    if rng.random() < 0.4:
        return target
    share = np.float32(rng.choice([1.0, rng.uniform(0.5, 1.0)]))
    result = source + (target.astype(np.float32) - source) * share
    soft = float(rng.choice([0.0, rng.uniform(0.3, 1.5)]))
    if soft:
        result = np.stack([cv2.GaussianBlur(frame, (0, 0), soft) for frame in result])
    result = result + rng.normal(0, 1, result.shape).astype(np.float32) * np.float32(rng.choice([0, rng.uniform(0, 4)]))
    return np.clip(np.round(result), 0, 255).astype(np.uint8)


def main(folder: Path, export: Path, start: Path | None, steps: int) -> None:
    shelf = Shelf(folder / "scenes", SCENES)
    shelf.fill()
    torch.manual_seed(5)
    net = Net(len(NAMES))
    if start is not None:
        before = Recogniser.load(start)
        if before.names != NAMES:
            raise BadWeights(f"{start} knows other effects; begin anew.")
        net.load_state_dict(before.net.state_dict())
    learning = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.02)
    loader = DataLoader(
        Pairs(shelf, 5 if start is None else 6), batch_size=None, sampler=range(steps), num_workers=1, prefetch_factor=4
    )
    right = 0.0
    for step, (seen, true) in enumerate(loader):
        learning.param_groups[0]["lr"] = RATE * min(1, (step + 1) / 50, (steps - step) / (0.5 * steps))
        logits = net(seen)
        loss = torch.nn.functional.cross_entropy(logits, true, label_smoothing=0.05)
        loss.backward()
        learning.step()
        learning.zero_grad()
        right += 0.02 * (float((logits.argmax(-1) == true).float().mean()) - right)
        if step % 50 == 0:
            Console().print(f"step {step} loss {float(loss):.3f} right {right:.3f}")
    Recogniser(net.eval(), NAMES).save(export)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    main(given.folder, given.export, given.start, given.steps)
