"""Sizes a model can take, and the way back."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.media.fit import area_weights, model_size, pad_frames, pad_sides, padded_length, resized

SIDES = st.integers(1, 5000)


@given(SIDES, SIDES, st.sampled_from([64, 128, 256, 480]), st.sampled_from([8, 16, 32]))
def test_a_models_size_is_a_multiple_and_keeps_the_aspect(y: int, x: int, short: int, multiple: int) -> None:
    rows, columns = model_size((y, x), short, multiple)
    assert rows % multiple == columns % multiple == 0 and rows and columns
    scale = min(y, x, short) / min(y, x)
    assert abs(rows - max(multiple, y * scale)) <= multiple / 2
    assert abs(columns - max(multiple, x * scale)) <= multiple / 2


def test_known_sizes() -> None:
    assert model_size((720, 1280), 128, 16) == (128, 224)
    assert model_size((512, 512), 256, 16) == (256, 256)
    assert model_size((1280, 720), 480, 16) == (848, 480)
    assert model_size((100, 100), 256, 16) == (96, 96)


@given(st.integers(1, 40), st.sampled_from([1, 4, 8]))
def test_padding_in_time_loses_no_frame(count: int, group: int) -> None:
    frames = torch.arange(count, dtype=torch.float32)[:, None, None, None].expand(count, 3, 2, 2)
    padded = pad_frames(frames, group)
    assert (len(padded) - 1) % group == 0 and len(padded) - count < group
    assert len(padded) == padded_length(count, group)
    assert torch.equal(padded[:count], frames)
    assert (padded[count:] == count - 1).all()


@given(st.integers(1, 20), st.integers(1, 20))
def test_padding_in_space_is_undone_by_cropping(y: int, x: int) -> None:
    frames = torch.rand(2, 3, y, x)
    padded = pad_sides(frames, 8)
    assert padded.shape[-1] % 8 == padded.shape[-2] % 8 == 0
    assert torch.equal(padded[..., :y, :x], frames)


@given(st.integers(1, 60), st.integers(1, 60))
def test_area_weights_cover_every_sample_alike(length: int, target: int) -> None:
    weights = area_weights(length, target)
    assert torch.allclose(weights.sum(1), torch.ones(target, dtype=torch.float64))
    if target <= length:
        assert torch.allclose(weights.sum(0), torch.full((length,), target / length, dtype=torch.float64))


def test_shrinking_keeps_the_mean_and_halving_is_the_mean_of_four() -> None:
    frames = torch.rand(2, 3, 30, 42)
    assert torch.allclose(resized(frames, (7, 11)).mean((-2, -1)), frames.mean((-2, -1)), atol=1e-5)
    halved = frames.reshape(2, 3, 15, 2, 21, 2).mean((3, 5))
    assert torch.allclose(resized(frames, (15, 21)), halved, atol=1e-6)


def test_enlarging_a_slope_is_a_slope() -> None:
    slope = torch.arange(8.0).expand(1, 3, 4, 8)
    large = resized(slope, (4, 32))[0, 0, 0, 2:-2]
    assert torch.allclose(large.diff(), torch.full((27,), 0.25), atol=1e-5)
