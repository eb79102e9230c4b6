"""Written losslessly and read again, a clip is the same clip: planes, times, tags, sound."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from media.make import NTSC, Made, noise, packets, video
from refrain import BadInput, Clip
from refrain.media import PixelFormat, Tags

UNEVEN = tuple(Fraction(n, 1000) for n in (0, 33, 100, 101, 350))


def clip(form: PixelFormat, size: tuple[int, int], times: tuple[Fraction, ...], end: Fraction) -> Clip:
    return Clip(noise(form, len(times), size), form, times, end - times[0])


def even(count: int, rate: Fraction = NTSC) -> tuple[Fraction, ...]:
    return tuple(n / rate for n in range(count))


def equal(a: Clip, b: Clip) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))


@pytest.mark.parametrize(
    ("name", "size", "ending"),
    [
        ("yuv420p", (48, 64), "mp4"),
        ("yuv422p", (48, 64), "mp4"),
        ("yuv444p", (48, 64), "mp4"),
        ("yuv444p", (47, 63), "mp4"),
        ("yuv420p10le", (48, 64), "mp4"),
        ("yuv422p10le", (48, 64), "mov"),
        ("yuv444p10le", (48, 64), "mp4"),
        ("gbrp", (48, 64), "mp4"),
        ("yuv420p", (47, 63), "mkv"),
        ("yuv422p", (48, 63), "mkv"),
        ("yuv422p12le", (48, 64), "mkv"),
        ("gbrp16le", (33, 20), "mkv"),
    ],
)
def test_every_pixel_format_comes_back_bit_equal(tmp_path: Path, name: str, size: tuple[int, int], ending: str) -> None:
    form = PixelFormat.named(name, "bt601", tags=Tags(matrix=0 if name.startswith("gbr") else 6))
    source = clip(form, size, even(3, Fraction(25)), Fraction(3, 25))
    source.write(tmp_path / f"a.{ending}", lossless=True)
    again = Clip.read(tmp_path / f"a.{ending}")
    assert equal(source, again)
    assert again.format == form
    assert (again.times, again.duration) == (source.times, source.duration)


@pytest.mark.parametrize("full", [False, True])
def test_colour_tags_are_kept(tmp_path: Path, full: bool) -> None:
    form = PixelFormat.named("yuv420p10le", "bt2020", full, Tags(matrix=9, primaries=9, transfer=14))
    source = replace(clip(form, (48, 64), even(2), 2 / NTSC), pixel_aspect=Fraction(4, 3))
    source.write(tmp_path / "a.mp4", lossless=True)
    again = Clip.read(tmp_path / "a.mp4")
    assert again.format == form
    assert again.pixel_aspect == Fraction(4, 3)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize(
    ("times", "end"),
    [
        (even(7), 7 / NTSC),
        (even(7, Fraction(24)), Fraction(7, 24)),
        (UNEVEN, Fraction(7, 10)),
        (tuple(t + Fraction(1, 8) for t in UNEVEN), Fraction(9, 10)),
        (even(3, Fraction(10)), Fraction(9, 10)),
    ],
    ids=["ntsc", "film", "uneven", "late", "long last frame"],
)
def test_times_are_kept_exactly(tmp_path: Path, times: tuple[Fraction, ...], end: Fraction, lossless: bool) -> None:
    source = clip(PixelFormat.named("yuv420p"), (48, 64), times, end)
    assert source.write(tmp_path / "a.mp4", lossless=lossless) == ()
    again = Clip.read(tmp_path / "a.mp4")
    assert again.times == times
    assert again.duration == end - times[0]


def test_an_even_rate_survives_the_coarse_clock_of_matroska(tmp_path: Path) -> None:
    source = clip(PixelFormat.named("yuv420p"), (48, 64), even(50), 50 / NTSC)
    assert source.write(tmp_path / "a.mkv", lossless=True) == ()
    again = Clip.read(tmp_path / "a.mkv")
    assert equal(source, again)
    assert (again.times, again.duration) == (source.times, source.duration)


def test_matroska_says_that_it_rounds_uneven_times(tmp_path: Path) -> None:
    times = (Fraction(0), Fraction(1, 30), Fraction(1, 7))
    (note,) = clip(PixelFormat.named("yuv420p"), (48, 64), times, Fraction(1, 5)).write(tmp_path / "a.mkv")
    assert "millisecond" in note
    again = Clip.read(tmp_path / "a.mkv")
    assert all(abs(a - b) < Fraction(1, 1000) for a, b in zip(again.times, times))


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_sound_is_copied_packet_by_packet(tmp_path: Path, ending: str) -> None:
    video(tmp_path / "a.mp4", Made(ticks=tuple(range(31)), sound="aac"))
    source = Clip.read(tmp_path / "a.mp4")
    source.write(tmp_path / f"b.{ending}")
    old, new = packets(tmp_path / "a.mp4"), packets(tmp_path / f"b.{ending}")
    assert len(old) > 8
    assert new == (old[1:] if ending == "mkv" else old)  # mkv has no time before 0, where the codec's lead-in lies
    again = Clip.read(tmp_path / f"b.{ending}")
    assert len(again) == len(source)
    assert again.sound is not None


def test_sound_of_a_part_is_that_of_its_time(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", Made(ticks=tuple(range(61)), sound="aac"))
    source = Clip.read(tmp_path / "a.mp4")
    part = source.between(20, 50)
    part.write(tmp_path / "b.mp4")
    old, new = packets(tmp_path / "a.mp4"), packets(tmp_path / "b.mp4")
    first = old.index(new[0])
    assert new == old[first : first + len(new)]
    assert abs(len(new) * 1024 / 16000 - part.duration) < Fraction(2 * 1024, 16000)
    again = Clip.read(tmp_path / "b.mp4")
    assert again.times == part.times
    assert again.times[0] == 0


def test_sound_that_a_container_cannot_carry_is_refused_before_work(tmp_path: Path) -> None:
    video(tmp_path / "a.mkv", Made(sound="pcm_s16le", ticks=tuple(range(31)), base=Fraction(1, 25)))
    source = Clip.read(tmp_path / "a.mkv")
    assert source.sound is not None
    odd = replace(source, sound=replace(source.sound, codecs=("no_such_codec",)))
    with pytest.raises(BadInput, match=r"cannot carry the sound.*mkv"):
        odd.write(tmp_path / "b.mp4")


def test_an_odd_size_is_kept_and_said(tmp_path: Path) -> None:
    source = clip(PixelFormat.named("yuv420p"), (47, 63), even(3), 3 / NTSC)
    (note,) = source.write(tmp_path / "a.mp4")
    assert "4:4:4" in note
    assert Clip.read(tmp_path / "a.mp4").size == (47, 63)
    with pytest.raises(BadInput, match=r"\.mkv"):
        source.write(tmp_path / "b.mp4", lossless=True)
    assert not (tmp_path / "b.mp4").exists()
