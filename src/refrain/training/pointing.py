"""While it learns, a network also points: how much of each token of the target this or that covers.

Where a thing lies is learnt slowly from a picture that is seen through noise, and quickly when it is told: supervision
of a transformer's own features speeds diffusion training (REPA, Yu et al., arXiv 2410.06940), and masks are the proxy
task of VINCIE (arXiv 2506.10941). Nothing of it is needed in use.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, binary_cross_entropy_with_logits

from refrain.editing.compose import Window


class Pointing:
    """A straight line from the features that a projection is given to how much of each token is covered.

    projection: the last layer of a network, which is given the target's tokens [B, L, W] and nothing else.
    kinds: how many things are pointed at. token: pixels of a token, down and across. The codec's frames are taken to
    be one latent for the first frame and one for every four that follow.
    """

    def __init__(self, projection: nn.Linear, kinds: int, token: int) -> None:
        self.line, self.token = nn.Linear(projection.in_features, kinds), token
        nn.init.zeros_(self.line.weight)
        self._given: Tensor | None = None
        projection.register_forward_pre_hook(self._catch)

    def named(self) -> dict[str, nn.Parameter]:
        """What learns of it, by name."""
        return {f"pointing.{name}": p for name, p in self.line.named_parameters()}

    def wrong(self, where: Tensor, window: Window) -> Tensor:
        """Cross-entropy of what it says after a pass of the network, and how much is covered.

        where: [B, K, T, Y, X] in 0..1, of all frames of the clips; the pass saw the latents of `window`.
        """
        assert self._given is not None, "the network has not been asked"
        said, self._given = self.line(self._given), None  # [B, L, K]
        return binary_cross_entropy_with_logits(said.float(), covered(where, window, self.token))

    def _catch(self, _: nn.Module, given: tuple[Tensor, ...]) -> None:
        self._given = given[0]


def covered(where: Tensor, window: Window, token: int) -> Tensor:
    """[B, K, T, Y, X] as how much of each token of a window is covered, [B, L, K]: most in time, mean in space."""
    first, others = where[:, :, :1], where[:, :, 1:].unflatten(2, (-1, 4)).amax(dim=3)
    latents = torch.cat([first, others], dim=2)[:, :, window.start : window.stop]  # [B, K, t, Y, X]
    return avg_pool3d(latents, (1, token, token)).flatten(2).transpose(1, 2)
