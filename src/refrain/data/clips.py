"""The clips of a pair as a model learns them: so many frames, at such a size, and the mask in bits."""

import numpy as np
import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.media import Clip
from refrain.media.fit import model_size, resized

from .facts import Facts
from .pair import Pair
from .store import Store

__all__ = ["clips_of", "mask_of", "model_size", "packed", "size_of_area", "unpacked"]


def clips_of(store: Store, pair: Pair, frames: int) -> tuple[Clip, Clip]:
    """The first `frames` frames of source and target. Raises BadInput where there are fewer."""
    source, target = store.clips(pair)
    if len(source) < frames:
        raise BadInput(f"{store.where(pair)}: it has {len(source)} frames and {frames} are wanted; ask for fewer.")
    return source.between(0, frames), target.between(0, frames)


def mask_of(store: Store, pair: Pair, frames: int, size: tuple[int, int]) -> Tensor | None:
    """Where the pair's mask is more white than black: bool [T, Y, X], or None where the pair has no mask."""
    if pair.mask is None:
        return None
    mask = Clip.read(pair.mask)
    if len(mask) < frames:
        raise BadInput(f"{store.where(pair)}: its mask has {len(mask)} frames and {frames} are wanted; mend it.")
    light = mask.between(0, frames).at(mask.size).mean(dim=1, keepdim=True)  # [T, 1, Y, X]
    return resized(light, size)[:, 0] > 0


def size_of_area(facts: Facts, area: int, multiple: int) -> tuple[int, int]:
    """The size (y, x) of about `area` pixels, multiples of `multiple`, whose aspect is the nearest to the clip's."""
    aspect = facts.height / facts.width
    y = (area * aspect) ** 0.5
    rows = {max(1, int(y / multiple) + n) for n in (0, 1)}
    sizes = [(r * multiple, max(1, round(area / (r * multiple) / multiple)) * multiple) for r in sorted(rows)]
    return min(sizes, key=lambda size: (abs(np.log(size[0] / size[1] / aspect)), abs(size[0] * size[1] - area)))


def packed(mask: Tensor) -> Tensor:
    """A mask, bool [T, Y, X], in one bit a pixel: uint8 [T, Y, ceil(X / 8)]."""
    return torch.from_numpy(np.packbits(mask.numpy(), axis=-1))


def unpacked(bits: Tensor, columns: int) -> Tensor:
    """The mask, bool [T, Y, X], that was `packed`."""
    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=-1, count=columns).astype(bool))
