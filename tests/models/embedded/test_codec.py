"""Laws of the linear codec: affine, causal, nearly a projection, stored exactly, and good on real clips."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from refrain.data.scenes import render_scene
from refrain.errors import BadInput, BadWeights
from refrain.media import Clip
from refrain.models.embedded import codec as codec_module
from refrain.models.embedded.codec import CONFIG, PLACE, WEIGHTS, LinearCodec
from refrain.models.embedded.fit import fit
from refrain.models.embedded.leaves import leaves_clip

EMBEDDED = Path(codec_module.__file__).parent / "weights"


@pytest.fixture(scope="module")
def codec() -> LinearCodec:
    torch.manual_seed(0)
    scenes = [render_scene(seed, 8, (48, 48)).frames for seed in range(24)]
    return fit([*scenes, *(leaves_clip(seed, 8, 48) for seed in range(8))], rounds=1, each=2, side=48)


def _frames(*clips: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(clips)).permute(0, 1, 4, 2, 3).float() / 127.5 - 1


def _psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(-10 * torch.log10(((one - other) / 2).square().mean()))


def test_both_ways_are_affine(codec: LinearCodec) -> None:
    one, other = torch.rand(2, 1, 9, 3, 24, 40) * 2 - 1
    mixed = codec.encode(0.3 * one + 0.7 * other)
    assert torch.allclose(mixed, 0.3 * codec.encode(one) + 0.7 * codec.encode(other), atol=1e-4)
    one, other = torch.randn(2, 1, 48, 3, 3, 5)
    mixed = codec.affine(0.3 * one + 0.7 * other)
    assert torch.allclose(mixed, 0.3 * codec.affine(one) + 0.7 * codec.affine(other), atol=1e-4)


def test_shapes_of_clips_pictures_and_later_windows(codec: LinearCodec) -> None:
    latents = codec.encode(torch.zeros(2, 17, 3, 24, 40))
    assert latents.shape == (2, 48, 5, 3, 5)
    assert codec.decode(latents).shape == (2, 17, 3, 24, 40)
    assert codec.decode(latents, first=False).shape == (2, 20, 3, 24, 40)
    picture = codec.encode(torch.zeros(1, 1, 3, 8, 8))
    assert picture.shape == (1, 48, 1, 1, 1)
    assert codec.decode(picture).shape == (1, 1, 3, 8, 8)


def test_a_round_trip_keeps_an_unseen_scene(codec: LinearCodec) -> None:
    frames = _frames(render_scene(99, 9, (64, 64)).frames)
    again = codec.decode(codec.encode(frames))
    assert _psnr(frames, again) > 25
    assert _psnr(again, codec.decode(codec.encode(again))) > _psnr(frames, again) + 5  # almost a projection


def test_a_grey_picture_stays_as_it_is(codec: LinearCodec) -> None:
    grey = torch.full((1, 5, 3, 32, 32), 0.25)
    assert (codec.decode(codec.encode(grey)) - grey).abs().max() < 0.05


def test_latents_are_normalised_and_led_by_the_first(codec: LinearCodec) -> None:
    latents = codec.encode(_frames(*(render_scene(seed, 5, (48, 48)).frames for seed in range(12))))
    assert 0.6 < float(latents.std()) < 1.6
    deviation = latents[:, :, 1:].std((0, 2, 3, 4))
    assert deviation[0] > 2 * deviation[24] > 0


def test_what_a_channel_is_worth_is_what_it_makes_in_pixels() -> None:
    codec = LinearCodec.from_pretrained(EMBEDDED / "vae")  # the fixture's was fitted to too little to be orthogonal
    latents = torch.zeros(48, 48, 1, 5, 5)
    latents[range(48), range(48), 0, 2, 2] = 1  # of each channel one unit, amid nothing
    made = (codec.affine(latents) - codec.affine(0 * latents)).square().sum((1, 2, 3, 4))
    torch.testing.assert_close(codec.worth, made, rtol=0.02, atol=0)
    assert bool((codec.worth[:-1] >= codec.worth[1:]).all())


def test_a_latent_frame_reaches_its_own_frames_alone(codec: LinearCodec) -> None:
    latents = torch.randn(1, 48, 4, 3, 3) * 0.1
    changed = latents.clone()
    changed[:, :, 2] += 1
    moved = (codec.decode(latents) != codec.decode(changed)).flatten(2).any(2)[0]
    assert moved.nonzero().flatten().tolist() == [5, 6, 7, 8]


def test_a_group_of_frames_reaches_its_own_latent_alone(codec: LinearCodec) -> None:
    frames = torch.rand(1, 13, 3, 24, 24) - 0.5
    for start, stop, latent in ((0, 1, 0), (5, 9, 2)):
        changed = frames.clone()
        changed[:, start:stop] += 0.3
        moved = (codec.encode(frames) != codec.encode(changed)).flatten(3).any(3).any(1)[0]
        assert moved.nonzero().flatten().tolist() == [latent]


def test_windows_join_without_seams(codec: LinearCodec) -> None:
    latents = torch.randn(2, 48, 5, 3, 4)
    joined = torch.cat((codec.decode(latents[:, :, :2]), codec.decode(latents[:, :, 2:], first=False)), 1)
    assert torch.allclose(joined, codec.decode(latents), atol=1e-5)


def test_saved_and_loaded_is_the_same(codec: LinearCodec, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    again = LinearCodec.from_pretrained(tmp_path)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in codec.state_dict().items())
    frames = torch.rand(1, 5, 3, 16, 16)
    assert torch.equal(codec.encode(frames), again.encode(frames))
    codec.save_pretrained(tmp_path, torch.float16)
    half = LinearCodec.from_pretrained(tmp_path)
    assert (half.encode(frames) - codec.encode(frames)).abs().max() < 0.05


def test_the_same_clips_give_the_same_codec() -> None:
    clips = [leaves_clip(seed, 5, 32) for seed in range(8)]
    one, other = (fit(clips, channels=8, rounds=1, side=24) for _ in range(2))
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


def _broken(folder: Path, **changes: torch.Tensor | None) -> None:
    tensors = {**load_file(folder / WEIGHTS), **{name.replace("_", "."): new for name, new in changes.items()}}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, folder / WEIGHTS)


def test_bad_weights_are_named(codec: LinearCodec, tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="has no config.json"):
        LinearCodec.from_pretrained(tmp_path)
    for changes, words in (
        ({"first_scale": None}, "lacks first.scale"),
        ({"strange": torch.zeros(1)}, "also has strange"),
        ({"first_scale": torch.ones(47)}, "first.scale have other shapes"),
    ):
        codec.save_pretrained(tmp_path)
        _broken(tmp_path, **changes)
        with pytest.raises(BadWeights, match=words):
            LinearCodec.from_pretrained(tmp_path)
    codec.save_pretrained(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"nothing of the kind")
    with pytest.raises(BadWeights, match="not a readable safetensors"):
        LinearCodec.from_pretrained(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(BadWeights, match=f"has no {WEIGHTS}"):
        LinearCodec.from_pretrained(tmp_path)
    config = {"_class_name": "LinearCodec", "channels": 48, "window": 12}
    for wrong in (config | {"_class_name": "AutoencoderKLWan"}, config | {"more": 1}, config | {"window": 7}):
        (tmp_path / CONFIG).write_text(json.dumps(wrong))
        with pytest.raises(BadWeights):
            LinearCodec.from_pretrained(tmp_path)


def test_rounds_do_not_make_it_worse() -> None:
    clips = [leaves_clip(seed, 4, 48) for seed in range(12)]
    frames = _frames(*clips)
    groups = frames.flatten(1, 2)  # [n, 12, Y, X]
    errors = []
    for rounds in (0, 1, 3):
        linear = fit(clips, channels=8, window=10, rounds=rounds, side=48).group
        errors.append(float((linear.decode(linear.encode(groups)) - groups).square().mean()))
    assert errors[2] < errors[1] < errors[0]


def test_clips_that_are_too_small_are_refused() -> None:
    with pytest.raises(BadInput, match="at least 4x96x96"):
        fit([leaves_clip(0, 5, 48)])
    with pytest.raises(BadInput, match="give at least one"):
        fit([])


@pytest.mark.slow
def test_real_clips_come_back(material: Path) -> None:
    """The shipped codec, 17 frames at 256×256: at least 30 dB on the mean, and no edges at the places' borders."""
    codec = LinearCodec.from_pretrained(EMBEDDED / "vae")
    psnr, edges = {}, {}
    for path in sorted((material / "clips").glob("*.mp4")):
        frames = _frames(np.stack([_square(frame, 256) for frame in Clip.read(path).rgb(0, 17)]))
        again = codec.decode(codec.encode(frames))
        psnr[path.stem], edges[path.stem] = _psnr(frames, again), _edges(again)
    assert np.mean(list(psnr.values())) >= 30
    assert min(psnr.values()) >= 26, psnr
    assert max(edges.values()) <= 1.3, edges


