"""AMT-S (Li et al., arXiv 2304.09790): the picture between two pictures, by which VBench tells how smooth motion is.

From the features of both pictures, coarse to fine, flows from the middle to either side are guessed, held against the
likeness of all places of one picture to all of the other, and mended. Three pairs of flows fetch pixels at last. The
network is written here, after the paper, under the names of its published tensors.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .folder import filled, name_of, tensors_of

WIDTHS = (20, 32, 44, 56)  # of features at 1/2, 1/4, 1/8 and 1/16 of the picture
SIDE = 20  # channels that a block works on by themselves
FLOWS = 3
LEVELS, REACH = 4, 3  # of the likeness of places: halvings of its size, and how far around a place it is read
STEP = 16  # pixels by which sides are divisible
SMALLEST = 113  # pixels of a side, so that the likeness has two places a side when it is halved three times


def _conv(wide: int, to: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(wide, to, kernel, stride, kernel // 2)


def _bent(wide: int, to: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(wide, to, stride=stride), nn.PReLU(to))


def _twice(wide: int, middle: int, to: int) -> nn.Sequential:
    return nn.Sequential(_conv(wide, middle), nn.LeakyReLU(0.1), _conv(middle, to))


class _Bottle(nn.Module):
    """Narrow, look around, widen; what came in is added."""

    def __init__(self, wide: int, to: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.conv3 = _conv(wide, to // 4, 1), _conv(to // 4, to, 1)
        self.conv2 = _conv(to // 4, to // 4, 3, stride)
        if stride > 1:
            self.downsample = nn.Sequential(_conv(wide, to, 1, stride))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in (self.conv1, self.conv2, self.conv3):
            y = functional.instance_norm(conv(y)).relu()
        return ((functional.instance_norm(self.downsample(x)) if self.stride > 1 else x) + y).relu()


class _Places(nn.Module):
    """Pictures [N, 3, Y, X] -> features of places, at an eighth of the size [N, 84, y, x]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(3, 32, 7, 2), _conv(96, 84, 1)
        self.layer1 = nn.Sequential(_Bottle(32, 32, 1), _Bottle(32, 32, 1))
        self.layer2 = nn.Sequential(_Bottle(32, 64, 2), _Bottle(64, 64, 1))
        self.layer3 = nn.Sequential(_Bottle(64, 96, 2), _Bottle(96, 96, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.instance_norm(self.conv1(x)).relu()
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class _Pyramid(nn.Module):
    """A picture -> its features at four sizes, finest first."""

    def __init__(self) -> None:
        super().__init__()
        for n, (wide, to) in enumerate(zip((3, *WIDTHS), WIDTHS), 1):
            self.add_module(f"pyramid{n}", nn.Sequential(_bent(wide, to, 2), _bent(to, to)))

    def forward(self, x: Tensor) -> list[Tensor]:
        found = list[Tensor]()
        for part in self.children():
            x = part(x)
            found.append(x)
        return found


class _Block(nn.Module):
    """Five convolutions, two of them on the last channels alone; what came in is added."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.conv1, self.conv3, self.conv5 = _bent(wide, wide), _bent(wide, wide), _conv(wide, wide)
        self.conv2, self.conv4 = _bent(SIDE, SIDE), _bent(SIDE, SIDE)
        self.prelu = nn.PReLU(wide)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)
        y = self.conv3(torch.cat([y[:, :-SIDE], self.conv2(y[:, -SIDE:])], 1))
        y = self.conv5(torch.cat([y[:, :-SIDE], self.conv4(y[:, -SIDE:])], 1))
        return self.prelu(x + y)


class _Decoder(nn.Module):
    """What is put before it [N, C, y, x] -> twice the size [N, to, 2y, 2x]."""

    def __init__(self, given: int, wide: int, to: int) -> None:
        super().__init__()
        self.convblock = nn.Sequential(_bent(given, wide), _Block(wide), nn.ConvTranspose2d(wide, to, 4, 2, 1))

    def forward(self, *parts: Tensor) -> Tensor:
        return self.convblock(torch.cat(parts, 1))


class _Mend(nn.Module):
    """Features and flows of a level, and the likeness where these point -> what is to be added to both."""

    def __init__(self, wide: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.convc1 = _conv(2 * LEVELS * (2 * REACH + 1) ** 2, 64, 1)
        self.convf1, self.convf2 = _conv(4, 40, 7), _conv(40, 20)
        self.conv = _conv(64 + 20, 68)
        self.gru = _twice(68 + 4 + wide, 76, 76)
        self.feat_head, self.flow_head = _twice(76, 76, wide), _twice(76, 76, 4)

    def forward(self, features: Tensor, flows: Tensor, likeness: Tensor) -> tuple[Tensor, Tensor]:
        seen = _leaky(self.convc1(likeness))
        moved = _leaky(self.convf2(_leaky(self.convf1(flows))))
        given = _leaky(self.conv(torch.cat([seen, moved], 1)))
        out = self.gru(torch.cat([given, flows, _resized(features, 1 / self.scale)], 1))
        return _resized(self.feat_head(out), self.scale), self.scale * _resized(self.flow_head(out), self.scale)


class Likeness:
    """How alike every place of one picture is to every place of another, at four sizes of the other."""

    def __init__(self, one: Tensor, other: Tensor) -> None:
        """Features of places, [1, C, y, x] each."""
        self.rows, self.columns = one.shape[-2:]
        whole = one.flatten(2).transpose(1, 2) @ other.flatten(2) / one.shape[1] ** 0.5  # [1, yx, yx]
        self.sizes = [whole.view(-1, 1, self.rows, self.columns)]  # [yx, 1, y, x]
        for _ in range(LEVELS - 1):
            self.sizes.append(functional.avg_pool2d(self.sizes[-1], 2))

    def around(self, where: Tensor) -> Tensor:
        """For every place of the one, what lies around a point of the other: x and y [1, 2, y, x] -> [1, n, y, x].

        As published, the window is walked with its axes exchanged: the first step goes along x.
        """
        steps = torch.arange(-REACH, REACH + 1, device=where.device, dtype=where.dtype)
        window = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1)  # [k, k, x and y]
        middle = where.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)  # [yx, 1, 1, 2]
        read = [_read(one, middle / 2**n + window) for n, one in enumerate(self.sizes)]  # each [yx, 1, k, k]
        return torch.stack(read, 1).view(1, self.rows, self.columns, -1).permute(0, 3, 1, 2)


class Network(nn.Module):
    """Two pictures float [1, 3, Y, X] in 0..1, sides divisible by 16 -> the picture in the middle of them."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four = WIDTHS
        self.feat_encoder, self.encoder = _Places(), _Pyramid()
        self.decoder4 = _Decoder(2 * four + 1, 2 * four, three + 4)
        self.decoder3 = _Decoder(3 * three + 4, 3 * three, two + 4)
        self.decoder2 = _Decoder(3 * two + 4, 3 * two, one + 4)
        self.decoder1 = _Decoder(3 * one + 4, 3 * one, 8 * FLOWS)
        self.update4, self.update3, self.update2 = _Mend(three, 1), _Mend(two, 2), _Mend(one, 4)
        self.comb_block = nn.Sequential(
            _conv(3 * FLOWS, 6 * FLOWS), nn.PReLU(6 * FLOWS), _conv(6 * FLOWS, 3)
        )  # fmt: skip

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        mean = torch.cat([before, after], 2).mean((1, 2, 3), keepdim=True)
        before, after = before - mean, after - mean
        places = self.feat_encoder(torch.cat([before, after]))  # [2, 84, y, x]
        forth, back = Likeness(places[:1], places[1:]), Likeness(places[1:], places[:1])
        behind, ahead = self.encoder(before), self.encoder(after)

        time = torch.full_like(behind[3][:, :1], 0.5)
        out = self.decoder4(behind[3], ahead[3], time)
        flows, features = self._mended(self.update4, out[:, :4], out[:, 4:], forth, back)
        for decoder, mend, n in ((self.decoder3, self.update3, 2), (self.decoder2, self.update2, 1)):
            out = decoder(features, fetched(behind[n], flows[:, :2]), fetched(ahead[n], flows[:, 2:]), flows)
            flows = out[:, :4] + 2 * _resized(flows, 2)
            flows, features = self._mended(mend, flows, out[:, 4:], forth, back)
        out = self.decoder1(features, fetched(behind[0], flows[:, :2]), fetched(ahead[0], flows[:, 2:]), flows)
        return self._put_together(before, after, out, 2 * _resized(flows, 2), mean)

    def _mended(
        self, mend: "_Mend", flows: Tensor, features: Tensor, forth: Likeness, back: Likeness
    ) -> tuple[Tensor, Tensor]:
        """Flows [1, 4, Y, X] and features of a level, mended. flows: to the picture before (x, y), and after."""
        small = _resized(flows, 1 / mend.scale) / mend.scale
        rows, columns = small.shape[-2:]
        grid = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        here = torch.stack(grid[::-1]).to(small)[None]  # [1, x and y, y, x]
        read = torch.cat([forth.around(here + 2 * small[:, 2:]), back.around(here + 2 * small[:, :2])], 1)
        more, moved = mend(features, small, read)  # a flow from the middle is doubled to go from side to side
        return flows + moved, features + more

    def _put_together(self, before: Tensor, after: Tensor, out: Tensor, flows: Tensor, mean: Tensor) -> Tensor:
        """Three pairs of flows fetch pixels; the pairs are mixed by a mask, mended, averaged, and mended again."""
        n = FLOWS
        to_before, to_after, mask, more = out.split([2 * n, 2 * n, n, 3 * n], 1)
        pictures = list[Tensor]()
        for k in range(n):
            one = fetched(before, flows[:, :2] + to_before[:, 2 * k : 2 * k + 2])
            other = fetched(after, flows[:, 2:] + to_after[:, 2 * k : 2 * k + 2])
            share = mask[:, k : k + 1].sigmoid()
            pictures.append(share * one + (1 - share) * other + mean + more[:, 3 * k : 3 * k + 3])
        return (torch.stack(pictures).mean(0) + self.comb_block(torch.cat(pictures, 1))).clamp(0, 1)


@dataclass(frozen=True, eq=False)
class Amt:
    """AMT-S. name: of its file, with its hash."""

    network: Network
    name: str
    device: str

    @staticmethod
    def load(path: str | Path, device: str = "cpu") -> "Amt":
        """Load a file of its tensors. Raises BadWeights."""
        file = Path(path)
        tensors = tensors_of(
            file, "AMT-S (amt-s.pth of huggingface.co/lalala125/AMT, CC BY-NC 4.0) comes as a pickle, make a file of it"
        )
        network = Network()
        filled(network, tensors, file)
        return Amt(network.to(device), name_of(file, [file]), device)

    @torch.no_grad()
    def between(self, frames: np.ndarray) -> np.ndarray:
        """uint8 [T, Y, X, 3], sides of 113 pixels and more -> the pictures between them, float32 [T - 1, Y, X, 3] in
        0..255."""
        rows, columns = frames.shape[1:3]
        down, right = -rows % STEP, -columns % STEP
        edges = [right // 2, right - right // 2, down // 2, down - down // 2]
        found = np.empty((len(frames) - 1, rows, columns, 3), np.float32)  # [T - 1, Y, X, 3]
        shown = [self._padded(one, edges) for one in frames]
        for n, (one, other) in enumerate(zip(shown, shown[1:])):
            middle = self.network(one, other)[0, :, edges[2] : edges[2] + rows, edges[0] : edges[0] + columns]
            found[n] = (middle * 255).permute(1, 2, 0).cpu().numpy()
        return found

    def _padded(self, frame: np.ndarray, edges: list[int]) -> Tensor:
        whole = torch.from_numpy(frame).to(self.device).permute(2, 0, 1)[None].float() / 255  # [1, 3, Y, X]
        return functional.pad(whole, edges, "replicate")


def fetched(picture: Tensor, flow: Tensor) -> Tensor:
    """What lies where a flow points, in pixels right and down [1, 2, Y, X]; the edge goes on outside."""
    rows, columns = flow.shape[-2:]
    y, x = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
    size = flow.new_tensor([(columns - 1) / 2, (rows - 1) / 2])
    where = torch.stack([x, y], -1).to(flow) + flow.permute(0, 2, 3, 1) / size  # [1, Y, X, 2]
    return functional.grid_sample(picture, where, padding_mode="border", align_corners=True)


def _read(pictures: Tensor, where: Tensor) -> Tensor:
    """Pictures [n, 1, y, x] at points in pixels [n, k, k, 2]; outside is nothing."""
    size = where.new_tensor([pictures.shape[3] - 1, pictures.shape[2] - 1])
    return functional.grid_sample(pictures, 2 * where / size - 1, align_corners=True)


def _resized(x: Tensor, scale: float) -> Tensor:
    return x if scale == 1 else functional.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.1)
