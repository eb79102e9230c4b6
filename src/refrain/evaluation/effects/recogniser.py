"""Which effect is this? A small classifier of (source, result) pairs, trained on rendered pairs only.

It judges answers of models, so it never sees one in training; `recipes/recogniser.py` trains it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from refrain.errors import BadWeights

WEIGHTS = Path(__file__).parent / "weights" / "recogniser.safetensors"
SIDE, FRAMES = 128, 8  # what it looks at: so many frames of the clip, squeezed to a square


class Net(nn.Module):
    """Frames one by one through convolutions, then mean, spread and largest over time."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        widths = (12, width, 2 * width, 3 * width, 4 * width)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(8, b), nn.SiLU(),
                    nn.Conv2d(b, b, 3, padding=1, groups=8), nn.GroupNorm(8, b), nn.SiLU(),
                )
                for a, b in zip(widths, widths[1:])
            )
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Linear(5 * widths[-1], 6 * width), nn.SiLU(), nn.Dropout(0.2), nn.Linear(6 * width, classes)
        )

    def forward(self, seen: Tensor) -> Tensor:
        """Pairs [B, F, 12, Y, X] (`pairs_of`) -> logits [B, classes]."""
        batch, frames = seen.shape[:2]
        found = self.stages(seen.flatten(0, 1)).unflatten(0, (batch, frames))  # [B, F, C, y, x]
        mean, top = found.mean(dim=(3, 4)), found.amax(dim=(3, 4))  # [B, F, C]
        still = found.mean(dim=1)  # [B, C, y, x]
        return self.head(torch.cat(
            [mean.mean(1), mean.std(1, correction=0), top.mean(1), top.std(1, correction=0), still.amax(dim=(2, 3))],
            dim=1,
        ))  # fmt: skip


def pairs_of(source: np.ndarray, result: np.ndarray) -> np.ndarray:
    """What the classifier sees of two clips uint8 [T, Y, X, 3]: float32 [F, 12, SIDE, SIDE].

    Source, result, their difference, and how the difference changes to the next frame.
    """
    last = len(source) - 2
    chosen = [round(n * max(last, 0) / (FRAMES - 1)) for n in range(FRAMES)]

    def small(frames: np.ndarray, i: int) -> np.ndarray:
        frame = frames[min(i, len(frames) - 1)]
        return cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255

    seen: list[np.ndarray] = []
    for i in chosen:
        before, after = small(source, i), small(result, i)
        change = after - before
        moved = small(result, i + 1) - small(source, i + 1) - change
        seen.append(np.concatenate([before - 0.5, after - 0.5, 2 * change, 4 * moved], axis=-1).transpose(2, 0, 1))
    return np.stack(seen)


@dataclass(frozen=True, eq=False)
class Recogniser:
    """A trained classifier. names: its classes, in order."""

    net: nn.Module
    names: tuple[str, ...]

    @staticmethod
    def load(path: Path = WEIGHTS) -> "Recogniser":
        """Read a classifier. BadWeights where there is none."""
        if not path.is_file():
            raise BadWeights(f"{path} is not there; train it with: python recipes/recogniser.py FOLDER --export {path}")
        with safe_open(path, framework="pt") as file:
            names = tuple(file.metadata()["names"].split(" "))
        net = Net(len(names))
        net.load_state_dict({name: value.float() for name, value in load_file(path).items()})
        return Recogniser(net.eval().requires_grad_(False), names)

    def save(self, path: Path) -> None:
        """Write it, in half precision."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state: dict[str, Any] = {name: value.half().contiguous() for name, value in self.net.state_dict().items()}
        save_file(state, path, metadata={"names": " ".join(self.names)})

    @torch.no_grad()
    def chances(self, source: np.ndarray, result: np.ndarray) -> dict[str, float]:
        """How likely each effect is, for two clips uint8 [T, Y, X, 3] of one size and length."""
        logits = self.net(torch.from_numpy(pairs_of(source, result))[None])
        return dict(zip(self.names, logits.softmax(-1)[0].tolist()))

    def name(self, source: np.ndarray, result: np.ndarray) -> str:
        """The likeliest effect."""
        chances = self.chances(source, result)
        return max(chances, key=lambda name: chances[name])
