"""What is read is what is in the file: planes bit for bit, times as they are, upright, from the moment asked for."""

import csv
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.make import NTSC, Made, picture, video
from refrain import Clip
from refrain.media import PixelFormat
from refrain.media.frame import Upright
from refrain.media.times import moment, repaired, snapped


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le"])
def test_planes_are_the_files_own(tmp_path: Path, name: str) -> None:
    planes = video(tmp_path / "a.mp4", Made(name))
    clip = Clip.read(tmp_path / "a.mp4")
    assert clip.format == PixelFormat.named(name, "bt709", tags=clip.format.tags)
    assert all(np.array_equal(a, b) for a, b in zip(clip.planes, planes))
    assert (clip.fps, clip.size, clip.still, clip.notes) == (NTSC, (48, 64), False, ())
    assert clip.times == tuple(n / NTSC for n in range(8))


def test_uneven_times_and_a_late_start(tmp_path: Path) -> None:
    ticks = (100, 133, 200, 201, 450, 800)
    video(tmp_path / "a.mp4", Made(base=Fraction(1, 1000), ticks=ticks))
    clip = Clip.read(tmp_path / "a.mp4")
    assert clip.times == tuple(Fraction(t, 1000) for t in ticks[:-1])


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3)])
@pytest.mark.parametrize("name", ["yuv420p", "yuv444p"])
def test_a_turned_clip_is_read_upright(tmp_path: Path, degrees: int, turns: int, name: str) -> None:
    planes = video(tmp_path / "a.mp4", Made(name, turned=degrees))
    clip = Clip.read(tmp_path / "a.mp4")
    assert clip.size == ((64, 48) if turns % 2 else (48, 64))
    for mine, stored in zip(clip.planes, planes):
        assert np.array_equal(mine, np.rot90(stored, turns, axes=(1, 2)))
    clip.write(tmp_path / "b.mp4", lossless=True)
    again = Clip.read(tmp_path / "b.mp4")
    assert all(np.array_equal(a, b) for a, b in zip(clip.planes, again.planes))


def test_a_turned_clip_of_422_keeps_its_luma_and_says_what_became_of_chroma(tmp_path: Path) -> None:
    planes = video(tmp_path / "a.mp4", Made("yuv422p", turned=90))
    clip = Clip.read(tmp_path / "a.mp4")
    assert clip.format.name == "yuv444p"
    assert any("4:4:4" in note for note in clip.notes)
    assert np.array_equal(clip.planes[0], np.rot90(planes[0], 1, axes=(1, 2)))


def test_chroma_stays_on_its_pixels_when_a_frame_is_turned() -> None:
    turn = Upright(transposed=True, mirrored=True)  # a quarter to the right: what was left is at the top
    assert turn.moved((0.5, 0.0), (2, 2)) == (0.0, 0.5)
    assert Upright(transposed=True, flipped=True).moved((0.5, 0.0), (2, 2)) == (1.0, 0.5)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "bmp", "tiff"])
def test_pictures(tmp_path: Path, kind: str) -> None:
    encoder, name = {
        "png": ("png", "rgb24"), "jpg": ("mjpeg", "yuvj420p"), "webp": ("libwebp", "yuv420p"), "bmp": ("bmp", "bgr24"),
        "tiff": ("tiff", "rgb24"),
    }[kind]  # fmt: skip
    draw = np.random.default_rng(0)
    shape = (30, 40, 3) if name in {"rgb24", "bgr24"} else (45, 40)
    colours = draw.integers(0, 256, shape, np.uint8)
    picture(tmp_path / f"a.{kind}", encoder, name, colours)
    clip = Clip.read(tmp_path / f"a.{kind}")
    assert (len(clip), clip.size, clip.still) == (1, (30, 40), True)
    if len(shape) == 3:
        rgb = colours if name == "rgb24" else colours[..., ::-1]
        assert all(np.array_equal(plane[0], rgb[..., c]) for plane, c in zip(clip.planes, (1, 2, 0)))


@pytest.mark.parametrize(("name", "depth"), [("gray", 8), ("gray16be", 16)])
def test_grey_pictures_have_neutral_chroma(tmp_path: Path, name: str, depth: int) -> None:
    grey = np.random.default_rng(0).integers(0, 2**depth, (30, 40)).astype("uint8" if depth == 8 else "uint16")
    picture(tmp_path / "a.png", "png", name, grey)
    clip = Clip.read(tmp_path / "a.png")
    assert np.array_equal(clip.planes[0][0], grey)
    assert clip.format.full
    rgb = clip.frames
    assert float((rgb[0, 0] - rgb[0, 1]).abs().max()) < 1e-5
    assert np.allclose(rgb[0, 0].numpy(), grey / (2**depth - 1) * 2 - 1, atol=1e-5)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_photo_is_turned_as_its_exif_says(tmp_path: Path, orientation: int, turns: int) -> None:
    picture(tmp_path / "a.jpg", "mjpeg", "yuvj420p", np.random.default_rng(0).integers(0, 256, (48, 40), np.uint8))
    plain = (tmp_path / "a.jpg").read_bytes()
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00" + bytes([orientation]) + b"\x00\x00"
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01" + tag + b"\x00\x00\x00\x00"
    mark = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "b.jpg").write_bytes(plain[:2] + mark + plain[2:])
    stored, turned = Clip.read(tmp_path / "a.jpg"), Clip.read(tmp_path / "b.jpg")
    for mine, theirs in zip(turned.planes, stored.planes):
        assert np.array_equal(mine[0], np.rot90(theirs[0], turns))


