"""The bench measures what it says: every way computes the same velocity, and FLOPs are those of the rows."""

import os

import pytest
import torch

from refrain.cli import bench_memory as ways
from refrain.cli.bench import _ratios
from refrain.cli.bench_edit import Figures
from refrain.cli.bench_memory import FULL, WAYS, Figure, Job, expert_of, flops, latent_frames, patches, row_of, step_of
from refrain.cli.bench_peak import in_a_child, peak_bytes
from refrain.errors import BadInput, Unsupported

JOB = Job((90, 64), 2, 2, "float32")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a size that a test can carry."""
    for name, size in {"HEADS": 2, "HEAD": 12, "FEED": 32, "TEXT": 32, "WORDS": 5}.items():
        monkeypatch.setattr(ways, name, size)


@pytest.mark.parametrize("size", ["full", "half"])
@pytest.mark.usefixtures("small")
@torch.no_grad()
def test_all_ways_compute_the_same_velocity(size: str) -> None:
    one = expert_of(JOB)
    found = []
    for way in ("mask", "segments", "memory"):
        torch.manual_seed(5)
        found.append(step_of(f"{way}, {size} source", JOB, one)(0.7))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], atol=1e-5, rtol=0)
    torch.manual_seed(5)
    assert (step_of("target only", JOB, one)(0.7) - found[0]).abs().max() > 1e-3


@pytest.mark.usefixtures("small")
def test_rows_are_measured_in_turn_and_told() -> None:
    heard: list[str] = []
    figures = ways.measure(JOB, 2, False, heard.append)
    assert [figure.way for figure in figures] == list(WAYS)
    assert [line.split(": ")[1] for line in heard[: 2 * len(WAYS)]] == [*WAYS, *WAYS]
    assert figures[0].time_ratio == figures[0].flop_ratio == figures[0].floor == 1
    assert [figure.first is not None for figure in figures] == [way.startswith("memory") for way in WAYS]


def test_at_81_frames_the_arithmetic_is_that_of_the_goals() -> None:
    """A half-size source, its first frame and memory: 1.21 times no source; a mask: twice a full-size memory."""
    whole = Job((480, 832), FULL, 1, "float32")
    by = {way: flops(way, whole) for way in WAYS}
    assert by["memory, half source"] / by["target only"] == pytest.approx(1.21, abs=0.005)
    assert by["mask, full source"] / by["memory, full source"] == pytest.approx(2.0, abs=0.005)
    assert by["segments, full source"] < by["mask, full source"]


def test_rows_without_memory_have_the_lengths_of_the_paper() -> None:
    """480x832x81 is 32,760 tokens; a half-size source adds a quarter, a first frame 1,560."""
    whole = Job((480, 832), FULL, 1, "float32")
    lengths = [len(s) for s in row_of("memory, half source", whole, bare=True).without_words()]
    assert lengths == [32760 // 4, 1560, 32760]


def test_clips_are_cut_in_time() -> None:
    assert patches((720, 1280)) == (45, 80)
    assert patches((360, 640)) == (23, 40)
    assert [latent_frames((480, 832), n) for n in (0, 1, 5000, 10**6)] == [FULL, 2, 3, FULL]


def figure(way: str, seconds: float) -> Figure:
    return Figure(way, 1, seconds, 2 * seconds, None, 3.0, seconds, 0.5 * seconds, 1, None, None)


def test_ratios_are_of_the_ways_they_name() -> None:
    figures = [figure(way, n + 1.0) for n, way in enumerate(WAYS)]
    assert [round(ratio.clock, 3) for ratio in _ratios(figures)] == [7.0, 0.5, 0.75, round(2 / 7, 3)]
    assert figures[0].over == 2


def test_a_total_is_of_all_stages() -> None:
    assert Figures({"start": 1.0, "write": 2.5}, 1.0, 1, 1, (1, 1), (1, 1), 1).total == 3.5


@pytest.mark.slow
def test_a_child_is_measured_alone_and_says_what_went_wrong() -> None:
    small, large = in_a_child(held, 1), in_a_child(held, 200_000_000)
    assert 180e6 < large - small < 260e6
    with pytest.raises(BadInput, match="mend this"):
        in_a_child(wrong)
    with pytest.raises(Unsupported, match="without a word"):
        in_a_child(os._exit, 1)


def held(size: int) -> int:
    return len(bytearray(b"x") * size) * 0 + peak_bytes()


def wrong() -> None:
    raise BadInput("mend this")
