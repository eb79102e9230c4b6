"""Every published meaning of a likeness has its closed form, shown by networks that return chosen features."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from refrain.evaluation.case import Case
from refrain.evaluation.scorers.perceived import lpips_scorers
from refrain.evaluation.scorers.scorer import Material, score
from refrain.evaluation.scorers.seen import (
    Features,
    adjacent,
    adjacent_and_first,
    aesthetic_scorers,
    alike,
    clip_scorers,
    dino_scorers,
    pick_scorers,
    shrunk,
)


@dataclass
class Stub:
    """The grey level of a frame is the number of its direction: 0 → (1, 0), 1 → (0, 1), 2 → (−1, 0), 3 → (1, 1)."""

    kind: str = "L/14"
    name: str = "stub-0"
    scale: float = 100.0
    version: int = 1
    looks: int = 0

    def pictures(self, frames: np.ndarray) -> Features:
        self.looks += 1
        ways = np.array([[1, 0], [0, 1], [-1, 0], [1, 1]], float)
        return Features(2 * ways[frames[:, 0, 0, 0]][:, ::-1], 3 * ways[frames[:, 0, 0, 0]])

    def words(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[5.0, 0.0] if text == "east" else [0.0, 5.0] for text in texts])

    def scores(self, features: np.ndarray) -> np.ndarray:
        return features.sum(1) * 5

    def distances(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.abs(one.astype(float) - other).mean((1, 2, 3))


class Plain(Stub):
    def pictures(self, frames: np.ndarray) -> np.ndarray:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().pictures(frames).shared


def clip_of(*levels: int, side: int = 4) -> np.ndarray:
    return np.stack([np.full((side, side, 3), level, np.uint8) for level in levels])


def material(*levels: int, target: Sequence[int] | None = None, caption: str = "east") -> Material:
    case = Case("1", Path("x"), ("turn east",), "x", "x", captions=(caption,))
    true = None if target is None else clip_of(*target)
    return Material(clip_of(*[0] * len(levels)), clip_of(*levels), true, case=case)


def values(scorers: Sequence[object], m: Material) -> dict[str, float]:
    found = [score(one, m) for one in scorers]  # pyright: ignore[reportArgumentType]
    return {one.scorer.replace("@stub-0", ""): round(one.value, 6) for one in found if one.value == one.value}


def test_adjacent_and_first_frames_are_told_apart() -> None:
    east, north, west = np.array([1.0, 0]), np.array([0, 1.0]), np.array([-1.0, 0])
    assert adjacent(np.stack([east, north, east])) == 0 and adjacent_and_first(np.stack([east, north, east])) == 0.25
    assert adjacent(np.stack([east, west])) == -1 and adjacent(np.stack([east, west]), 0) == 0
    assert alike(np.stack([east, north]), np.stack([7 * east, west])) == 0.5


def test_clip_has_each_of_its_published_meanings() -> None:
    stub = Stub()
    found = values(clip_scorers(stub), material(0, 1, 0, target=(0, 0, 2)))
    assert found == {
        "clip_t.caption/strict": round(200 / 3, 6), "clip_i.target/strict": 0, "clip_i.adjacent/strict": 0,
        "clip_i.source/strict": round(2 / 3, 6), "clip.consistency.editverse/compat": 0, "clip_t.five/compat": 100,
    }  # fmt: skip
    assert stub.looks == 4, "answer, target and source, and every 8th frame of the answer, once each"
    backward = values(clip_scorers(Stub()), material(*[2] * 9))
    assert backward["clip_t.caption/strict"] == -100 and backward["clip_t.five/compat"] == 0
    small = values(clip_scorers(Stub("B/32")), material(0, 1, 0))
    assert small["clip_t.magicbrush/compat"] == round(2 / 3, 6) and small["background.vbench/compat"] == 0.25


def test_what_is_compat_is_offered_with_the_published_network_only() -> None:
    assert not [one.id for one in clip_scorers(Stub("")) if one.id.endswith("/compat")]
    assert not [one.id for one in dino_scorers(Plain(""), Plain("")) if one.id.endswith("/compat")]
    assert [one.id for one in dino_scorers(Plain("v1 S/16"), Plain())][-1] == "subject.ivebench@stub-0/compat"


def test_dino_pick_and_looks_have_theirs() -> None:
    m = material(0, 3, 0, target=(0, 1, 0))
    half = math.sqrt(0.5)
    assert values(dino_scorers(Plain("v2 base")), m) == {
        "dino.target/strict": round((2 + half) / 3, 6), "dino.adjacent/strict": round(half, 6),
        "dino.source/strict": round((2 + half) / 3, 6), "dino.consistency.editverse/compat": round(100 * half, 6),
    }  # fmt: skip
    picked = values(pick_scorers(Stub(scale=20)), m)
    assert picked == {
        "pick.caption/strict": round(20 * (2 + half) / 3, 6),
        "pick.editverse/compat": round(20 * (2 + half) / 3, 6),
    }
    assert shrunk(np.zeros((2, 100, 1344, 3), np.uint8)).shape == (2, 50, 672, 3)
    looks = values(aesthetic_scorers(Stub(), Stub()), m)
    assert looks["aesthetic.v1/strict"] == pytest.approx(10 * looks["aesthetic.vbench/compat"])
    assert looks["aesthetic.v1/strict"] == pytest.approx(5 * (2 + 2 * half) / 3, abs=1e-5)
    (through, _) = aesthetic_scorers(Stub("B/32"), Stub())
    assert "reads CLIP L/14" in str(score(through, m).reason)


def test_what_cannot_be_seen_has_its_reason() -> None:
    alone, unworded = material(0), Material(clip_of(0), clip_of(0))
    reasons = {one.id.split("@")[0]: score(one, alone).reason for one in clip_scorers(Stub())}
    assert reasons["clip_i.adjacent"] == "one frame has none beside it"
    assert score(clip_scorers(Stub())[0], unworded).reason == "the case has no caption"


def test_lpips_is_of_whole_frames_and_fives_is_blackened_in_the_edit() -> None:
    source, answer = clip_of(0, 0, side=32), clip_of(10, 10, side=32)
    matte = np.zeros((2, 32, 32), np.float32)
    matte[:, :8] = 1
    found = values(lpips_scorers(Stub("squeeze")), Material(source, answer, answer, matte=matte))
    assert found == {"lpips.target/strict": 0, "lpips.source/strict": 10, "lpips.background.five/compat": 7.5}
    small = score(lpips_scorers(Stub("alex"))[1], material(0))
    assert small.reason == "LPIPS needs 32 pixels or more, not 4x4"
