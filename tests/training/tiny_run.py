"""A run that takes a blink: a small net with dropout that learns to double what is drawn of (seed, number)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from refrain.training.loop import Step, train
from refrain.training.stage import Stage

torch.set_num_threads(1)
STAGE = Stage(steps=6, rate=0.02, warmup=2, every=2, average=0.9, seed=3)


@dataclass(frozen=True)
class Numbers:
    """A micro-batch and the names of its samples."""

    x: Tensor  # [4, 4]
    ids: tuple[str, ...]


class Net(nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.head = nn.Linear(4, 4)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + self.dropout(block(x).tanh())
        return self.head(x)


def batches(numbers: range) -> Iterator[Numbers]:
    for number in numbers:
        x = torch.randn(4, 4, generator=torch.Generator().manual_seed(number))
        yield Numbers(x, tuple(f"{number}-{n}" for n in range(4)))


def run(
    folder: Path,
    stage: Stage = STAGE,
    on_step: Callable[[Step], None] = lambda step: None,
    dropout: float = 0.2,
    spoil: Callable[[Numbers], float] = lambda batch: 1.0,
    **more: Any,
) -> dict[str, Tensor]:
    """All weights after the run, and their average. spoil: what the loss of a micro-batch is multiplied with."""
    net = Net(dropout)
    named = dict(net.named_parameters())

    def loss(batch: Numbers, generator: torch.Generator) -> Tensor:
        noise = torch.randn(4, 4, generator=generator)
        return (net(batch.x + 0.1 * noise) - 2 * batch.x).square().mean() * spoil(batch)

    average = train(named, batches, loss, stage, folder, on_step, **more)
    return {name: p.detach() for name, p in named.items()} | {f"mean {n}": p for n, p in average.shadow.items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
