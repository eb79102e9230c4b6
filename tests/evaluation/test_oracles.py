"""PSNR, SSIM, MS-SSIM and mean colours are those of scikit-image and torchmetrics, to 1e-5, with one set of parameters.

LPIPS is held to torchmetrics' in tests/models/seeing/test_seeing.py.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn.functional import avg_pool2d
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)
from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr

from refrain.evaluation.scorers import pixels, ssim, steadiness
from refrain.evaluation.scorers.scorer import Material, score

CLOSE = 1e-5
TWO_SIZES = ((16, 23), (11, 40))  # rows and columns; 11 is the least that SSIM takes

Made = Callable[[tuple[int, int]], tuple[np.ndarray, np.ndarray]]  # a size -> answer, true answer, uint8 [T, Y, X, 3]


def waves(rows: int, columns: int, seed: int) -> np.ndarray:
    """Smooth colours that fill the range, uint8 [2, rows, columns, 3]."""
    rng = np.random.default_rng(seed)
    t, y, x, _ = np.mgrid[:2, :rows, :columns, :3].astype(float)
    a, b, c = rng.uniform(-0.4, 0.4, (3, 3))
    return (127.5 + 127.5 * np.sin(a * x + b * y + 5 * c + t)).round().astype(np.uint8)


def noise(rows: int, columns: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (2, rows, columns, 3), np.uint8)


def near(clip: np.ndarray, sd: float) -> np.ndarray:
    return (clip + np.random.default_rng(7).normal(0, sd, clip.shape)).round().clip(0, 255).astype(np.uint8)


def grey(clip: np.ndarray) -> np.ndarray:
    return np.repeat(clip[..., :1], 3, -1)


CONTENTS: dict[str, Made] = {
    "noise under noise": lambda size: (near(noise(*size, 1), 20), noise(*size, 1)),
    "colours under noise": lambda size: (near(waves(*size, 2), 5), waves(*size, 2)),
    "grey under noise": lambda size: (grey(near(waves(*size, 3), 30)), grey(waves(*size, 3))),
    "red and blue swapped": lambda size: (waves(*size, 4)[..., ::-1], waves(*size, 4)),
    "the negative": lambda size: (255 - waves(*size, 5), waves(*size, 5)),
    "another clip": lambda size: (noise(*size, 6), waves(*size, 6)),
    "black and a grey level": lambda size: (np.zeros((2, *size, 3), np.uint8), np.ones((2, *size, 3), np.uint8)),
}
every_content = pytest.mark.parametrize("made", CONTENTS.values(), ids=CONTENTS.keys())


def planes(clip: np.ndarray) -> torch.Tensor:
    """As torchmetrics takes a clip: float64 [T, 3, Y, X]."""
    return torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2).double()


def ssim_map(one: np.ndarray, other: np.ndarray) -> tuple[float, np.ndarray]:
    """scikit-image's SSIM of frames [Y, X, C], and that of the window around every pixel [Y, X, C]."""
    mean, windows = structural_similarity(
        one, other, gaussian_weights=True, sigma=1.5, truncate=3.5, K1=0.01, K2=0.03, use_sample_covariance=False,
        data_range=255, channel_axis=-1, full=True,
    )  # fmt: skip
    return float(mean), windows


@every_content
@pytest.mark.parametrize("size", [(4, 5), *TWO_SIZES])
def test_psnr_is_that_of_both(made: Made, size: tuple[int, int]) -> None:
    one, other = made(size)
    found = score(pixels.TARGET, Material(other, one, other)).value
    assert found == pytest.approx(peak_signal_noise_ratio(other, one, data_range=255), abs=CLOSE)
    assert found == pytest.approx(float(torchmetrics_psnr(planes(one), planes(other), data_range=255.0)), abs=CLOSE)


@every_content
@pytest.mark.parametrize("size", TWO_SIZES)
def test_ssim_is_that_of_scikit_image_and_its_windows_are_torchmetrics(made: Made, size: tuple[int, int]) -> None:
    one, other = made(size)
    found = score(ssim.TARGET, Material(other, one, other)).value
    assert found == pytest.approx(np.mean([ssim_map(a, b)[0] for a, b in zip(one, other)]), abs=CLOSE)
    _, windows = structural_similarity_index_measure(
        planes(one), planes(other), gaussian_kernel=True, sigma=1.5, data_range=255.0, k1=0.01, k2=0.03,
        return_full_image=True,
    )  # fmt: skip
    ours = np.stack([ssim.maps(a, b)[0] for a, b in zip(one, other)])  # torchmetrics' lie over mirrored borders too
    assert ours == pytest.approx(windows[..., 5:-5, 5:-5].permute(0, 2, 3, 1).numpy(), abs=CLOSE)