def test_gif(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.gif"), "w") as target:
        stream = target.add_stream("gif", rate=10)
        stream.codec_context.height, stream.codec_context.width, stream.codec_context.pix_fmt = 30, 40, "rgb8"
        for n in range(4):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((30, 40), n * 60, np.uint8), format="rgb8")))
        target.mux(stream.encode(None))
    clip = Clip.read(tmp_path / "a.gif")
    assert (len(clip), clip.size, clip.fps) == (4, (30, 40), 10)


@pytest.mark.parametrize(("start", "stop"), [(0.2, 0.6), (None, 0.5), (0.3, None), (11.0, 12.0), (14.7, None)])
def test_a_stretch_is_that_part_of_the_whole(tmp_path: Path, start: float | None, stop: float | None) -> None:
    options = {"qp": "20", "preset": "veryfast", "g": "40"}
    video(tmp_path / "a.mp4", Made(base=Fraction(1, 10), ticks=tuple(range(151)), sound="aac", options=options))
    whole = Clip.read(tmp_path / "a.mp4")
    first = next(n for n, t in enumerate(whole.times) if t >= moment(start or 0))
    last = next((n for n, t in enumerate(whole.times) if stop is not None and t >= moment(stop)), len(whole))
    part, same = Clip.read(tmp_path / "a.mp4", start, stop), whole.between(first, last)
    assert (part.times, part.duration, part.sound) == (same.times, same.duration, same.sound)
    assert all(np.array_equal(a, b) for a, b in zip(part.planes, same.planes))


@pytest.mark.parametrize(
    ("ending", "encoder", "name", "options", "exact"),
    [
        ("webm", "libvpx-vp9", "yuv420p", {"lossless": "1"}, True),
        ("webm", "libvpx", "yuv420p", {}, False),
        ("mp4", "libx265", "yuv420p10le", {"x265-params": "lossless=1:log-level=none"}, True),
        ("mov", "prores_ks", "yuv422p10le", {}, False),
        ("avi", "mpeg4", "yuv420p", {}, False),
        ("avi", "mjpeg", "yuvj422p", {}, False),
        ("avi", "rawvideo", "yuyv422", {}, False),
        ("mkv", "ffv1", "yuv444p12le", {}, True),
    ],
)
def test_kinds_of_files(
    tmp_path: Path, ending: str, encoder: str, name: str, options: dict[str, str], exact: bool
) -> None:
    layout = PixelFormat.named("yuv422p" if name == "yuyv422" else name)
    if name == "yuyv422":
        packed(tmp_path / "a.avi", name)
    else:
        planes = video(tmp_path / f"a.{ending}", Made(name, encoder=encoder, options=options, base=Fraction(1, 25)))
        assert not exact or all(
            np.array_equal(a, b) for a, b in zip(Clip.read(tmp_path / f"a.{ending}").planes, planes)
        )
    clip = Clip.read(tmp_path / f"a.{ending}")
    assert (len(clip), clip.size, clip.fps, clip.notes) == (8, (48, 64), 25, ())
    assert (clip.format.name, clip.format.full) == (layout.name, name == "yuvj422p")


def packed(path: Path, name: str) -> None:
    """Write eight frames that are no planes."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("rawvideo", rate=25)
        stream.codec_context.height, stream.codec_context.width, stream.codec_context.pix_fmt = 48, 64, name
        for n in range(8):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 2), 20 * n, np.uint8), format=name)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def test_an_interlaced_clip_says_so(tmp_path: Path) -> None:
    planes = video(tmp_path / "a.mp4", Made(options={"flags": "+ildct+ilme", "qp": "0"}))
    clip = Clip.read(tmp_path / "a.mp4")
    assert any("interlaced" in note for note in clip.notes)
    assert np.array_equal(clip.planes[0], planes[0])


def test_times_are_mended_where_they_are_wrong_only() -> None:
    def mended(*said: int | None) -> list[Fraction]:
        return repaired([None if t is None else Fraction(t) for t in said], Fraction(1))[0]

    assert mended(0, 1, 2, 5) == [0, 1, 2, 5]
    assert mended(0, 1, 1, 2) == [0, 1, Fraction(3, 2), 2]
    assert mended(None, 4, None, None, 10, 9, None) == [3, 4, 6, 8, 10, 11, 12]
    assert mended(None, None) == [0, 1]
    assert repaired([Fraction(0), None, Fraction(0)], Fraction(1))[1] == 2


def test_only_an_even_rate_is_snapped() -> None:
    rounded = [Fraction(round(1000 * n / NTSC), 1000) for n in range(100)]
    assert snapped(rounded, NTSC, 1000) == [n / NTSC for n in range(100)]
    uneven = [*rounded[:-1], rounded[-1] + Fraction(1, 50)]
    assert snapped(uneven, NTSC, 1000) == uneven


@pytest.mark.slow
def test_every_real_clip_has_the_frames_that_are_listed(material: Path) -> None:
    with (material / "MANIFEST.csv").open(encoding="utf-8") as file:
        listed = [row for row in csv.DictReader(file) if row["file"].startswith("clips")]
    for row in listed:
        clip = Clip.read(material / row["file"])
        assert len(clip) == int(row["frames"]), row["file"]
        assert clip.size == (int(row["height"]), int(row["width"]))
        assert abs(float(clip.fps) - float(row["fps"])) < 0.01
        assert clip.times[0] == 0
