"""Outside the matte, a file written without loss decodes to the very planes of the source."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from refrain.editing.preserve import preserve
from refrain.media import Clip, PixelFormat


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p"])
@pytest.mark.parametrize("bounded", [False, True])
def test_read_back_from_a_lossless_file(name: str, bounded: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    fine = torch.from_numpy(rng.random((6, 3, 96, 128)).astype(np.float32)) * 1.6 - 0.8
    Clip.of(fine, 12, PixelFormat.named(name)).write(tmp_path / "source.mp4", lossless=True)
    source = Clip.read(tmp_path / "source.mp4")
    assert source.format.name == name

    before = source.at((48, 64))
    after = before.clone()
    after[:, :, 14:30, 20:44] = after[:, :, 14:30, 20:44] * 0.4 + 0.4
    bound = None
    if bounded:
        bound = torch.zeros(1, 1, *source.size)
        bound[..., 33:51, 45:77] = 1
    done = preserve(source, before, after, bound)
    done.clip.write(tmp_path / "answer.mp4", lossless=True)
    read = Clip.read(tmp_path / "answer.mp4")

    assert read.format == source.format
    mattes = [cv2.resize(m[0].numpy(), source.size[::-1], interpolation=cv2.INTER_LINEAR) for m in done.matte]
    still = np.stack(mattes) == 0
    if bound is not None:
        still |= bound[:, 0].numpy() == 0
    assert 0.2 < still.mean() < 1
    assert np.array_equal(read.planes[0][still], source.planes[0][still])
    chroma = untouched(still, source.format.chroma)
    for k in (1, 2):
        assert np.array_equal(read.planes[k][chroma], source.planes[k][chroma])
    picture, original = read.frames.movedim(1, -1).numpy(), source.frames.movedim(1, -1).numpy()
    assert np.array_equal(picture[still], original[still])
    assert (read.planes[0] != source.planes[0]).any() and (read.planes[1] != source.planes[1]).any()


def untouched(still: np.ndarray, chroma: tuple[int, int]) -> np.ndarray:
    """Chroma samples of which at least one luma pixel that they cover is untouched."""
    count, rows, columns = still.shape
    fy, fx = chroma
    return still.reshape(count, rows // fy, fy, columns // fx, fx).any((2, 4))
