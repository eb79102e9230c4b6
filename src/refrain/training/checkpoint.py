"""What a run needs to go on exactly: weights, their moving average, the optimiser's moments, and the step.

A checkpoint is one safetensors file, written aside and then renamed, so a killed run leaves either the old or the new
one. Nothing random is saved, because whatever is drawn is drawn from (seed, step).
"""

import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from refrain.errors import BadWeights

from .optimiser import Optimiser

NAME = "state.safetensors"


class Average:
    """An exponential moving average of weights; young averages follow faster (as in TensorFlow's `num_updates`)."""

    def __init__(self, named: dict[str, nn.Parameter], decay: float) -> None:
        self.decay = decay
        self.shadow = {name: p.detach().clone() for name, p in named.items()}

    @torch.no_grad()
    def update(self, named: dict[str, nn.Parameter], step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, p in named.items():
            self.shadow[name].lerp_(p.detach(), 1 - decay)


def save(folder: Path, step: int, named: dict[str, nn.Parameter], average: Average, optimiser: Optimiser) -> None:
    """Write the state after `step` steps."""
    tensors: dict[str, Tensor] = {f"weights/{name}": p.detach() for name, p in named.items()}
    tensors |= {f"average/{name}": p for name, p in average.shadow.items()}
    tensors |= {f"optimiser/{name}": value for name, value in optimiser.state().items()}
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{NAME}.part"
    save_file({name: value.contiguous() for name, value in tensors.items()}, aside, metadata={"step": str(step)})
    os.replace(aside, folder / NAME)


def load(folder: Path, named: dict[str, nn.Parameter], average: Average, optimiser: Optimiser) -> int:
    """Take up the state in `folder`, if there is one. Returns the steps done. BadWeights if it is of another model."""
    path = folder / NAME
    if not path.is_file():
        return 0
    with safe_open(path, framework="pt") as file:
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        step = int(file.metadata()["step"])
    weights = {name.removeprefix("weights/"): value for name, value in held.items() if name.startswith("weights/")}
    if {n: v.shape for n, v in weights.items()} != {n: p.shape for n, p in named.items()}:
        raise BadWeights(f"{path} holds the state of another model; give another folder, or begin anew.")
    with torch.no_grad():
        for name, p in named.items():
            p.copy_(weights[name])
            average.shadow[name].copy_(held[f"average/{name}"])
    marked = {n.removeprefix("optimiser/"): v for n, v in held.items() if n.startswith("optimiser/")}
    optimiser.load(marked)
    return step