def test_grey_is_measured_as_one_channel_is() -> None:
    one, other = CONTENTS["grey under noise"]((24, 20))
    assert ssim.ssim(one, other) == pytest.approx(
        np.mean([ssim_map(a[..., :1], b[..., :1])[0] for a, b in zip(one, other)]), abs=CLOSE
    )
    assert pixels.psnr(*pixels.error(one, other)) == pytest.approx(
        peak_signal_noise_ratio(other[..., 0], one[..., 0], data_range=255), abs=CLOSE
    )


def test_outside_an_edit_they_are_those_of_the_pixels_and_windows_there() -> None:
    source, answer = noise(30, 33, 8), near(noise(30, 33, 8), 25)
    matte = np.zeros((2, 30, 33), np.float32)
    matte[0, 4:9, 6:20], matte[1, 20:, :] = 1, 0.2
    m, kept = Material(source, answer, matte=matte), matte == 0
    assert score(pixels.BACKGROUND, m).value == pytest.approx(
        peak_signal_noise_ratio(source[kept], answer[kept], data_range=255), abs=CLOSE
    )
    inside = [(n, y, x) for n in range(2) for y in range(5, 25) for x in range(5, 28)
              if kept[n, y - 5 : y + 6, x - 5 : x + 6].all()]  # fmt: skip
    windows = [ssim_map(a, b)[1] for a, b in zip(source, answer)]
    assert 100 < len(inside) < 800, "some windows touch the edit, some do not"
    assert score(ssim.BACKGROUND, m).value == pytest.approx(
        np.mean([windows[n][y, x] for n, y, x in inside]), abs=CLOSE
    )


@pytest.mark.parametrize(
    ("name", "size"),
    [("colours under noise", (176, 176)), ("noise under noise", (177, 191)), ("grey under noise", (209, 178)),
     ("the negative", (176, 180)), ("red and blue swapped", (180, 177))],
)  # fmt: skip
def test_ms_ssim_is_that_of_torchmetrics_but_for_the_borders_of_its_coarsest_scale(
    name: str, size: tuple[int, int]
) -> None:
    one, other = (clip[:1] for clip in CONTENTS[name](size))
    a, b, said = planes(one), planes(other), {"sigma": 1.5, "data_range": 255.0, "k1": 0.01, "k2": 0.03}
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    wanted = float(multiscale_structural_similarity_index_measure(a, b, **said, betas=weights, normalize="relu"))
    for _ in weights[1:]:
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    mirrored, windows = structural_similarity_index_measure(a, b, **said, return_full_image=True)
    whole = windows[..., 5:-5, 5:-5].mean()  # we count whole windows only, as the paper does; they mirror the borders
    if min(whole, mirrored) > 0:
        wanted *= float(whole / mirrored) ** weights[-1]
    found = score(ssim.MULTI, Material(other, one, other)).value
    assert found == pytest.approx(wanted, abs=CLOSE)
    assert (found > 0) == (name != "the negative"), "structure turned round counts as none, in both"


def test_mean_colours_are_those_of_scikit_image_as_far_as_opencv_tells_lab() -> None:
    clip = noise(20, 30, 9)
    wanted = [rgb2lab(frame, illuminant="D65", observer="2").mean((0, 1)) for frame in clip]
    assert steadiness.colours(clip) == pytest.approx(np.stack(wanted), abs=0.1)  # OpenCV reads tables


def test_they_tell_equal_clips_from_others() -> None:
    clip = noise(176, 176, 10)[:1]
    m, worse = Material(clip, clip, clip), [Material(clip, near(clip, sd), clip) for sd in (2, 8, 32)]
    for one, best in ((pixels.TARGET, pixels.CAP), (ssim.TARGET, 1.0), (ssim.MULTI, 1.0)):
        found = [score(one, x).value for x in (m, *worse)]
        assert found[0] == pytest.approx(best) and all(a > b for a, b in pairwise(found))
