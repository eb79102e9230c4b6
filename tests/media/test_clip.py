"""The record itself: parts, splices, and planes too large for memory."""

import gc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from media.make import noise
from refrain import BadInput, Clip
from refrain.media import PixelFormat, scratch


def clip(frames: int = 7, size: tuple[int, int] = (6, 8)) -> Clip:
    form = PixelFormat.named("yuv420p")
    return Clip(noise(form, frames, size), form, tuple(Fraction(n, 25) for n in range(frames)), Fraction(frames, 25))


def test_a_part_put_back_is_the_whole() -> None:
    whole = clip()
    for first, last in ((0, 7), (0, 3), (2, 5), (6, 7)):
        again = whole.spliced(first, whole.between(first, last))
        assert (again.times, again.duration) == (whole.times, whole.duration)
        assert all(np.array_equal(a, b) for a, b in zip(again.planes, whole.planes))


def test_parts_last_as_long_as_the_whole() -> None:
    whole = clip()
    parts = [whole.between(0, 2), whole.between(2, 6), whole.between(6, 7)]
    assert sum(part.duration for part in parts) == whole.duration
    assert [part.times[0] for part in parts] == [0, 0, 0]


def test_only_the_part_is_replaced() -> None:
    whole = clip()
    black = whole.between(2, 4).with_planes([np.zeros_like(plane[2:4]) for plane in whole.planes])
    mixed = whole.spliced(2, black)
    assert not mixed.planes[0][2:4].any()
    assert all(np.array_equal(a[[0, 1, 4, 5, 6]], b[[0, 1, 4, 5, 6]]) for a, b in zip(mixed.planes, whole.planes))


@pytest.mark.parametrize("size", [(6, 8), (7, 9), (1, 1)])
def test_frames_in_are_frames_out(size: tuple[int, int]) -> None:
    grey = torch.linspace(-1, 1, 3)[:, None, None, None].expand(3, 3, *size)
    made = Clip.of(grey, 25)
    assert (len(made), made.size, made.fps) == (3, size, 25)
    assert float((made.frames - grey).abs().max()) <= 1 / 219 + 1e-6
    assert torch.equal(made.rgb(1, 3), made.frames[1:3])


def test_what_is_no_clip_is_refused() -> None:
    whole = clip()
    for wrong in (
        lambda: whole.between(3, 3),
        lambda: whole.between(0, 8),
        lambda: whole.with_planes([plane[:, :-1] for plane in whole.planes]),
        lambda: whole.spliced(6, whole.between(0, 2)),
        lambda: Clip.of(torch.zeros(3, 8, 8), 25),
        lambda: Clip.of(torch.zeros(1, 3, 8, 8), 0),
    ):
        with pytest.raises(BadInput):
            wrong()


@pytest.mark.slow
def test_large_arrays_lie_in_a_file_that_goes_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SMALL", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    large = scratch.empty((4, 50, 10), "uint16")
    large[:] = 7
    part = large[2]
    assert not large.flags.owndata
    del large
    gc.collect()
    assert (part == 7).all()
    del part
    gc.collect()
    assert not list(tmp_path.iterdir())
