"""What networks say of a clip has its closed form, and each benchmark's own frames, shown by stubs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from refrain.evaluation.case import Case
from refrain.evaluation.scorers.scorer import Material, score
from refrain.evaluation.scorers.watched import amt_scorers, beginnings, middles, vbench_middles, viclip_scorers


@dataclass
class Watches:
    """A clip is (its mean level, 100); words point along one axis."""

    kind: str = "L/14"
    name: str = "stub-0"
    frames: int = 8
    shown: list[tuple[str, list[int]]] = field(default_factory=list)

    def clip(self, frames: np.ndarray, shown: str) -> np.ndarray:
        self.shown.append((shown, frames[:, 0, 0, 0].tolist()))
        return np.array([[frames.mean(), 100.0]])

    def words(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[2.0, 0.0] if text == "light" else [0.0, 2.0] for text in texts])


@dataclass
class Means:
    """The picture between two is their mean, and 0.9 of a level more."""

    name: str = "stub-0"
    asked: int = 0

    def between(self, frames: np.ndarray) -> np.ndarray:
        self.asked += 1
        return (frames[:-1].astype(np.float32) + frames[1:]) / 2 + np.float32(0.9)


def material(levels: Sequence[int], side: int = 4, caption: str = "light") -> Material:
    clip = np.stack([np.full((side, side, 3), level, np.uint8) for level in levels])
    return Material(clip, clip, case=Case("1", Path("x"), ("do",), "x", "x", captions=(caption,)))


def test_each_benchmark_shows_its_own_eight_frames() -> None:
    assert middles(32, 8) == [2, 6, 10, 14, 18, 22, 26, 30]
    assert vbench_middles(32, 8) == [1, 5, 9, 13, 17, 21, 25, 29]
    assert beginnings(32, 8) == [0, 4, 8, 12, 16, 20, 24, 28] and beginnings(12, 8) == [0, 1, 3, 4, 6, 7, 9, 10]
    assert vbench_middles(3, 8) == [0, 1, 2, 2, 2, 2, 2, 2] and middles(3, 8) == [0, 0, 0, 1, 1, 2, 2, 2]
    for length in range(1, 40):
        for rule in (middles, beginnings, vbench_middles):
            found = rule(length, 8)
            assert len(found) == 8 and found == sorted(found) and found[0] >= 0 and found[-1] < length


def test_viclip_is_the_cosine_of_clip_and_caption_in_each_published_meaning() -> None:
    stub = Watches()
    found = {one.id: score(one, material(range(32))).value for one in viclip_scorers(stub)}
    cosines = [level / np.hypot(level, 100) for level in (16.0, 14.0, 15.0)]
    assert found == {
        "viclip.caption@stub-0/strict": pytest.approx(100 * cosines[0]),
        "viclip.editverse@stub-0/compat": pytest.approx(100 * cosines[1]),
        "viclip.vbench@stub-0/compat": pytest.approx(cosines[2]),
    }
    assert [one for one, _ in stub.shown] == ["own", "editverse", "vbench"]
    assert [levels for _, levels in stub.shown] == [rule(32, 8) for rule in (middles, beginnings, vbench_middles)]
    assert [one.id for one in viclip_scorers(Watches("B/16"))] == ["viclip.caption@stub-0/strict"]
    bare = Material(material([0]).source, material([0]).source)
    assert score(viclip_scorers(stub)[0], bare).reason == "the case has no caption"


def test_smoothness_is_one_less_the_error_of_every_second_frame() -> None:
    stub = Means()
    strict, compat = amt_scorers(stub)
    steady, jump = material([10, 20, 30, 40], 113), material([10, 70, 30, 0, 10], 113)
    assert score(strict, steady).value == pytest.approx(254 / 255), "20.9 is 21, and the fourth frame has none after it"
    assert score(compat, steady).value == 1, "20.9 is cut to 20"
    assert score(strict, jump).value == pytest.approx((255 - (49 + 21) / 2) / 255)
    assert score(compat, jump).value == pytest.approx((255 - (50 + 20) / 2) / 255)
    assert stub.asked == 2, "each clip is guessed once for both"


def test_what_cannot_be_watched_has_its_reason() -> None:
    strict = amt_scorers(Means())[0]
    assert score(strict, material([1, 2], 113)).reason == "a clip of 2 frames is too short; 3 are needed"
    assert score(strict, material([1, 2, 3], 112)).reason == "AMT needs 113 pixels or more, not 112x112"
