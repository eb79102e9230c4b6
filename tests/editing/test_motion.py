"""Laws of moving on: what moves evenly is where it will be, and what tells no motion stays as it is."""

import numpy as np
import pytest
import torch
from torch import Tensor

from editing.views import latents_of, shipped, view
from refrain.data.sessions import draw_session
from refrain.editing.motion import carried_on, moved_on
from refrain.models.embedded.codec import LinearCodec

MARGIN = 12  # pixels at the edges, where something comes into sight


@pytest.fixture(scope="module")
def codec() -> LinearCodec:
    return shipped()


def error(one: np.ndarray | Tensor, other: np.ndarray | Tensor) -> float:
    """Of pictures [y, x, 3], away from the edges."""
    a, b = (np.asarray(x, np.float32)[MARGIN:-MARGIN, MARGIN:-MARGIN] for x in (one, other))
    return float(np.sqrt(np.square(a - b).mean()))


@pytest.mark.parametrize("step", [(3.0, 0.0), (-2.0, 1.5), (0.0, -5.0)])
def test_a_view_that_moves_evenly_goes_on_moving(step: tuple[float, float]) -> None:
    pictures = [view(n * step[0], n * step[1]) for n in range(4)]
    for seen in (pictures[1:3], pictures[:3]):
        found = carried_on(seen)
        assert found is not None and error(found, pictures[3]) < 0.15 * error(pictures[2], pictures[3])


def test_a_view_that_moves_faster_and_faster_goes_on_to_do_so() -> None:
    pictures = [view(x) for x in (0, 1.5, 5, 10.5)]
    three, two = carried_on(pictures[:3]), carried_on(pictures[1:3])
    assert three is not None and two is not None
    assert error(three, pictures[3]) < 0.3 * error(two, pictures[3]) < 0.3 * error(pictures[2], pictures[3])


def test_another_shot_tells_no_motion() -> None:
    assert carried_on([view(0, seed=1), view(2)]) is None
    scenes = [draw_session(seed, 0, (64, 64)).frames[0] for seed in range(12)]
    assert [carried_on(list(pair)) for pair in zip(scenes, scenes[1:])] == [None] * 11
    cut = carried_on([view(0, seed=1), view(0), view(3)])  # only the last two are of one shot
    assert cut is not None and error(cut, view(6)) < 0.2 * error(view(3), view(6))


def test_a_picture_that_stands_still_and_one_that_is_too_small_stay() -> None:
    assert carried_on([view(0), view(0)]) is None and carried_on([view(0)]) is None
    assert carried_on([view(0)[:12, :12], view(2)[:12, :12]]) is None


def test_latents_are_moved_on_each_by_its_own_way(codec: LinearCodec) -> None:
    seen = [latents_of(codec, view(3 * n), view(0, -2 * n), view(0, seed=n)) for n in range(3)]
    base, truth = moved_on(codec, seen[:2]), codec.decode(seen[2])[:, 0].permute(0, 2, 3, 1)
    stood, found = (codec.decode(x)[:, 0].permute(0, 2, 3, 1) for x in (seen[1], base))
    for n in range(2):
        assert error(found[n], truth[n]) < 0.3 * error(stood[n], truth[n])
    assert torch.equal(base[2], seen[1][2]), "another shot stays as it is"
    for n in range(3):
        alone = moved_on(codec, [x[n : n + 1] for x in seen[:2]])
        torch.testing.assert_close(base[n : n + 1], alone, atol=0.02, rtol=0)  # a pixel rounds another way


def test_where_nothing_tells_of_motion_the_last_one_stays_to_the_bit(codec: LinearCodec) -> None:
    one, two = (latents_of(codec, view(3 * n)) for n in range(2))
    assert moved_on(codec, [two]) is two
    clip = torch.cat((one, two), 2)
    assert moved_on(codec, [clip, clip]) is clip, "of a clip every frame has its own time"
