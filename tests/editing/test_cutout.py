"""Laws of cutting out: what stands before a new background keeps its edges, and nothing else is touched."""

from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from refrain.data.sessions import draw_session
from refrain.data.sessions.render import render
from refrain.data.sessions.turns import KINDS
from refrain.editing.cutout import cut_out, recut
from refrain.models.embedded import weights
from refrain.models.embedded.codec import LinearCodec

SIZE = (128, 128)


def frames(pictures: np.ndarray) -> Tensor:
    """uint8 [T, y, x, 3] as [T, 3, y, x] in [-1, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def replaced(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A picture, the same before a new background as a model draws it whose edges are soft and reach into things, and
    the true one."""
    turn = draw_session(seed, 1, SIZE, kinds=("background",)).turns[0]
    empty = frames(render(replace(turn.after.graph, things=()), SIZE).frames)
    things = (turn.mask_next[0] < 0.5).astype(np.float32)
    stays = torch.from_numpy(cv2.GaussianBlur(cv2.erode(things, np.ones((3, 3), np.uint8)), (0, 0), 1.5))
    before, true = frames(turn.before.frames), frames(turn.frames)
    return before, empty + stays * (true - empty), true


def error(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean().sqrt())


def test_things_get_their_edges_back() -> None:
    shares: list[float] = []
    for seed in range(20, 40):
        before, drawn, true = replaced(seed)
        done = recut(before, drawn)
        if done is not None:
            shares.append(error(done, true) / error(drawn, true))
    assert len(shares) >= 16 and max(shares) < 1 and median(shares) < 0.75


def test_a_clip_is_cut_frame_by_frame_with_its_neighbours() -> None:
    before, drawn, _ = replaced(21)
    alone, many = recut(before, drawn), recut(before.expand(11, -1, -1, -1), drawn.expand(11, -1, -1, -1))
    assert alone is not None and many is not None
    torch.testing.assert_close(many, alone.expand(11, -1, -1, -1))


@pytest.mark.parametrize("seed", range(20, 32))
def test_a_faultless_background_stays_about_as_it_is(seed: int) -> None:
    before, drawn, true = replaced(seed)
    done = recut(before, true)
    assert done is None or error(done, true) < error(drawn, true)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "background"])
def test_other_turns_are_left_alone(kind: str) -> None:
    for seed in range(20, 26):
        turn = draw_session(seed, 1, SIZE, kinds=(kind,)).turns[0]
        assert recut(frames(turn.before.frames), frames(turn.frames)) is None


def test_where_nothing_or_everything_is_new_nothing_is_cut() -> None:
    before, _, _ = replaced(20)
    assert recut(before, before) is None
    for seed in range(90, 96):
        assert recut(before, frames(draw_session(seed, 0, SIZE).frames)) is None


def test_frames_must_be_of_one_shape() -> None:
    before, drawn, _ = replaced(20)
    with pytest.raises(ValueError, match="one shape"):
        recut(before, drawn[..., :64])


def test_latents_that_nothing_is_cut_from_stay_to_the_bit() -> None:
    codec = LinearCodec.from_pretrained(Path(next(iter(weights.__path__))) / "vae")
    before, soft, _ = replaced(20)
    with torch.no_grad():
        latents = codec.encode(soft[None])
        drawn = codec.decode(latents)[0]
        done, shown = cut_out(codec, latents, before, drawn)
        cut = recut(before, drawn)
        assert cut is not None
        torch.testing.assert_close(shown, codec.decode(done)[0])
        assert error(shown, cut) < error(drawn, cut)
        same = ((cut - drawn).abs() < 1e-5).all(1).float()  # [1, y, x]
        far = avg_pool2d(same, 24, 8, 8)[0] == 1  # [Y, X], a latent and all around it
        assert far.any() and not far.all()
        torch.testing.assert_close(done[..., far], latents[..., far], rtol=0, atol=1e-4)
