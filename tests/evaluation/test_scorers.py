"""Scorers are their definitions, and what cannot be scored is told. What others measure too is in test_oracles.py."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refrain.errors import BadInput
from refrain.evaluation.effects.scores import flicker
from refrain.evaluation.scorers import SCORERS, change, form, motion, pixels, ssim, steadiness
from refrain.evaluation.scorers.scorer import Material, Memo, score


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def near(frames: np.ndarray, seed: int, sd: float = 12.0) -> np.ndarray:
    moved = frames + np.random.default_rng(seed).normal(0, sd, frames.shape)
    return moved.round().clip(0, 255).astype(np.uint8)


def smooth(seed: int, rows: int, columns: int) -> np.ndarray:
    """A picture with something to follow, uint8 [rows, columns, 3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns].astype(float)
    waves = [np.sin(x * a + y * b + c) for a, b, c in rng.uniform(-0.5, 0.5, (12, 3)) * (1, 1, 6)]
    return (128 + 35 * np.stack([sum(waves[n::3]) for n in range(3)], -1) / 1.2).clip(0, 255).astype(np.uint8)


def test_ssim_of_bands_is_that_of_the_whole_to_the_bit() -> None:
    one = noise(21, 1, 2 * ssim.BAND + 27, 30, 3)[0]
    other = near(one, 22)
    whole = ssim._band(one, other)  # pyright: ignore[reportPrivateUsage]
    for found, wanted in zip(ssim.maps(one, other), whole, strict=True):
        assert (found == wanted).all()


def test_psnr_of_equal_clips_can_be_averaged_and_of_no_pixels_is_no_number() -> None:
    one, other = noise(6, 2, 5, 7, 3), noise(7, 2, 5, 7, 3)
    assert pixels.psnr(*pixels.error(one, one)) == math.inf
    assert score(pixels.SOURCE, Material(one, one)).value == pixels.CAP
    assert math.isnan(pixels.psnr(*pixels.error(one, other, np.zeros(one.shape[:3], bool))))


@given(st.integers(1, 24), st.integers(1, 254))
@settings(max_examples=10)
def test_published_background_psnr_is_too_high_by_the_share_of_the_background(columns: int, off: int) -> None:
    source = np.zeros((1, 16, 25, 3), np.uint8)
    matte = np.zeros((1, 16, 25), np.float32)
    matte[:, :, :columns] = 1
    m = Material(source, source + np.uint8(off), matte=matte)
    strict, compat = score(pixels.BACKGROUND, m).value, score(pixels.BACKGROUND_COMPAT, m).value
    assert strict == pytest.approx(20 * math.log10(255 / off))
    assert compat - strict == pytest.approx(-10 * math.log10(1 - columns / 25))


def test_background_ssim_does_not_see_the_edit_and_the_published_one_counts_black_as_kept() -> None:
    source = noise(8, 1, 40, 40, 3)
    matte = np.zeros((1, 40, 40), np.float32)
    matte[:, :, 20:] = 1
    edited, worse = source.copy(), near(source, 9, 60.0)
    edited[:, :, 20:] = 0
    assert score(ssim.BACKGROUND, Material(source, edited, matte=matte)).value == pytest.approx(1)
    m = Material(source, worse, matte=matte)
    assert score(ssim.BACKGROUND_COMPAT, m).value > score(ssim.BACKGROUND, m).value + 0.1


def test_flow_finds_a_shift_and_a_pan_has_no_warping_error() -> None:
    wide = smooth(10, 96, 140)
    pan = np.stack([wide[:, 3 * n : 3 * n + 96] for n in range(4)])  # everything goes 3 pixels to the left
    forth, where = next(motion.flows(pan))
    assert where[8:-8, 8:-8].mean() > 0.95 and forth[where].mean(0) == pytest.approx((-3, 0), abs=0.1)
    assert score(motion.OWN, Material(pan, pan)).value < 1e-4
    assert np.square(np.diff(pan.astype(float), axis=0) / 255).mean() > 50 * score(motion.OWN, Material(pan, pan)).value
    bright = pan.copy()
    bright[1::2] = (bright[1::2] * 0.94).astype(np.uint8)
    assert score(motion.SOURCE, Material(pan, bright)).value > 5e-4
    assert score(motion.RELATIVE, Material(pan, pan)).value == 1


