"""The embedded model's video codec: one matrix product each way, so encoding costs next to nothing.

The first frame of a clip is coded alone, then causal groups of four frames; every 8×8 place becomes 48 numbers. The
encoder looks at a window a little wider than its place and the decoder at the 3×3 neighbouring latents (a lapped
transform: Malvar and Staelin, "The LOT: transform coding without blocking effects", 1989), so blocks leave no edges.
Nothing overlaps in time: windows of latents join without seams.
"""

import json
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from refrain.errors import BadInput, BadWeights

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
PLACE, GROUP = 8, 4  # pixels per latent along Y and X; frames per latent


class LinearMap(nn.Module):
    """Pictures of `frames` frames to latents and back, both affine.

    A picture is [N, frames * 3, Y, X]; its latents are (analysis(picture) - centre) / scale, [N, C, Y / 8, X / 8], and
    the picture is synthesis(latents * scale) + offset.
    """

    def __init__(self, frames: int, channels: int, window: int) -> None:
        super().__init__()
        planes = frames * 3
        self.analysis = nn.Parameter(torch.zeros(channels, planes, window, window), requires_grad=False)
        self.centre = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.scale = nn.Parameter(torch.ones(channels), requires_grad=False)
        self.synthesis = nn.Parameter(torch.zeros(planes * PLACE**2, channels, 3, 3), requires_grad=False)
        self.offset = nn.Parameter(torch.zeros(planes), requires_grad=False)

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents [N, C, Y / 8, X / 8] of pictures [N, frames * 3, Y, X]."""
        margin = (self.analysis.shape[-1] - PLACE) // 2
        wide = functional.pad(pictures, (margin,) * 4, mode="replicate")
        raw = functional.conv2d(wide, self.analysis, stride=PLACE)  # [N, C, Y / 8, X / 8]
        return (raw - self.centre[:, None, None]) / self.scale[:, None, None]

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures [N, frames * 3, Y, X] of latents [N, C, Y / 8, X / 8], not clamped."""
        wide = functional.pad(latents * self.scale[:, None, None], (1, 1, 1, 1), mode="replicate")
        pictures = functional.pixel_shuffle(functional.conv2d(wide, self.synthesis), PLACE)  # [N, frames * 3, Y, X]
        return pictures + self.offset[:, None, None]


