"""Rendered edits with known answers: every scorer orders them as a person would, where it claims to.

Seven answers to each of two rendered effects: the true target; the source returned; heavy noise; red and blue swapped;
another clip; the target with beating light; the target under a cast that grows. What published ways get wrong is held
too, so that nobody trusts them by mistake.
"""

import numpy as np
import pytest

from refrain.data.effects import Shot
from refrain.data.example import draw_edit
from refrain.data.scenes import render_scene
from refrain.evaluation.case import Case
from refrain.evaluation.scorers import SCORERS
from refrain.evaluation.scorers.scorer import Material, score

SIZE, LENGTH = (176, 176), 4
EFFECTS = {"rings": 950_101, "fire": 950_200}
pytestmark = pytest.mark.slow  # about ten seconds

WORSE = ("source", "noise", "swap", "wrong", "beating", "cast")
BY = {one.id: one for one in SCORERS}
Values = dict[str, dict[str, dict[str, float]]]  # scorer -> effect -> answer -> value


def shot(seed: int) -> Shot:
    scene = render_scene(seed, LENGTH, SIZE)
    return Shot(scene.frames, scene.subject)


def answers(target: np.ndarray, source: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    def as_bytes(frames: np.ndarray) -> np.ndarray:
        return frames.round().clip(0, 255).astype(np.uint8)

    beat = np.where(np.arange(LENGTH) % 2, 12.0, -12.0)[:, None, None, None]
    cast = np.arange(LENGTH)[:, None, None, None] * np.array([5.0, 0.0, -5.0])
    return {
        "target": target,
        "source": source,
        "noise": as_bytes(target + np.random.default_rng(0).normal(0, 40, target.shape)),
        "swap": np.ascontiguousarray(target[..., ::-1]),
        "wrong": other,
        "beating": as_bytes(target + beat),
        "cast": as_bytes(target + cast),
    }


@pytest.fixture(scope="module")
def values() -> Values:
    found: Values = {one.id: {} for one in SCORERS}
    for effect, seed in EFFECTS.items():
        example, other = draw_edit(seed, shot(seed), effect), shot(seed + 10_000).frames
        for name, answer in answers(example.target, example.source, other).items():
            case = Case("1", None, (example.instruction,), effect, "1", extra={"effect": effect})
            m = Material(example.source, answer, example.target, example.matte, None, 24.0, 24.0, case)
            for one in SCORERS:
                found[one.id].setdefault(effect, {})[name] = score(one, m).value
    return found


def better(values: Values, scorer: str, effect: str, good: str, bad: str) -> bool:
    one, other = values[scorer][effect][good], values[scorer][effect][bad]
    return one > other if BY[scorer].better == "high" else one < other


def claims() -> list[tuple[str, str, str]]:
    """(scorer, better answer, worse answer) of everything that scorers claim to tell."""
    found: list[tuple[str, str, str]] = []
    for one in SCORERS:
        if one.judges == "edit" and one.id != "iou.matte/strict":  # pixels carry no matte of the editor's own
            worse = ("wrong", "noise", "swap") if "change" in one.id else WORSE
            worse = ("wrong", "source", "swap") if one.id == "effect.named/strict" else worse
            found += [(one.id, "target", bad) for bad in worse]
        if one.judges == "rest":
            found += [(one.id, good, bad) for good in ("target", "source") for bad in WORSE[1:]]
    steady = ["warp.source/strict", "warp.own/strict", "warp.relative/strict", "flicker.change/strict"]
    found += [(name, good, bad) for name in steady for good in ("target", "source") for bad in ("noise", "beating")]
    found += [("flicker.luma/strict", good, "beating") for good in ("target", "source")]
    found += [("drift.background/strict", good, bad) for good in ("target", "source") for bad in ("cast", "swap")]
    return [*found, ("noop/strict", "target", "source")]


@pytest.mark.parametrize("effect", EFFECTS)
def test_scorers_order_answers_as_a_person_would_where_they_claim_to(values: Values, effect: str) -> None:
    wrong = [(s, good, bad) for s, good, bad in claims() if not better(values, s, effect, good, bad)]
    assert not wrong


WRONG = [
    ("psnr.source/strict", "source", "target", "likeness to the source is best where nothing was done"),
    ("ssim.source/strict", "source", "target", "likewise, and most published totals hold such a term"),
    ("flicker.vbench/compat", "wrong", "target", "a quieter clip of anything beats the true edit"),
    ("warp.own/strict", "wrong", "target", "likewise: it asks only whether a clip is steady"),
    ("flicker.luma/strict", "wrong", "target", "an effect that burns flickers in truth"),
    ("drift.colour/strict", "source", "target", "an edit that moves or grows counts as drift"),
    ("ms_ssim.target/strict", "source", "noise", "the edit undone beats the edit made and noisy"),
    ("psnr.target/strict", "source", "noise", "likewise"),
]


@pytest.mark.parametrize(("scorer", "first", "second", "why"), WRONG)
def test_what_some_scorers_get_wrong(values: Values, scorer: str, first: str, second: str, why: str) -> None:
    assert any(better(values, scorer, effect, first, second) for effect in EFFECTS), why


def test_a_classifier_of_effects_does_not_see_what_else_is_wrong(values: Values) -> None:
    named = values["effect.named/strict"]["fire"]
    assert named["noise"] == named["beating"] == named["cast"] == named["target"] == 1


def test_a_published_mean_over_black_pixels_hides_a_spoilt_background(values: Values) -> None:
    for name in ("psnr.background", "ssim.background"):
        assert values[f"{name}/compat"]["fire"]["noise"] > values[f"{name}/strict"]["fire"]["noise"]


def test_form_is_kept_by_all_of_them(values: Values) -> None:
    assert all(v == 1 for one in SCORERS if one.judges == "form" for v in values[one.id]["fire"].values())