def test_what_is_found_of_a_source_is_found_once_for_all_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = np.stack([smooth(10, 32, 40)[:, n : n + 36] for n in range(3)])
    by = (motion.SOURCE, motion.OWN, motion.RELATIVE, steadiness.WANDER)
    alone = [score(one, Material(clip, near(clip, n, 4.0))).value for n in range(2) for one in by]
    asked, flows, shared = list[int](), motion.flows, Memo(clip)
    monkeypatch.setattr(motion, "flows", lambda frames: asked.append(id(frames)) or flows(frames))
    held = [Material(clip, near(clip, n, 4.0), shared=shared) for n in range(2)]
    assert [score(one, m).value for m in held for one in by] == alone
    assert asked.count(id(clip)) == 1 and len(asked) == 3, "once for the source, once for each answer"
    other = Material(near(clip, 5), clip, shared=shared)
    assert other.shared is not shared, "what was found of one source is never told of another"


def test_change_of_the_change_is_that_of_the_exam() -> None:
    source, answer = noise(23, 3, 9, 11, 3), noise(24, 3, 9, 11, 3)
    assert score(steadiness.CHANGE, Material(source, answer)).value == flicker(source, answer)


def test_mean_colours_are_of_the_pixels_that_count() -> None:
    frames, where = noise(25, 2, 8, 9, 3), np.zeros((2, 8, 9), bool)
    where[:, 2:5, 3:7] = True
    inside = np.ascontiguousarray(frames[:, 2:5, 3:7])
    assert steadiness.colours(frames, where) == pytest.approx(steadiness.colours(inside), abs=1e-6)
    every = np.ones((2, 8, 9), bool)
    assert steadiness.colours(frames, every) == pytest.approx(steadiness.colours(frames), abs=1e-12)


def test_warping_error_is_its_definition() -> None:
    frames = noise(11, 2, 6, 8, 3)
    flow = np.zeros((6, 8, 2), np.float32)
    flow[..., 0] = 2  # what is at x goes to x + 2
    where = np.zeros((6, 8), bool)
    where[:, :6] = True
    wanted = [
        ((int(frames[1, y, x + 2, c]) - int(frames[0, y, x, c])) / 255) ** 2
        for y in range(6) for x in range(6) for c in range(3)
    ]  # fmt: skip
    assert motion.warping_error(frames, iter([(flow, where)])) == pytest.approx(sum(wanted) / len(wanted), abs=1e-5)
    back = -flow
    assert motion.known(flow, back)[:, :6].all() and not motion.known(flow, back)[:, 6:].any()
    assert not motion.known(flow, flow).any()  # forth and back disagree: hidden in one of the two frames


def test_steadiness_has_its_closed_forms() -> None:
    still = np.full((6, 8, 8, 3), 100, np.uint8)
    beat, rise = still.copy(), still.copy()
    beat[1::2] += 6
    rise += (3 * np.arange(6, dtype=np.uint8))[:, None, None, None]
    assert steadiness.shimmer(beat) == pytest.approx(4 * 3) and steadiness.shimmer(rise) == pytest.approx(0)
    assert steadiness.published(beat) == pytest.approx((255 - 6) / 255) and steadiness.published(still) == 1
    assert steadiness.drift(still, still) == 0 and steadiness.drift(still, still + np.uint8(20)) < 1e-9
    assert steadiness.drift(still, rise) == pytest.approx(6.09, abs=0.05)  # L from 42.37 to 48.46
    assert steadiness.drift(still, rise[::-1]) == pytest.approx(steadiness.drift(still, rise), abs=0.05)