class LinearCodec(nn.Module):
    """Frames [B, T, 3, Y, X] in [-1, 1], T = 4k + 1, to latents [B, C, k + 1, Y / 8, X / 8] and back.

    Latents have mean 0 and, over all channels, a standard deviation of about 1; leading channels, which carry most of
    the picture, stay larger than the others (each is divided by the square root of its deviation).
    """

    frames_per_latent = GROUP
    pixels_per_latent = PLACE

    def __init__(self, channels: int = 48, window: int = 12) -> None:
        super().__init__()
        self.channels = channels
        self.window = window
        self.first = LinearMap(1, channels, window)
        self.group = LinearMap(GROUP, channels, window)

    def encode(self, frames: Tensor) -> Tensor:
        """Latents [B, C, k + 1, Y / 8, X / 8] of frames [B, 4k + 1, 3, Y, X] in [-1, 1]."""
        if frames.ndim != 5 or frames.shape[2] != 3:
            raise BadInput(f"The codec takes frames [B, T, 3, Y, X], not {list(frames.shape)}; reorder their axes.")
        batch, length, _, rows, columns = frames.shape
        if length % GROUP != 1 or rows % PLACE or columns % PLACE or not rows * columns:
            raise BadInput(
                f"The codec takes 4k + 1 frames whose sides are multiples of {PLACE}, "
                f"not {length} frames of {columns}x{rows}; pad or crop them."
            )
        frames = frames.to(self.first.analysis)
        head = self.first.encode(frames[:, 0])[:, None]  # [B, 1, C, Y / 8, X / 8]
        groups = frames[:, 1:].reshape(-1, GROUP * 3, rows, columns)
        if not len(groups):
            return head.transpose(1, 2)
        tail = self.group.encode(groups).unflatten(0, (batch, -1))  # [B, k, C, Y / 8, X / 8]
        return torch.cat((head, tail), 1).transpose(1, 2)

    def decode(self, latents: Tensor, first: bool = True) -> Tensor:
        """Frames [B, T, 3, Y, X], clamped to [-1, 1], of latents [B, C, n, Y / 8, X / 8].

        T is 4n - 3; with `first=False` the latents start in the middle of a clip, all are groups of four, and T is 4n.
        """
        return self.affine(latents, first).clamp(-1, 1)

    @property
    def worth(self) -> Tensor:
        """Of each channel of a picture's latents [C], the squares of pixels that a unit of it makes, about.

        The transform is nearly orthogonal, and the leading channels are large: in the codec that ships the first one,
        brightness, is worth seventy times the last.
        """
        return self.first.scale.float().square()

    def affine(self, latents: Tensor, first: bool = True) -> Tensor:
        """What `decode` is before it clamps."""
        if latents.ndim != 5 or latents.shape[1] != self.channels or not latents.shape[2]:
            raise BadInput(f"The codec decodes latents [B, {self.channels}, n, Y, X], not {list(latents.shape)}.")
        latents = latents.to(self.first.analysis).transpose(1, 2)  # [B, n, C, Y / 8, X / 8]
        batch, rows, columns = latents.shape[0], latents.shape[-2] * PLACE, latents.shape[-1] * PLACE
        parts: list[Tensor] = []
        if first:
            parts.append(self.first.decode(latents[:, 0])[:, None])  # [B, 1, 3, Y, X]
            latents = latents[:, 1:]
        if latents.shape[1]:
            groups = self.group.decode(latents.flatten(0, 1))  # [B k, 12, Y, X]
            parts.append(groups.reshape(batch, -1, 3, rows, columns))
        return torch.cat(parts, 1)

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write `config.json` and the weights into `folder`; `dtype` is how they are stored (default: as they are)."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config = {"_class_name": type(self).__name__, "channels": self.channels, "window": self.window}
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        tensors = {name: tensor.to("cpu", dtype).contiguous() for name, tensor in self.state_dict().items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
    ) -> Self:
        """Read what `save_pretrained` wrote; anything missing, extra or of another shape is a BadWeights."""
        folder = Path(folder)
        codec = cls(**_config(folder / CONFIG, cls.__name__))
        path = folder / WEIGHTS
        try:
            tensors = load_file(path)
        except FileNotFoundError:
            raise BadWeights(f"{folder} has no {WEIGHTS}; get the folder anew.") from None
        except (SafetensorError, OSError) as error:
            raise BadWeights(f"{path} is not a readable safetensors file ({error}); get it anew.") from None
        wanted = codec.state_dict()
        missing, extra = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
        if missing or extra:
            said = [f"{word} {', '.join(names)}" for word, names in (("lacks", missing), ("also has", extra)) if names]
            raise BadWeights(f"{path} is not a LinearCodec's: it {' and '.join(said)}; get the file anew.")
        wrong = [name for name, tensor in tensors.items() if tensor.shape != wanted[name].shape]
        if wrong:
            raise BadWeights(f"{path} does not fit its {CONFIG}: {', '.join(sorted(wrong))} have other shapes.")
        codec.load_state_dict(tensors)
        return codec.to(device, dtype)


def _config(path: Path, name: str) -> dict[str, int]:
    """The sizes a `config.json` names, or a BadWeights."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadWeights(f"{path.parent} has no {path.name}; give the folder of a {name}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadWeights(f"{path} is not readable JSON ({error}); get the file anew.") from None
    if not isinstance(said, dict) or said.pop("_class_name", None) != name:
        raise BadWeights(f"{path} does not describe a {name}; give the folder of one.")
    sizes = {key: said[key] for key in ("channels", "window") if isinstance(said.get(key), int)}
    if set(sizes) != set(said) or len(sizes) != 2 or sizes["channels"] < 1 or sizes["window"] not in range(8, 25, 2):
        raise BadWeights(f"{path} must say `channels` and `window` (8 to 24, even) and nothing else; get it anew.")
    return sizes
