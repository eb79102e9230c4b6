"""The source plus the change: nothing changed is nothing written, and light and colour keep the source's own detail."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from refrain.editing.preserve import covered, enlarge, preserve
from refrain.media import Clip, PixelFormat
from refrain.media.colour import to_rgb
from refrain.media.fit import resized

FORMATS = ["yuv420p", "yuv422p10le", "yuv444p", "gbrp"]
SMALL = (48, 64)


def texture(frames: int = 3, y: int = 192, x: int = 256) -> Tensor:
    """Frames [T, 3, y, x] with detail that the model's size cannot hold."""
    rng = np.random.default_rng(0)
    sizes = ((5, 0.5), (24, 0.3), (80, 0.2))
    picture = sum(
        w * cv2.resize(rng.random((n, n, 3)).astype(np.float32), (x, y), interpolation=cv2.INTER_CUBIC)
        for n, w in sizes
    )
    return torch.from_numpy(np.stack([np.roll(picture, n, 1) for n in range(frames)])).permute(0, 3, 1, 2) * 1.6 - 0.8


def clip_of(name: str = "yuv444p", frames: int = 3, y: int = 192, x: int = 256) -> Clip:
    return Clip.of(texture(frames, y, x), 12, PixelFormat.named(name))


def decibels(a: Tensor, b: Tensor) -> float:
    return float(10 * torch.log10(4 / (a - b).square().mean()))


EDITS = {
    "grey": lambda x: (x * torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]).sum(1, keepdim=True).expand_as(x),
    "tint": lambda x: (x + 1) * torch.tensor([1.0, 0.75, 0.45])[:, None, None] - 1,
    "night": lambda x: ((x + 1) / 2) ** 1.3 * torch.tensor([0.5, 0.6, 1.0])[:, None, None] - 1,
    "fog": lambda x: x + (0.6 - x) * torch.linspace(0.7, 0.3, x.shape[-2])[:, None],
}


@pytest.mark.parametrize("name", FORMATS)
def test_no_change_is_the_source_itself(name: str) -> None:
    source = clip_of(name)
    before = source.at(SMALL)
    done = preserve(source, before, before.clone())
    assert not done.matte.any()
    assert all(np.array_equal(a, b) for a, b in zip(done.clip.planes, source.planes))


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", ["yuv444p", "yuv420p", "gbrp"])
def test_light_and_colour_keep_the_detail_of_the_source(edit: str, name: str) -> None:
    source = clip_of(name)
    wanted = EDITS[edit](source.frames)
    before, after = source.at(SMALL), resized(wanted, SMALL)
    done = preserve(source, before, after)
    reached, pasted = decibels(done.clip.frames, wanted), decibels(enlarge(source, after).clip.frames, wanted)
    assert reached > 40 or (edit == "fog" and reached > 37)
    assert reached > pasted + 6


@pytest.mark.parametrize("name", FORMATS)
def test_outside_a_local_edit_planes_and_colours_are_bit_equal(name: str) -> None:
    source = clip_of(name)
    before = source.at(SMALL)
    after = before.clone()
    after[:, :, 12:30, 16:40] = after[:, :, 12:30, 16:40] * 0.3 + 0.5
    done = preserve(source, before, after)
    weight = np.stack([cv2.resize(m[0].numpy(), source.size[::-1], interpolation=cv2.INTER_LINEAR) for m in done.matte])
    still = torch.from_numpy(weight == 0)
    assert 0.3 < still.float().mean() < 0.9
    assert np.array_equal(done.clip.planes[0][still.numpy()], source.planes[0][still.numpy()])
    assert torch.equal(done.clip.frames.movedim(1, -1)[still], source.frames.movedim(1, -1)[still])
    assert any((a != b).any() for a, b in zip(done.clip.planes, source.planes))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("siting", [(0.5, 0.0), (0.5, 0.5), (0.0, 0.0)])
def test_the_bound_is_hard(name: str, siting: tuple[float, float]) -> None:
    source = clip_of(name)
    source = replace(source, format=replace(source.format, siting=siting))
    before, bound = source.at(SMALL), torch.zeros(1, 1, *source.size)
    bound[..., 31:90, 51:111] = 1
    done = preserve(source, before, -before, bound)
    outside = bound[0, 0] == 0
    assert torch.equal(done.clip.frames[..., outside], source.frames[..., outside])
    assert not torch.equal(done.clip.frames[..., ~outside], source.frames[..., ~outside])
    assert not done.matte[resized(bound, SMALL).expand(3, -1, -1, -1) == 0].any()