def test_red_is_not_blue() -> None:
    red = np.zeros((3, 4, 4, 3), np.uint8)
    red[..., 0] = 80 + 40 * np.arange(3)[:, None, None]
    assert steadiness.drift(red, red[..., ::-1]) > 20  # the trends of red and of blue are far apart
    pure = np.zeros((3, 4, 4, 3), np.uint8)
    pure[:, :, :, 0] = np.array([0, 100, 255], np.uint8)[:, None, None]
    lab = math.hypot(53.24, 80.09, 67.20)  # of pure red, sRGB
    assert steadiness.drift(np.zeros_like(pure), pure) == pytest.approx(lab, abs=0.3)
    assert steadiness.luma(red)[0] == pytest.approx(0.299 * 80) and steadiness.luma(red[..., ::-1])[0] < 10


def test_a_returned_source_is_found_under_noise_of_coding_and_a_small_edit_is_none() -> None:
    source = np.repeat(smooth(12, 64, 64)[None], 2, 0)
    assert score(change.IDLE, Material(source, source)).value == 1
    assert score(change.IDLE, Material(source, near(source, 13, 8.0))).value == 1
    edited = source.copy()
    edited[:, 20:26, 20:26] = 255 - edited[:, 20:26, 20:26]
    edited[:, 40:48, 40:48] = 0
    assert score(change.IDLE, Material(source, edited)).value == 0


def test_mattes_are_compared_and_change_is_placed() -> None:
    source = np.zeros((1, 20, 20, 3), np.uint8)
    truth, found = (np.zeros((1, 20, 20), np.float32) for _ in range(2))
    truth[:, :, :10], found[:, :, 5:15] = 1, 1
    edited = source.copy()
    edited[:, :, 5:15] = 200
    m = Material(source, edited, matte=truth, found=found)
    assert score(change.MATTE, m).value == pytest.approx(5 / 15) and score(change.INSIDE, m).value == 0.5
    assert score(change.INSIDE, Material(source, source, matte=truth)).reason == "nothing was changed"


def test_form_is_kept_or_not() -> None:
    source, shorter = np.zeros((9, 4, 6, 3), np.uint8), np.zeros((5, 6, 4, 3), np.uint8)
    m = Material(source, shorter, fps=24, answer_fps=24 * 5 / 9)
    assert [score(s, m).value for s in (form.SIZE, form.LENGTH, form.SPEED, form.DURATION)] == [0, 0, 0, 1]
    assert score(form.SPEED, Material(source, source, fps=30000 / 1001, answer_fps=29.97)).value == 1
    assert score(pixels.SOURCE, m).reason == "the answer is 5 frames of 4x6, the source 9 frames of 6x4"


def test_what_cannot_be_scored_has_a_reason_and_is_never_a_number() -> None:
    small = noise(14, 1, 8, 8, 3)
    everywhere = Material(small, small, target=small, matte=np.ones((1, 8, 8), np.float32))
    for one in SCORERS:
        bare, covered = score(one, Material(small, small)), score(one, everywhere)
        for found in (bare, covered):
            assert math.isnan(found.value) == (found.reason is not None), one.id
        assert not one.needs or bare.reason == f"the case has no {one.needs[0]}"
    reasons = {one.id: score(one, everywhere).reason for one in SCORERS}
    assert "covers every pixel" in str(reasons["psnr.background/strict"]) and "176" in str(
        reasons["ms_ssim.target/strict"]
    )
    assert "window" in str(reasons["ssim.source/strict"]) and "no motion" in str(reasons["warp.own/strict"])


def test_wrong_arrays_are_refused() -> None:
    good = noise(15, 2, 4, 4, 3)
    for answer, words in ((good.astype(np.float32), "float32"), (good[0], r"\[4, 4, 3\]"), (good[..., :1], "uint8")):
        with pytest.raises(BadInput, match=words):
            Material(good, answer)
    with pytest.raises(BadInput, match="lies on the source"):
        Material(good, good, matte=np.zeros((2, 4, 5), np.float32))


def test_ids_name_their_protocol_once() -> None:
    ids = [one.id for one in SCORERS]
    assert len(set(ids)) == len(ids) and all(one.split("/")[1] in ("strict", "compat") for one in ids)
