"""The optimiser: Muon for the matrices of the blocks, AdamW for all the rest, side by side.

Muon (Jordan et al., 2024) orthogonalises the momentum of a matrix; with its step scaled to AdamW's (Liu et al.,
arXiv 2502.16982) both share one learning rate. torch ships both.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .stage import Stage


class Optimiser:
    """Muon and AdamW over named parameters; its state is a flat dictionary of tensors."""

    def __init__(self, named: dict[str, nn.Parameter], stage: Stage) -> None:
        self.named = {name: p for name, p in named.items() if p.requires_grad}
        matrices = [p for name, p in self.named.items() if p.ndim == 2 and ".blocks." in f".{name}"]
        chosen = set(map(id, matrices))
        rest = [p for p in self.named.values() if id(p) not in chosen]
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=stage.rate, betas=(0.9, 0.99), weight_decay=0.0)
        ]
        if matrices:
            muon = torch.optim.Muon(
                matrices, lr=stage.rate, weight_decay=stage.decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
            )
            self.parts.append(muon)
        self.clip = stage.clip

    def step(self, rate: float) -> float:
        """Clip, update, forget the gradients. Returns the gradient norm before clipping."""
        norm = nn.utils.clip_grad_norm_(self.named.values(), self.clip)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()
            part.zero_grad(set_to_none=True)
        return float(norm)

    def state(self) -> dict[str, Tensor]:
        """Every moment of every parameter, named `parameter|moment`."""
        return {f"{name}|{moment}": torch.as_tensor(value) for name, moment, value in self._moments()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a state that `state` gave."""
        held: dict[str, dict[str, Tensor]] = {}
        for key, value in state.items():
            name, moment = key.rsplit("|", 1)
            held.setdefault(name, {})[moment] = value.clone()
        names = {id(p): name for name, p in self.named.items()}
        for part in self.parts:
            for group in part.param_groups:
                for p in group["params"]:
                    if names[id(p)] in held:
                        part.state[p] = held[names[id(p)]]

    def _moments(self) -> Iterator[tuple[str, str, Tensor]]:
        names = {id(p): name for name, p in self.named.items()}
        for part in self.parts:
            for p, moments in part.state.items():
                for moment, value in moments.items():
                    yield names[id(p)], moment, value
