"""AMT-S: what it is with weights that are known, its parts written down again, and files that are not whole refused."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.seeing.test_seeing import frames
from refrain.errors import BadWeights
from refrain.evaluation.scorers.scorer import Material, score
from refrain.evaluation.scorers.watched import amt_scorers
from refrain.models.seeing.amt import Amt, Likeness, Network, fetched

LAST = "decoder1.convblock.2.bias"  # three flows to the picture before, three after, three masks, three pictures


def amt(folder: Path, **biases: float) -> Amt:
    """An AMT-S of zeros, but for a last bias: flows in pixels, the share of the picture before, more light."""
    tensors = {name: torch.zeros_like(one) for name, one in Network().state_dict().items()}
    tensors[LAST][0:6:2], tensors[LAST][6:12:2] = biases.get("back", 0), biases.get("forth", 0)
    tensors[LAST][12:15], tensors[LAST][15:] = biases.get("share", 0), biases.get("more", 0)
    save_file(tensors, folder / "amt.safetensors")
    return Amt.load(folder / "amt.safetensors")


def pan(count: int, step: int, side: int = 120) -> np.ndarray:
    """A picture that goes `step` pixels to the left with every frame."""
    wide = frames(1, side, side + 8 + step * count)[0]
    return np.stack([wide[:, n * step : n * step + side] for n in range(count)])


def test_with_no_weights_it_is_the_mean_of_both_pictures(tmp_path: Path) -> None:
    clip = frames(3, 120, 128)
    wanted = (clip[:-1].astype(np.float32) + clip[1:]) / 2
    assert np.abs(amt(tmp_path).between(clip) - wanted).max() < 1e-3


def test_a_clip_that_stands_still_is_perfectly_smooth_and_as_published_nearly(tmp_path: Path) -> None:
    still = np.repeat(frames(1, 120, 128), 3, 0)
    strict, compat = amt_scorers(amt(tmp_path))
    assert score(strict, Material(still, still)).value == 1
    assert 254 / 255 <= score(compat, Material(still, still)).value <= 1, "cutting may cost a level"


def test_flows_fetch_pixels_to_the_right_and_down(tmp_path: Path) -> None:
    clip = pan(3, 4)
    right = amt(tmp_path, back=4, forth=-4)  # what is at x was at x + 4, and will be at x − 4
    found = right.between(clip[::2])
    assert np.abs(found - clip[1::2])[:, :, 8:-8].max() < 0.01, "all that did not come in at an edge"
    assert np.abs(amt(tmp_path).between(clip[::2]) - clip[1::2])[:, :, 8:-8].mean() > 5, "unmoved it is wrong"
    down = torch.zeros(1, 2, 3, 3)
    down[:, 1] = 1
    assert fetched(torch.arange(9.0).view(1, 1, 3, 3), down).flatten().tolist() == pytest.approx(
        [3, 4, 5, 6, 7, 8, 6, 7, 8]
    )


def test_a_mask_chooses_and_light_is_added(tmp_path: Path) -> None:
    clip = frames(2, 120, 128)
    assert np.abs(amt(tmp_path, share=99).between(clip) - clip[:1]).max() < 1e-3
    assert (amt(tmp_path, share=-99, more=1.0).between(clip) == 255).all(), "nothing is lighter than white"


def waves(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of waves in the order of their names, such that flows are of some pixels."""
    found: dict[str, Tensor] = {}
    for n, (name, one) in enumerate(sorted(tensors.items())):
        wave = torch.sin(torch.arange(one.numel(), dtype=torch.float64) * (1 + n / 100) + n).view(one.shape)
        found[name] = (wave * (2.6 * one[0].numel() ** -0.5 if one.ndim > 1 else 0.05)).float()
    return found


