"""While it learns, a network also points: how much of each token of the target this or that covers.

Where a thing lies is learnt slowly from a picture that is seen through noise, and quickly when it is told: supervision
of a transformer's own features speeds diffusion training (REPA, Yu et al., arXiv 2410.06940), and masks are the proxy
task of VINCIE (arXiv 2506.10941). Nothing of it is needed in use.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, binary_cross_entropy_with_logits

from refrain.editing.compose import Window

PARTS = 4  # of a token, down and across, where it is pointed at closely


class Pointing:
    """A straight line from the features that a projection is given to how much of each token is covered.

    projection: the last layer of a network, which is given one target's tokens [B, L, W] at a time and nothing else.
    kinds: how many things are pointed at, at most; a target that is told fewer is asked for the first of them. closely:
    of how many, the first ones, each of `PARTS` x `PARTS` parts of a token is told as well: the edge of a thing crosses
    tokens. token: pixels of a token, down and across. weight: of pointing beside the picture. The codec's frames are
    taken to be one latent for the first frame and one for every four that follow.
    """

    def __init__(self, projection: nn.Linear, kinds: int, token: int, weight: float, closely: int = 0) -> None:
        self.line = nn.Linear(projection.in_features, kinds + closely * PARTS**2)
        self.kinds, self.closely, self.token, self.weight = kinds, closely, token, weight
        nn.init.zeros_(self.line.weight)
        self._given: list[Tensor] = []
        projection.register_forward_pre_hook(lambda _, given: self._hear(given[0]))

    def named(self) -> dict[str, nn.Parameter]:
        """What learns of it, by name."""
        return {f"pointing.{name}": p for name, p in self.line.named_parameters()}

    def _hear(self, features: Tensor) -> None:
        if torch.is_grad_enabled():  # else nothing is learnt of the pass
            self._given.append(features)

    def cost(self, where: Sequence[Tensor | None], window: Window) -> Tensor:
        """After a pass of the network: its weight times the cross-entropy of what it says and how much is covered.

        where: for every target of the row, [B, up to K, T, Y, X] in 0..1 of all frames of the clips, or None where
        nothing is pointed at; the pass saw the latents of `window`.
        """
        given, self._given = self._given, []
        costs = [
            self._cost(self.line(features).float(), one, window)
            for features, one in zip(given, where, strict=True)
            if one is not None
        ]
        return self.weight * torch.stack(costs).mean() if costs else torch.zeros(())

    def _cost(self, said: Tensor, where: Tensor, window: Window) -> Tensor:
        true = covered(where, window, self.token)
        kinds = said[..., : true.shape[-1]]
        if self.closely:
            parts = covered(where[:, : self.closely], window, self.token, PARTS)
            kinds = torch.cat([kinds, said[..., self.kinds : self.kinds + parts.shape[-1]]], dim=-1)
            true = torch.cat([true, parts], dim=-1)
        return binary_cross_entropy_with_logits(kinds, true)


def covered(where: Tensor, window: Window, token: int, parts: int = 1) -> Tensor:
    """[B, K, T, Y, X] as how much of each token of a window is covered, [B, L, K]: most in time, mean in space.

    parts: of a token, down and across, that are told each, [B, L, K * parts²].
    """
    first, others = where[:, :, :1], where[:, :, 1:].unflatten(2, (-1, 4)).amax(dim=3)
    latents = torch.cat([first, others], dim=2)[:, :, window.start : window.stop]  # [B, K, t, Y, X]
    share = avg_pool3d(latents, (1, token // parts, token // parts))  # [B, K, t, y * parts, x * parts]
    cells = share.unflatten(4, (-1, parts)).unflatten(3, (-1, parts))  # [B, K, t, y, parts, x, parts]
    return cells.permute(0, 2, 3, 5, 1, 4, 6).flatten(4).flatten(1, 3)
