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


class Pointing:
    """A straight line from the features that a projection is given to how much of each token is covered.

    projection: the last layer of a network, which is given one target's tokens [B, L, W] at a time and nothing else.
    kinds: how many things are pointed at, at most; a target that is told fewer is asked for the first of them.
    token: pixels of a token, down and across. weight: of pointing beside the picture. The codec's frames are taken to
    be one latent for the first frame and one for every four that follow.
    """

    def __init__(self, projection: nn.Linear, kinds: int, token: int, weight: float) -> None:
        self.line, self.token, self.weight = nn.Linear(projection.in_features, kinds), token, weight
        nn.init.zeros_(self.line.weight)
        self._given: list[Tensor] = []
        projection.register_forward_pre_hook(lambda _, given: self._given.append(given[0]))

    def named(self) -> dict[str, nn.Parameter]:
        """What learns of it, by name."""
        return {f"pointing.{name}": p for name, p in self.line.named_parameters()}

    def cost(self, where: Sequence[Tensor | None], window: Window) -> Tensor:
        """After a pass of the network: its weight times the cross-entropy of what it says and how much is covered.

        where: for every target of the row, [B, up to K, T, Y, X] in 0..1 of all frames of the clips, or None where
        nothing is pointed at; the pass saw the latents of `window`.
        """
        given, self._given = self._given, []
        costs = [
            binary_cross_entropy_with_logits(
                self.line(features)[..., : one.shape[1]].float(), covered(one, window, self.token)
            )
            for features, one in zip(given, where, strict=True)
            if one is not None
        ]
        return self.weight * torch.stack(costs).mean() if costs else torch.zeros(())


def covered(where: Tensor, window: Window, token: int) -> Tensor:
    """[B, K, T, Y, X] as how much of each token of a window is covered, [B, L, K]: most in time, mean in space."""
    first, others = where[:, :, :1], where[:, :, 1:].unflatten(2, (-1, 4)).amax(dim=3)
    latents = torch.cat([first, others], dim=2)[:, :, window.start : window.stop]  # [B, K, t, Y, X]
    return avg_pool3d(latents, (1, token, token)).flatten(2).transpose(1, 2)
