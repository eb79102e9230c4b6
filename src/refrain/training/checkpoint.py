"""What a run needs to go on exactly: weights, their moving average, the optimiser's moments, and the step.

A checkpoint is one safetensors file, written aside, brought to the disk and then renamed; the one before it is kept.
A killed run leaves the old or the new one, and a torn disk one of the two. Nothing random is saved, because whatever
is drawn is drawn from (seed, step).
"""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from refrain.errors import BadInput, BadWeights

from .optimiser import Optimiser

NAME, BEFORE = "state.safetensors", "state-before.safetensors"
Cause = dict[str, str]


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

    @torch.no_grad()
    def give(self, named: dict[str, nn.Parameter]) -> None:
        """The weights become their average, for good."""
        for name, p in named.items():
            p.copy_(self.shadow[name])

    @contextmanager
    def worn(self, named: dict[str, nn.Parameter]) -> Iterator[None]:
        """For a while the weights are their average; then they are what they were, to the bit."""
        self._swap(named)
        try:
            yield
        finally:
            self._swap(named)

    @torch.no_grad()
    def _swap(self, named: dict[str, nn.Parameter]) -> None:
        """Copies, not pointers: what is remembered of weights (`models.wan.memory`) must see that they were written."""
        for name, p in named.items():
            aside = p.detach().clone()
            p.copy_(self.shadow[name])
            self.shadow[name].copy_(aside)


def save(
    folder: Path, step: int, named: dict[str, nn.Parameter], average: Average, optimiser: Optimiser,
    cause: Cause | None = None,
) -> None:  # fmt: skip
    """Write the state after `step` steps, and what it came of. BadInput where the disk does not take it."""
    tensors: dict[str, Tensor] = {f"weights/{name}": p.detach() for name, p in named.items()}
    tensors |= {f"average/{name}": p for name, p in average.shadow.items()}
    tensors |= {f"optimiser/{name}": value for name, value in optimiser.state().items()}
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{NAME}.part"
    metadata = {"step": str(step), "cause": json.dumps(cause or {})}
    try:
        save_file({name: value.contiguous() for name, value in tensors.items()}, aside, metadata=metadata)
        _to_disk(aside)
    except (OSError, SafetensorError) as error:
        aside.unlink(missing_ok=True)
        raise BadInput(
            f"The state after step {step} cannot be written to {folder}: {error}. Make room and resume; the states "
            "before it are good."
        ) from error
    if _whole(folder / NAME):  # a torn one must not take the place of the good one before it
        os.replace(folder / NAME, folder / BEFORE)
    os.replace(aside, folder / NAME)
    _to_disk(folder)


def load(
    folder: Path, named: dict[str, nn.Parameter], average: Average, optimiser: Optimiser, cause: Cause | None = None
) -> int:
    """Take up the newest whole state in `folder`, if there is one. Returns the steps done.

    Raises BadWeights if it is of another model or none of the two is whole, BadInput if it came of another cause.
    """
    path = _newest(folder)
    if path is None:
        return 0
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        _compare(path, json.loads(about.get("cause", "{}")), cause or {})
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    weights = {name.removeprefix("weights/"): value for name, value in held.items() if name.startswith("weights/")}
    if {n: v.shape for n, v in weights.items()} != {n: p.shape for n, p in named.items()}:
        raise BadWeights(f"{path} holds the state of another model; give another folder, or begin anew.")
    with torch.no_grad():
        for name, p in named.items():
            p.copy_(weights[name])
            average.shadow[name].copy_(held[f"average/{name}"])
    marked = {n.removeprefix("optimiser/"): v for n, v in held.items() if n.startswith("optimiser/")}
    optimiser.load(marked)
    return int(about["step"])


def averaged(folder: Path) -> tuple[int, dict[str, Tensor]]:
    """Steps done and the averaged weights of the newest whole state in `folder`. BadInput if there is none."""
    path = _newest(folder)
    if path is None:
        raise BadInput(f"{folder} holds no {NAME}; train there first.")
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith("average/")]  # noqa: SIM118
        return int(file.metadata()["step"]), {name.removeprefix("average/"): file.get_tensor(name) for name in names}


def _newest(folder: Path) -> Path | None:
    """The newest state that is whole. A torn one is told of and passed over."""
    there = [path for path in (folder / NAME, folder / BEFORE) if path.is_file()]
    for path in there:
        if _whole(path):
            return path
        warnings.warn(f"{path} is torn; going on from the state before it.", stacklevel=3)
    if there:
        raise BadWeights(f"No state in {folder} is whole; begin in another folder.")
    return None


def _whole(path: Path) -> bool:
    """Whether a state is there and as long as its head says, which safetensors checks."""
    try:
        with safe_open(path, framework="pt") as file:
            return "step" in file.metadata()
    except (SafetensorError, OSError, TypeError):
        return False


def _compare(path: Path, was: Cause, now: Cause) -> None:
    """Refuse to go on where another cause would make it another run; a state that names no cause fits all."""
    differing = [part for part in {**was, **now} if was.get(part) != now.get(part)] if was and now else []
    if differing:
        told = "; ".join(
            f"{part} was {was.get(part, 'not there')}, is {now.get(part, 'not there')}" for part in differing
        )
        raise BadInput(
            f"{path} came of another run: {told}. Put it back as it was to resume, or begin in another folder."
        )


def _to_disk(path: Path) -> None:
    """Have the system write a file, or the names in a folder, before going on."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder; its renames are written with the file system's journal
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
