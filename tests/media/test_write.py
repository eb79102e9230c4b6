"""A file appears whole or not at all, and what cannot be written is said before any work."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from media.make import Made, noise, video
from refrain import BadInput, Clip
from refrain.media import PixelFormat, check_output, encode
from refrain.media.colour import to_rgb


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Eight frames of noise, read from a file with sound."""
    video(tmp_path / "source.mp4", Made(sound="aac"))
    return Clip.read(tmp_path / "source.mp4")


def still(name: str, size: tuple[int, int] = (20, 30)) -> Clip:
    form = PixelFormat.named(name)
    return Clip(noise(form, 1, size), form, (Fraction(0),), Fraction(1, 25), still=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere/out.mp4", "does not exist"),
        ("out", "no ending"),
        ("out.xyz", r"ends in \.xyz"),
        ("folder.mp4", "is a folder"),
        ("source.mp4", "is the source itself"),
        ("link.mp4", "is the source itself"),
        ("out/%d-%d.png", "no name for frames"),
        ("full/", "not empty"),
    ],
)
def test_outputs_that_cannot_be_are_refused_before_work(tmp_path: Path, clip: Clip, name: str, words: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.png").touch()
    (tmp_path / "link.mp4").hardlink_to(tmp_path / "source.mp4")
    path = f"{tmp_path}/{name}"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match=words):
        check_output(path, tmp_path / "source.mp4")
    with pytest.raises(BadInput, match=words):
        clip.write(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs the tests may be allowed everything
    with pytest.raises(BadInput, match="cannot be written"):
        check_output(tmp_path / "out.mp4")


@pytest.mark.parametrize("quality", [-1, 52, float("nan")])
def test_quality_out_of_range(tmp_path: Path, clip: Clip, quality: float) -> None:
    with pytest.raises(BadInput, match="from 0"):
        clip.write(tmp_path / "out.mp4", quality=quality)


@pytest.mark.parametrize("name", ["out.mp4", "out/"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(28, "No space left on device")])
def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch, name: str, error: type[BaseException] | OSError
) -> None:
    made = 0

    def broken(*args: object) -> object:
        nonlocal made
        made += 1
        if made > 4:
            raise error
        return whole(*args)  # type: ignore[arg-type]

    whole = encode.frame_of
    monkeypatch.setattr("refrain.media.encode.frame_of", broken)
    monkeypatch.setattr("refrain.media.picture.frame_of", broken)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((KeyboardInterrupt, MemoryError, BadInput)):
        clip.write(f"{tmp_path}/{name}")
    assert made > 4
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interrupted_write_keeps_the_older_file(tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out.mp4").write_bytes(b"older")
    monkeypatch.setattr("refrain.media.encode.frame_of", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with contextlib.suppress(KeyboardInterrupt):
        clip.write(tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"older"


@pytest.mark.parametrize("name", ["frames/", "frames/shot_%03d.png"])
def test_frames_as_png(tmp_path: Path, clip: Clip, name: str) -> None:
    notes = clip.write(f"{tmp_path}/{name}")
    assert any("sound" in note for note in notes)
    files = sorted((tmp_path / "frames").iterdir())
    assert len(files) == len(clip)
    assert files[0].name == ("00001.png" if name.endswith("/") else "shot_001.png")
    third = Clip.read(files[2]).frames
    assert float((third - clip.rgb(2, 3)).abs().max()) <= 1 / 255 + 1e-5


@pytest.mark.parametrize("name", ["gbrp", "gbrp16le", "yuv444p10le", "yuv420p"])
def test_a_still_as_png(tmp_path: Path, name: str) -> None:
    source = still(name)
    source.write(tmp_path / "a.png")
    again = Clip.read(tmp_path / "a.png")
    if name.startswith("gbrp"):
        assert all(np.array_equal(a, b) for a, b in zip(again.planes, source.planes))
    limit = 1 / 255 if source.format.depth == 8 else 1 / 65535
    assert float((again.frames - source.frames).abs().max()) <= limit + 1e-5


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_a_still_as_jpeg_and_webp(tmp_path: Path, ending: str) -> None:
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 48, 64) * torch.tensor([1.0, 0.5, -0.5])[None, :, None, None]
    source = Clip.of(ramp, 25, PixelFormat.named("gbrp"))
    source.write(tmp_path / f"a.{ending}", quality=5)
    again = Clip.read(tmp_path / f"a.{ending}")
    assert (again.size, again.still) == ((48, 64), True)
    assert float((again.frames - source.frames).abs().mean()) < 0.02


def test_webp_can_be_lossless_and_jpeg_cannot(tmp_path: Path) -> None:
    source = still("gbrp")
    source.write(tmp_path / "a.webp", lossless=True)
    assert all(np.array_equal(a, b) for a, b in zip(Clip.read(tmp_path / "a.webp").planes, source.planes))
    with pytest.raises(BadInput, match="never lossless"):
        source.write(tmp_path / "a.jpg", lossless=True)


@pytest.mark.parametrize("name", ["12:30.mp4", "a b %d#.mp4", "ümläut.mkv"])
def test_names_are_only_names(tmp_path: Path, clip: Clip, name: str) -> None:
    if os.name == "nt" and ":" in name:
        pytest.skip("Windows has no such names")
    path = tmp_path / name
    clip.write(path)
    assert len(Clip.read(path)) == len(clip)


def test_ctrl_c_in_the_middle_of_writing_leaves_nothing(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("Ctrl-C is sent in another way on Windows")
    script = """
import signal, sys, torch
from pathlib import Path
from refrain import Clip
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
torch.set_num_threads(1)
clip = Clip.of(torch.rand(60, 3, 256, 256) * 2 - 1, 30)
print("ready", flush=True)
while True:
    clip.write(Path(sys.argv[1]) / "out.mp4", quality=1)
"""
    paths = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, env=paths) as child:
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        while not list(tmp_path.glob(".out*")):
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        child.wait(60)
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"out.mp4"}
    if left:
        assert len(Clip.read(tmp_path / "out.mp4")) == 60


def test_a_clip_is_no_picture(tmp_path: Path, clip: Clip) -> None:
    with pytest.raises(BadInput, match="8 frames"):
        clip.write(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["yuv422p10le", "yuv444p", "gbrp"])
def test_any_format_becomes_what_players_show(tmp_path: Path, name: str) -> None:
    ramp = torch.linspace(-0.8, 0.8, 64).expand(5, 3, 48, 64)
    source = Clip.of(ramp * torch.tensor([1.0, 0.3, -0.6])[None, :, None, None], 25, PixelFormat.named(name))
    source.write(tmp_path / "a.mp4", quality=8)
    again = Clip.read(tmp_path / "a.mp4")
    assert again.format.name == "yuv420p"
    assert float((again.frames - to_rgb(source.planes, source.format)).abs().mean()) < 0.02
