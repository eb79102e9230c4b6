"""The optimiser: Muon for the matrices of the blocks and AdamW for all the rest, side by side; or AdamW for all.

Muon (Jordan et al., 2024) orthogonalises the momentum of a matrix; with its step scaled to AdamW's (Liu et al.,
arXiv 2502.16982) both share one learning rate. torch ships both. AdamW with moments in eight bits (Dettmers et al.,
arXiv 2110.02861) is bitsandbytes', where that is installed.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from refrain.errors import Unsupported

from .stage import Stage


class Optimiser:
    """An optimiser over named parameters; its state is a flat dictionary of tensors."""

    def __init__(self, named: dict[str, nn.Parameter], stage: Stage) -> None:
        self.named = {name: p for name, p in named.items() if p.requires_grad}
        self.parts = _parts(self.named, stage)
        self.clip = stage.clip

    def step(self, rate: float) -> float:
        """Clip, update, forget the gradients. Returns the norm before clipping; if that is no number, nothing moves."""
        norm = nn.utils.clip_grad_norm_(self.named.values(), self.clip)
        if bool(torch.isfinite(norm)):
            for part in self.parts:
                for group in part.param_groups:
                    group["lr"] = rate
                part.step()
        for part in self.parts:
            part.zero_grad(set_to_none=True)
        return float(norm)

    def state(self) -> dict[str, Tensor]:
        """Every moment of every parameter, named `parameter|moment`."""
        return {f"{name}|{moment}": torch.as_tensor(value) for name, moment, value in self._moments()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a state that `state` gave."""
        held: dict[str, dict[str, Any]] = {}
        for key, value in state.items():
            name, moment = key.rsplit("|", 1)
            count = value.ndim == 0 and not value.is_floating_point()  # bitsandbytes counts its steps in a plain number
            held.setdefault(name, {})[moment] = int(value) if count else value.clone()
        names = {id(p): name for name, p in self.named.items()}
        for part in self.parts:
            for p in (p for group in part.param_groups for p in group["params"]):
                if names[id(p)] in held:
                    moments = held[names[id(p)]]
                    part.state[p] = {moment: _beside(value, p) for moment, value in moments.items()}

    def _moments(self) -> Iterator[tuple[str, str, Any]]:
        names = {id(p): name for name, p in self.named.items()}
        for part in self.parts:
            for p, moments in part.state.items():
                for moment, value in moments.items():
                    yield names[id(p)], moment, value


def _beside(value: Any, p: nn.Parameter) -> Any:
    """A moment on the device of its parameter; a count of steps stays on the CPU, as torch keeps it."""
    return value.to(p.device) if isinstance(value, Tensor) and value.ndim else value


def _parts(named: dict[str, nn.Parameter], stage: Stage) -> list[torch.optim.Optimizer]:
    """The optimisers of a stage. Weight decay is for matrices: biases, norms and tables have none."""
    if stage.optimiser == "muon":
        matrices = [p for name, p in named.items() if p.ndim == 2 and ".blocks." in f".{name}"]
        chosen = set(map(id, matrices))
        rest = [p for p in named.values() if id(p) not in chosen]
        adam = [torch.optim.AdamW(rest, lr=stage.rate, betas=stage.betas, weight_decay=0.0)] if rest else []
        if not matrices:
            return [*adam]
        muon = torch.optim.Muon(
            matrices, lr=stage.rate, weight_decay=stage.decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        )
        return [*adam, muon]
    groups = [
        {"params": [p for p in named.values() if (p.ndim >= 2) == heavy], "weight_decay": stage.decay if heavy else 0.0}
        for heavy in (True, False)
    ]
    kind = torch.optim.AdamW if stage.optimiser == "adamw" else _eight_bit()
    return [kind([group for group in groups if group["params"]], lr=stage.rate, betas=stage.betas)]


def _eight_bit() -> Any:
    try:
        return import_module("bitsandbytes").optim.AdamW8bit
    except ImportError:
        raise Unsupported(
            "AdamW in eight bits needs bitsandbytes, which is not installed; "
            "`pip install bitsandbytes`, or choose the optimiser `adamw`."
        ) from None