def _square(frame: torch.Tensor, side: int) -> np.ndarray:
    """The middle square of a frame [3, Y, X] in [-1, 1] at another size: uint8 [side, side, 3]."""
    pixels = ((frame.movedim(0, -1) + 1) * 127.5).round().byte().numpy()
    short = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - short) // 2, (pixels.shape[1] - short) // 2
    return cv2.resize(pixels[top : top + short, left : left + short], (side, side), interpolation=cv2.INTER_AREA)


def _edges(frames: torch.Tensor) -> float:
    """Mean step across the places' borders over the mean step elsewhere; 1 where borders do not show."""
    at, off = 0.0, 0.0
    for turned in (frames, frames.transpose(-1, -2)):
        steps = turned.diff(dim=-1).abs().flatten(0, -2).mean(0)  # [X - 1]
        border = torch.arange(1, len(steps) + 1) % PLACE == 0
        at, off = at + float(steps[border].mean()), off + float(steps[~border].mean())
    return at / off


@pytest.mark.parametrize("shape", [(1, 4, 3, 16, 16), (1, 5, 3, 12, 16), (5, 3, 16, 16), (1, 0, 3, 16, 16)])
def test_frames_that_do_not_fit_are_refused(codec: LinearCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="The codec takes"):
        codec.encode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 47, 2, 2, 2), (1, 48, 0, 2, 2), (48, 2, 2, 2)])
def test_latents_that_do_not_fit_are_refused(codec: LinearCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="The codec decodes"):
        codec.decode(torch.zeros(shape))