def test_a_wider_bound_never_takes_away() -> None:
    source = clip_of()
    before = source.at(SMALL)
    narrow, wide = torch.zeros(1, 1, *source.size), torch.zeros(1, 1, *source.size)
    narrow[..., 40:80, 50:110], wide[..., 20:120, 30:150] = 0.5, 1
    few, many = (preserve(source, before, -before, bound) for bound in (narrow, wide))
    assert (few.matte <= many.matte).all()
    assert not ((few.clip.frames != source.frames) & (many.clip.frames == source.frames)).any()


def test_new_things_replace_and_stay_apart_from_the_map() -> None:
    source = clip_of()
    before = source.at(SMALL)
    after = before.clone()
    after[:, :, 20:24, 30:34] = 1.0
    done = preserve(source, before, after)
    assert done.clip.frames[:, :, 84:92, 124:132].mean() > 0.85
    around = done.clip.frames[:, :, 84:92, 148:160] - source.frames[:, :, 84:92, 148:160]
    assert around.abs().mean() < 0.02


def test_nothing_rings_around_a_new_thing() -> None:
    source = Clip.of(torch.zeros(3, 3, 192, 256), 12, PixelFormat.named("yuv444p"))
    before = source.at(SMALL)
    after = before.clone()
    after[:, :, 20:23, 30:33] = 0.9
    frames = preserve(source, before, after).clip.frames
    assert frames.min() > source.frames.min() - 0.02
    assert frames.max() < 0.95


def test_odd_sizes_and_whiter_than_white_pass() -> None:
    source = clip_of("yuv420p", 2, 135, 181)
    source.planes[0][:, :20] = 250  # beyond 235, as cameras write
    before = source.at((36, 48))
    after = before.clone()
    after[:, :, 10:, :20] -= 0.4
    done = preserve(source, before, after)
    assert np.array_equal(done.clip.planes[0][:, :16], source.planes[0][:, :16])
    assert done.clip.size == source.size


def test_chroma_changes_only_where_all_it_colours_may() -> None:
    plain = PixelFormat.named("yuv420p")
    rng = np.random.default_rng(0)
    for siting in ((0.5, 0.0), (0.5, 0.5), (0.0, 0.0), (0.0, 1.0)):
        form = replace(plain, siting=siting)
        for y, x in ((16, 18), (15, 17)):
            may = (rng.random((y, x)) < 0.9).astype(np.float32)
            free = covered(may, (2, 2)) > 0
            luma, chroma = np.full((1, y, x), 90, np.uint8), np.full((1, *free.shape), 128, np.uint8)
            other = np.where(free, 200, 128).astype(np.uint8)[None]
            moved = (to_rgb((luma, chroma, chroma), form) != to_rgb((luma, other, other), form)).any(1)[0]
            assert not moved[torch.from_numpy(may == 0)].any()


def test_a_long_clip_is_mapped_in_blocks_without_seams() -> None:
    source = clip_of(frames=19, y=96, x=128)
    before = source.at((48, 64))
    after = EDITS["fog"](before)
    whole = preserve(source, before, after).clip.frames
    part = preserve(source.between(4, 19), before[4:], after[4:]).clip.frames
    assert (whole[6:] - part[2:]).abs().max() < 0.05


def test_the_raw_answer_has_the_size_of_the_source() -> None:
    source = clip_of("yuv420p")
    done = enlarge(source, torch.full((3, 3, *SMALL), 0.25))
    assert done.clip.size == source.size and done.clip.format == source.format
    assert (done.clip.frames - 0.25).abs().max() < 0.02 and (done.matte == 1).all()


def test_lengths_and_bounds_must_fit() -> None:
    source = clip_of()
    before = source.at(SMALL)
    with pytest.raises(ValueError, match="cannot be put back"):
        preserve(source, before[:2], before[:2])
    with pytest.raises(ValueError, match="does not fit"):
        preserve(source, before, before, torch.ones(1, 1, 10, 10))


@pytest.mark.parametrize("edit", EDITS)
def test_a_real_clip_keeps_its_detail(edit: str, material: Path) -> None:
    source = Clip.read(material / "clips" / "tokenflow_wolf.mp4", stop=0.14)
    wanted = EDITS[edit](source.frames)
    before, after = source.at((256, 256)), resized(wanted, (256, 256))
    assert decibels(preserve(source, before, after).clip.frames, wanted) > 40
