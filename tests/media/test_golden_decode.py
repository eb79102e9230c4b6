"""What is decoded is, sample by sample, what torchcodec publishes of its own test clip; times are those of its list.

Its frames are RGB as libswscale makes it of the decoded planes. Ours are made in float by the standards, so planes are
compared: libswscale turns ours into its frames, to the bit.
"""

import json
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest

from refrain.media import Clip


@pytest.fixture(scope="module")
def golden(material: Path) -> Path:
    return material / "golden" / "torchcodec"


def alone(source: Path, stream: int, path: Path) -> Path:
    """One stream of a file, in a file of its own, its packets as they are."""
    with av.open(source) as whole, av.open(path, "w") as part:
        came = whole.streams[stream]
        goes = part.add_stream_from_template(came)
        for packet in whole.demux(came):
            if packet.dts is not None:
                packet.stream = goes
                part.mux(packet)
    return path


def published(golden: Path, stream: int, number: int, size: tuple[int, int]) -> np.ndarray:
    """A frame of theirs, uint8 [Y, X, 3]: the raw storage inside their archive, so that nothing is unpickled."""
    with zipfile.ZipFile(golden / f"stream{stream}.frame{number:06d}.pt") as held:
        (name,) = [name for name in held.namelist() if name.endswith("/data/0")]
        return np.frombuffer(held.read(name), np.uint8).reshape(*size, 3)


def swscaled(clip: Clip, n: int) -> np.ndarray:
    """Frame n of a clip in 4:2:0 as libswscale makes RGB of it, uint8 [Y, X, 3]."""
    flat = np.concatenate([plane[n].ravel() for plane in clip.planes]).reshape(-1, clip.size[1])
    frame = av.VideoFrame.from_ndarray(flat, format="yuv420p")
    frame.colorspace = clip.format.tags.matrix
    return frame.to_ndarray(format="rgb24")


@pytest.mark.parametrize(("stream", "size", "frames"), [(0, (180, 320), (0, 35)), (3, (270, 480), (0, 35, 389))])
def test_frames_are_those_of_torchcodec(
    material: Path, golden: Path, tmp_path: Path, stream: int, size: tuple[int, int], frames: tuple[int, ...]
) -> None:
    source = material / "clips_extra" / "torchcodec_nasa_13013.mp4"
    clip = Clip.read(source if stream == 0 else alone(source, stream, tmp_path / "alone.mp4"))
    assert clip.size == size and clip.format.name == "yuv420p"
    for n in frames:
        wanted = published(golden, stream, n, size)
        assert (swscaled(clip, n) == wanted).all()
        ours = clip.rgb(n, n + 1)[0].permute(1, 2, 0).add(1).mul(127.5).numpy()
        assert np.abs(ours - wanted).mean() < 3, "the same picture; chroma lies between pixels here, and in theirs not"


def test_times_are_those_of_torchcodec(material: Path, golden: Path, tmp_path: Path) -> None:
    said = json.loads((golden / "stream3.all_frames_info.json").read_text())
    clip = Clip.read(alone(material / "clips_extra" / "torchcodec_nasa_13013.mp4", 3, tmp_path / "alone.mp4"))
    assert len(clip) == len(said) == 390
    assert [float(t - clip.times[0]) for t in clip.times] == pytest.approx(
        [float(one["pts_time"]) - float(said[0]["pts_time"]) for one in said], abs=1e-6
    )
