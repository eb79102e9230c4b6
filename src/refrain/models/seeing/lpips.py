"""LPIPS (Zhang et al., arXiv 1801.03924, version 0.1): how different two pictures look, from the features of AlexNet,
VGG-16 or SqueezeNet 1.1 with a learnt weight for every channel.

The backbones are written here, because theirs are in torchvision. One safetensors file holds both: `features.*` as in
torchvision's checkpoints, and the heads `lin0.model.1.weight`, … as in LPIPS's.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from refrain.errors import BadWeights

from .folder import filled, name_of, tensors_of

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures in -1 .. 1
TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29), "squeeze": (1, 4, 7, 9, 10, 11, 12)}
WIDTHS = {
    "alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512),
    "squeeze": (64, 128, 256, 384, 384, 512, 512),
}  # fmt: skip
SMALLEST = 32  # pixels of a side, so that something is left behind the last layer


class _Fire(nn.Module):
    def __init__(self, width: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(width, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


def backbone(kind: str) -> nn.Sequential:
    """The layers of torchvision's alexnet, vgg16 or squeezenet1_1 up to the last tap, under its numbers."""
    if kind == "alex":
        return nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
            nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
    if kind == "squeeze":
        pools = (nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(3))
        return nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), next(pools), _Fire(64, 16, 64), _Fire(128, 16, 64), next(pools),
            _Fire(128, 32, 128), _Fire(256, 32, 128), next(pools), _Fire(256, 48, 192), _Fire(384, 48, 192),
            _Fire(384, 64, 256), _Fire(512, 64, 256),
        )  # fmt: skip
    layers, width = list[nn.Module](), 3
    for n, (times, wide) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))):
        layers += [nn.MaxPool2d(2, 2)] if n else []
        for _ in range(times):
            layers += [nn.Conv2d(width, wide, 3, padding=1), nn.ReLU()]
            width = wide
    return nn.Sequential(*layers)


class Network(nn.Module):
    """Backbone and heads. Pictures float [N, 3, Y, X] in -1 .. 1 -> distances [N]."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.taps = TAPS[kind]
        self.features = backbone(kind)
        for n, width in enumerate(WIDTHS[kind]):
            head = nn.Sequential(nn.Dropout(), nn.Conv2d(width, 1, 1, bias=False))
            self.add_module(f"lin{n}", nn.ModuleDict({"model": head}))

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        total = one.new_zeros(len(one))
        for n, (a, b) in enumerate(zip(self.seen(one), self.seen(other))):
            head = getattr(self, f"lin{n}")["model"][1]
            total = total + head((_unit(a) - _unit(b)).square()).mean((1, 2, 3))
        return total

    def seen(self, x: Tensor) -> list[Tensor]:
        """Features at the taps."""
        shift, scale = (x.new_tensor(v)[:, None, None] for v in (SHIFT, SCALE))
        x, found = (x - shift) / scale, list[Tensor]()
        for n, layer in enumerate(self.features):
            x = layer(x)
            if n in self.taps:
                found.append(x)
        return found


@dataclass(frozen=True, eq=False)
class Lpips:
    """LPIPS. name: of the file, with its hash. kind: alex, vgg or squeeze."""

    network: Network
    name: str
    kind: str
    device: str

    @staticmethod
    def load(path: str | Path, device: str = "cpu") -> "Lpips":
        """Load a file; which backbone it holds is seen from its tensors. Raises BadWeights."""
        file = Path(path)
        tensors = tensors_of(
            file, "LPIPS's heads (BSD-2, github.com/richzhang/PerceptualSimilarity) and torchvision's backbones (BSD-3)"
            " come as pickles, make one file of them",
        )  # fmt: skip
        first = tuple(tensors["features.0.weight"].shape) if "features.0.weight" in tensors else ()
        kind = {(64, 3, 11, 11): "alex", (64, 3, 3, 3): "vgg"}.get(first)
        if kind is None:
            raise BadWeights(f"{file} holds no features of alexnet, vgg16 or squeezenet1_1; get it anew.")
        kind = "squeeze" if "features.3.squeeze.weight" in tensors else kind
        network = Network(kind)
        filled(network, tensors, file)
        return Lpips(network.to(device), name_of(file, [file]), kind, device)

    @torch.no_grad()
    def distances(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Frame by frame, float32 [T]: of uint8 [T, Y, X, 3], at their own size, which is 32 pixels or more."""
        found = [self.network(self._signed(a), self._signed(b)) for a, b in zip(one, other)]
        return torch.cat(found).cpu().numpy()

    def _signed(self, frame: np.ndarray) -> Tensor:
        return torch.from_numpy(frame).to(self.device).permute(2, 0, 1)[None].float().div(127.5).sub(1)


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)