def test_the_whole_network_says_what_the_public_one_says() -> None:
    network = Network()
    network.load_state_dict(waves(network.state_dict()))
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(144.0), indexing="ij")
    one, other = (
        torch.stack([0.5 + 0.4 * ((x + 3 * t) / (5 + c)).sin() * ((y - 2 * t) / (7 - c)).cos() for c in range(3)])[None]
        for t in range(2)
    )
    with torch.no_grad():
        found = network(one, other)[0]
    # of VBench's copy of AMT-S (commit 45e79ec1), these weights and pictures
    public = {(0, 10, 10): 0.5665, (1, 64, 70): 0.5416, (2, 100, 20): 0.4418, (0, 127, 143): 0.3854,
              (1, 5, 130): 0.4821, (2, 77, 77): 0.8016}  # fmt: skip
    assert [float(found[place]) for place in public] == pytest.approx(list(public.values()), abs=2e-4)


def test_likeness_is_read_around_a_place_at_four_sizes() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(1, 5, 16, 18), torch.randn(1, 5, 16, 18)
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(18.0), indexing="ij")
    read = Likeness(one, other).around(torch.stack([x + 1, y])[None])  # [1, 4 · 49, 16, 18]
    whole = torch.einsum("cyx,cvu->yxvu", one[0], other[0]) / 5**0.5
    for level in range(4):
        for place in ((0, 0), (7, 8), (15, 17)):
            for step in ((0, 0), (-3, 2), (1, -1)):
                wanted = slow_read(
                    whole[place], 2**level, (place[1] + 1) / 2**level + step[0], place[0] / 2**level + step[1]
                )
                mine = read[0, 49 * level + 7 * (step[0] + 3) + step[1] + 3][place]  # the first step goes along x
                assert mine == pytest.approx(wanted, abs=1e-4), (level, place, step)


def slow_read(plane: Tensor, size: int, x: float, y: float) -> float:
    """A point of a plane made `size` times smaller, between its four neighbours; nothing is outside."""
    rows, columns = plane.shape[0] // size, plane.shape[1] // size
    total = 0.0
    for row in (int(np.floor(y)), int(np.floor(y)) + 1):
        for column in (int(np.floor(x)), int(np.floor(x)) + 1):
            if 0 <= row < rows and 0 <= column < columns:
                cell = plane[row * size : (row + 1) * size, column * size : (column + 1) * size]
                total += (1 - abs(y - row)) * (1 - abs(x - column)) * float(cell.mean())
    return total


def test_every_tensor_is_used_and_sides_may_be_of_any_length(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network()
    tensors = {k: torch.randn_like(v) * v[0].numel() ** -0.5 if v.ndim > 1 else torch.full_like(v, 0.1)
               for k, v in network.state_dict().items()}  # fmt: skip
    network.load_state_dict(tensors)
    one, other = (torch.from_numpy(f).permute(2, 0, 1)[None] / 255 for f in frames(2, 128, 128))
    network(one, other).square().sum().backward()
    unused = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.abs().sum()]
    assert sum(one.numel() for one in tensors.values()) == 2_990_543 and len(tensors) == 213
    assert not [name for name in unused if not name.startswith("feat_encoder")], unused
    save_file(tensors, tmp_path / "amt.safetensors")
    found = Amt.load(tmp_path / "amt.safetensors").between(frames(2, 117, 131))
    assert found.shape == (1, 117, 131, 3) and found.std() > 1


def test_files_that_are_not_whole_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="as a pickle, make a file of it"):
        Amt.load(tmp_path / "none.safetensors")
    tensors = dict(Network().state_dict())
    save_file({k: v for k, v in tensors.items() if k != LAST}, tmp_path / "amt.safetensors")
    with pytest.raises(BadWeights, match=f"lacks {LAST}"):
        Amt.load(tmp_path / "amt.safetensors")
    save_file(tensors | {"comb_block.2.bias": torch.zeros(4)}, tmp_path / "amt.safetensors")
    with pytest.raises(BadWeights, match=r"comb_block.2.bias is \[4\], not \[3\]"):
        Amt.load(tmp_path / "amt.safetensors")
