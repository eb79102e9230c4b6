"""Every file that cannot be read is one sentence that says what to do."""

import os
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.make import Made, picture, sound_only, video
from refrain import BadInput, Clip, RefrainError, Unsupported
from refrain.media import Limits


def refused(path: str | Path, words: str, limits: Limits | None = None) -> None:
    with pytest.raises(RefrainError, match=words) as told:
        Clip.read(path, limits=limits)
    sentence = str(told.value)
    assert sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "no.mp4", "does not exist")


def test_a_folder(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    refused(tmp_path / "a.mp4", "is empty")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Dear diary, today I filmed a wolf.\n", "is a text file"),
        ("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "is a playlist"),
        ("ffconcat version 1.0\nfile /etc/passwd\n", "is a playlist"),
        ('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG"),
    ],
)
def test_text_of_any_kind_named_mp4(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "a.mp4").write_text(content)
    refused(tmp_path / "a.mp4", words)


def test_bytes_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(bytes(range(256)) * 40)
    refused(tmp_path / "a.mp4", "none of the files that are read")


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/a.mp4", Path("https://127.0.0.1:9/a.mp4"), "rtsp://127.0.0.1/a"])
def test_an_address_is_not_fetched(path: str | Path) -> None:
    refused(path, "download it first")


@pytest.mark.parametrize("options", [{}, {"movflags": "+faststart"}], ids=["index last", "index first"])
def test_a_truncated_file(tmp_path: Path, options: dict[str, str]) -> None:
    whole, part = tmp_path / "whole.mp4", tmp_path / "part.mp4"
    video(tmp_path / "a.mp4", Made(ticks=tuple(range(31))))
    with av.open(str(tmp_path / "a.mp4")) as source, av.open(str(whole), "w", options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    data = whole.read_bytes()
    part.write_bytes(data[: len(data) * 2 // 3])
    refused(part, "incomplete|damaged")


@pytest.mark.parametrize(("encoder", "ending"), [("ffv1", "avi"), ("libx264", "mp4")])
def test_damage_is_said(tmp_path: Path, encoder: str, ending: str) -> None:
    options = {"level": "3", "slicecrc": "1"} if encoder == "ffv1" else {"qp": "10"}
    whole, hurt = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    video(whole, Made(encoder=encoder, options=options, base=Fraction(1, 25), ticks=tuple(range(31))))
    data = bytearray(whole.read_bytes())
    where = len(data) // 2
    data[where : where + 2000] = bytes(2000)
    hurt.write_bytes(data)
    try:
        notes = Clip.read(hurt).notes
    except BadInput as told:
        notes = (str(told),)
    assert any("damaged" in note for note in notes)
    assert not Clip.read(whole).notes


def test_no_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.codec_context.height, stream.codec_context.width = 48, 64
        stream.codec_context.pix_fmt = "yuv420p"
        target.start_encoding()
    refused(tmp_path / "a.mp4", "holds no|incomplete|damaged")


def test_sound_only(tmp_path: Path) -> None:
    sound_only(tmp_path / "a.mp4")
    refused(tmp_path / "a.mp4", "only sound")


def test_one_frame_is_a_still(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", Made(ticks=(0, 1)))
    clip = Clip.read(tmp_path / "a.mp4")
    assert len(clip) == 1 and clip.still


def test_many_pixels_in_a_small_file(tmp_path: Path) -> None:
    black = av.VideoFrame.from_ndarray(np.zeros((8192 * 3 // 2, 8192), np.uint8), format="yuv420p")
    with av.open(str(tmp_path / "bomb.mp4"), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.codec_context.height = stream.codec_context.width = 8192
        stream.codec_context.pix_fmt = "yuv420p"
        target.mux(stream.encode(black))
        target.mux(stream.encode(None))
    assert (tmp_path / "bomb.mp4").stat().st_size < 300_000
    refused(tmp_path / "bomb.mp4", "8192×8192|damaged, incomplete")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(file=100), "larger than"),
        (Limits(pixels=1000), "64×48|damaged"),
        (Limits(frames=5), "frames"),
        (Limits(seconds=0.1), "lasts"),
        (Limits(decoded=10_000), "unpacks"),
        (Limits(wait=0.01), "was not decoded within"),
    ],
)
def test_every_limit_is_a_sentence(tmp_path: Path, limits: Limits, words: str) -> None:
    video(tmp_path / "a.mp4")
    refused(tmp_path / "a.mp4", words, limits)


def test_a_decoder_that_dies_is_a_sentence(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux holds a process to an amount of memory for certain")
    video(tmp_path / "a.mp4")
    refused(tmp_path / "a.mp4", "bad end|too much memory", Limits(memory=1 << 20))


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_with_the_way_out(tmp_path: Path, transfer: int, name: str) -> None:
    video(tmp_path / "a.mp4", Made("yuv420p10le", tags=(9, 9, transfer, 1)))
    with pytest.raises(Unsupported, match=rf"HDR \({name}\).*tonemap"):
        Clip.read(tmp_path / "a.mp4")


def test_a_codec_that_is_not_allowed(tmp_path: Path) -> None:
    video(tmp_path / "a.avi", Made(encoder="huffyuv", name="yuv422p", options={}, base=Fraction(1, 25)))
    refused(tmp_path / "a.avi", "huffyuv|not what its name says")


def test_a_stretch_without_frames(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4")
    with pytest.raises(BadInput, match="no frame in the stretch"):
        Clip.read(tmp_path / "a.mp4", start=5)


def test_animated_webp(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(40))
    refused(tmp_path / "a.webp", "animated WebP")


def test_heic(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    refused(tmp_path / "a.heic", "save it as PNG or JPEG")


def test_transparency_is_dropped_and_said(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    picture(tmp_path / "a.png", "png", "rgba", colours)
    clip = Clip.read(tmp_path / "a.png")
    assert clip.format.name == "gbrp" and clip.still
    assert any("Transparency is dropped" in note for note in clip.notes)
    for plane, channel in zip(clip.planes, (1, 2, 0)):
        assert np.array_equal(plane[0], colours[..., channel])


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    video(tmp_path / "a.mp4")
    clip = Clip.read(tmp_path / "a.mp4")
    if os.name != "nt":
        assert not list((tmp_path / "scratch").iterdir())
    assert clip.planes[0].sum() > 0
    with pytest.raises(BadInput):
        Clip.read(tmp_path / "a.mp4", limits=replace(Limits(), frames=2))
    assert not list((tmp_path / "scratch").glob("refrain-*/*")) or os.name == "nt"
