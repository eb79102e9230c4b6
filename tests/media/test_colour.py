"""Planes to RGB and back: exact where it can be, and the same colours as swscale, which players use."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from media.make import noise
from refrain import Clip
from refrain.media import PixelFormat
from refrain.media.colour import convert, from_bytes, from_rgb, rgb_at, to_rgb
from refrain.media.encode import frame_of
from refrain.media.fit import resized
from refrain.media.format import Matrix

NAMES = ["yuv420p", "yuv422p", "yuv440p", "yuv444p", "yuv420p10le", "yuv422p12le", "yuv444p16le", "gbrp", "gbrp10le"]
SITINGS = [(0.5, 0.0), (0.5, 0.5), (0.0, 0.0), (0.0, 0.5), (1.0, 0.5), (0.5, 1.0)]


@given(
    st.sampled_from(NAMES), st.sampled_from(["bt601", "bt709", "bt2020"]), st.booleans(), st.sampled_from(SITINGS),
    st.integers(1, 9), st.integers(1, 9),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_planes_come_back_from_rgb(
    name: str, matrix: Matrix, full: bool, siting: tuple[float, float], rows: int, columns: int
) -> None:
    named = PixelFormat.named(name, matrix, full)
    form = PixelFormat(named.name, named.depth, named.chroma, named.matrix, named.full, siting)
    planes = noise(form, 2, (2 * rows, 2 * columns))
    again = from_rgb(to_rgb(planes, form, clamp=False), form)
    assert all(np.abs(a.astype(int) - b).max() <= (1 if form.depth < 16 else 2) for a, b in zip(again, planes))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("full", [False, True])
def test_black_and_white_are_minus_one_and_one(name: str, full: bool) -> None:
    form = PixelFormat.named(name, "bt709", full)
    for value in (-1.0, 1.0):
        planes = from_rgb(torch.full((1, 3, 4, 4), value), form)
        assert float((to_rgb(planes, form) - value).abs().max()) < 1e-5
    if name == "yuv420p":
        assert int(planes[0].max()) == (255 if full else 235)
        assert set(planes[1].ravel()) == {128}


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full", [False, True])
def test_flat_colours_are_those_of_swscale(matrix: Matrix, full: bool) -> None:
    form = PixelFormat.named("yuv444p", matrix, full)
    rgb = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(0)) * 2 - 1
    planes = from_rgb(rgb, form)
    theirs = swscale(tuple(plane[0] for plane in planes), form)
    ours = (to_rgb(planes, form)[0].permute(1, 2, 0).numpy() + 1) * 127.5
    assert np.abs(ours - theirs).mean() < 0.6


@pytest.mark.slow
def test_real_clips_look_as_in_swscale(material: Path) -> None:
    for path in sorted((material / "clips").glob("*.mp4")):
        clip = Clip.read(path, 0, 0.2)
        ours = (clip.rgb(0, 1)[0].permute(1, 2, 0).numpy() + 1) * 127.5
        theirs = swscale(tuple(plane[0] for plane in clip.planes), clip.format)
        assert np.abs(ours - theirs).mean() < 1.0, path.name


def swscale(planes: tuple[np.ndarray, ...], form: PixelFormat) -> np.ndarray:
    """8-bit RGB [Y, X, 3] as FFmpeg makes it with care, linear chroma and left siting."""
    frame = frame_of(planes, form)
    code = {"bt601": 5, "bt709": 1, "bt2020": 9}[form.matrix]
    flag = av.video.reformatter.Interpolation
    flags = flag.BILINEAR | flag.ACCURATE_RND | flag.FULL_CHR_H_INT | flag.FULL_CHR_H_INP  # its quick ways are off by 1
    return frame.reformat(
        format="rgb24",
        src_colorspace=code,
        src_color_range=2 if form.full else 1,
        dst_color_range=2,
        interpolation=flags,
    ).to_ndarray()


def test_a_change_of_depth_is_a_change_of_depth_only() -> None:
    low, high = PixelFormat.named("yuv420p"), PixelFormat.named("yuv420p10le")
    planes = noise(low, 2, (8, 10))
    wide = convert(planes, low, high)
    assert all(np.array_equal(a.astype(int) * 4, b) for a, b in zip(planes, wide))
    assert all(np.array_equal(a, b) for a, b in zip(planes, convert(wide, high, low)))


def test_chroma_enlarged_and_reduced_again_is_itself() -> None:
    small, large = PixelFormat.named("yuv420p10le"), PixelFormat.named("yuv444p10le")
    planes = noise(small, 1, (12, 14))
    calm = tuple((plane // 2 + 256).astype("uint16") for plane in planes)
    again = convert(convert(calm, small, large), large, small)
    assert all(np.abs(a.astype(int) - b).max() <= 2 for a, b in zip(again, calm))


def test_a_grey_ramp_stays_where_it_is() -> None:
    """Enlarging neither shifts nor bends a slope of chroma, whichever way it is sited."""
    for siting in SITINGS:
        form = PixelFormat("yuv420p16le", 16, (2, 2), "bt709", True, siting)
        across = torch.arange(16, dtype=torch.float64)
        chroma = 20000 + 400 * (2 * torch.arange(8) + siting[1])
        planes = (
            np.full((1, 16, 16), 30000, np.uint16),
            chroma.numpy().astype(np.uint16)[None, None].repeat(8, 1),
            np.full((1, 8, 8), 32768, np.uint16),
        )
        blue = to_rgb(planes, form, clamp=False)[0, 2, 8]
        slope = (20000 + 400 * across - 32768) / 65535 * 4 * (1 - 0.0722) + 30000 / 65535 * 2 - 1
        assert float((blue[2:-2] - slope[2:-2]).abs().max()) < 1e-3


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p", "gbrp"])
@pytest.mark.parametrize("size", [(7, 10), (15, 40), (40, 41), (31, 33)])
def test_resizing_before_rgb_is_resizing_after_it(name: str, size: tuple[int, int]) -> None:
    form = PixelFormat.named(name)
    planes = tuple(plane // 4 + 3 * 2 ** (form.depth - 3) for plane in noise(form, 2, (31, 33)))  # calm: within RGB
    late = resized(to_rgb(planes, form, clamp=False), size).clamp(-1, 1)
    assert torch.allclose(rgb_at(planes, form, size), late, atol=1e-5)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p"])
@pytest.mark.parametrize("siting", [(0.5, 0.0), (0.5, 0.5), (0.0, 1.0)])
@pytest.mark.parametrize("size", [(32, 48), (7, 5), (1, 1)])
def test_bytes_become_the_planes_of_their_colours(
    name: str, siting: tuple[float, float], size: tuple[int, int]
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    rgb = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    for matrix, full in (("bt709", False), ("bt601", True)):
        form = replace(PixelFormat.named(name, matrix, full), siting=siting)
        for fast, exact in zip(from_bytes(frames, form), from_rgb(rgb, form), strict=True):
            assert np.abs(fast.astype(int) - exact).max() <= 1 and (fast != exact).mean() < 0.05
