"""Effects drawn with lines of light, and bubbles: their parameters mean what they say."""

import cv2
import numpy as np
import pytest

from refrain.data.effects import Shot
from refrain.data.effects.bubbles import Bubbles, bubbles
from refrain.data.effects.lightning import Lightning, lightning
from refrain.data.effects.lines import Lines, lines
from refrain.data.effects.neon import Neon, neon
from refrain.data.effects.traversal import Traversal, traversal

SIZE = (96, 128)


def ellipse(middle: tuple[float, float] = (64, 56), axes: tuple[int, int] = (18, 30)) -> np.ndarray:
    """A subject, float32 [Y, X]; middle and axes are (x, y)."""
    mask = np.zeros(SIZE, np.float32)
    cv2.ellipse(mask, (round(middle[0]), round(middle[1])), axes, 0, 0, 360, (1.0,), -1)
    return mask


def grey(length: int = 4, first: int = 0, mask: np.ndarray | None = None, level: int = 70) -> Shot:
    frames = np.full((length, *SIZE, 3), level, np.uint8)
    return Shot(frames, np.repeat((ellipse() if mask is None else mask)[None], length, 0), first)


def added(out: np.ndarray, level: int = 70) -> np.ndarray:
    """The mean change of every channel, [3]."""
    return (out.astype(float) - level).mean(axis=(0, 1, 2))


def edge(reach: int) -> np.ndarray:
    """Where the subject's outline is, so many pixels wide to either side."""
    solid = ellipse().astype(np.uint8)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(solid, kernel) != cv2.erode(solid, kernel)


def test_red_lightning_is_red_and_blue_lightning_is_blue() -> None:
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        assert added(lightning(grey(), 3, Lightning(colour)).frames).argmax() == channel


def test_lightning_runs_along_the_outline() -> None:
    change = np.abs(lightning(grey(6), 3, Lightning("white", "light")).frames.astype(float) - 70).mean(axis=(0, -1))
    assert change[edge(3)].mean() > 40
    assert change[edge(3)].mean() > 8 * change[~edge(8)].mean()


def test_lightning_from_above_comes_from_the_upper_edge() -> None:
    out = {where: lightning(grey(6), 3, Lightning("blue", "medium", where)).frames for where in ("outline", "above")}
    sky = {where: np.abs(frames[:, :12].astype(float) - 70).max(axis=(1, 2, 3)) for where, frames in out.items()}
    assert sky["above"].min() > 60 > sky["outline"].max()


def test_lightning_never_stands_still() -> None:
    out = lightning(grey(6), 3, Lightning()).frames.astype(float)
    assert min(np.abs(a - b)[edge(3)].mean() for a, b in zip(out, out[4:], strict=False)) > 10


def test_a_small_second_piece_counts_little_and_a_large_one_burns_too() -> None:
    for axes, burns in (((14, 22), True), ((2, 2), False)):
        mask = np.maximum(ellipse((36, 56), (16, 28)), ellipse((100, 56), axes))
        out = lightning(grey(1, 0, mask), 3, Lightning("white")).frames[0]
        assert (np.abs(out[:, 84:].astype(float) - 70).max() > 60) == burns


@pytest.mark.parametrize(
    ("effect", "parameters"), [(lightning, Lightning()), (lines, Lines()), (neon, Neon(where="subject"))]
)
def test_without_a_subject_in_the_frame_the_source_stands(effect, parameters) -> None:
    shot = grey(mask=np.zeros(SIZE, np.float32))
    out = effect(shot, 3, parameters)
    assert np.array_equal(out.frames, shot.frames) and not out.matte.any()


def test_lines_have_their_colour_and_dim_the_subject() -> None:
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        out = lines(grey(2), 3, Lines(colour)).frames
        assert out[:, edge(2)].mean(axis=(0, 1)).argmax() == channel
        assert out[:, 56, 64].max() < 60


def test_more_lines_reach_as_far_and_fill_more() -> None:
    drawn = [lines(grey(2), 3, Lines("white", amount)).matte for amount in ("light", "medium", "heavy")]
    outside = [float(matte[:, ellipse() == 0].mean()) for matte in drawn]
    assert outside[0] < outside[1] < outside[2]


def test_lines_follow_the_subject() -> None:
    here, there = ellipse((50, 52)), ellipse((66, 58))
    a, b = (lines(grey(1, 4, mask), 3, Lines()).matte[0] for mask in (here, there))
    moved = np.roll(a, (6, 16), (0, 1))
    assert np.abs(moved - b)[20:-20, 30:-30].mean() < 0.1 * np.abs(a - b)[20:-20, 30:-30].mean()


def test_neon_darkens_the_scene_and_lights_its_edges() -> None:
    frames = np.full((1, *SIZE, 3), 200, np.uint8)
    frames[:, :, 64:] = 90
    out = neon(Shot(frames), 3, Neon("blue")).frames[0].astype(int)
    assert out[:, 61:66, 2].max(axis=1).min() > 180, "the edge shines"
    assert out[:, :24].max() < 80 and out[:, 104:].max() < 40, "the rest is dark"
    assert (out[:, 58:70, 2] >= out[:, 58:70, 0]).all()


def test_neon_on_the_subject_leaves_the_rest_alone() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3), np.uint8)
    out = neon(Shot(noise, ellipse()[None]), 3, Neon("pink", "subject"))
    assert np.array_equal(out.frames[:, :, 110:], noise[:, :, 110:])
    assert out.matte[0, edge(1)].min() > 0.4


def test_neon_does_not_flicker_when_the_picture_hardly_changes() -> None:
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    waves = [110 + 80 * np.sin(0.11 * (x + 0.1 * k)) * np.cos(0.13 * y) for k in range(4)]
    frames = np.repeat(np.stack(waves)[..., None], 3, -1).astype(np.uint8)
    out = neon(Shot(frames), 3, Neon("white")).frames.astype(float)
    assert np.abs(np.diff(out, axis=0)).mean() < 0.05 * out.std() + 2


def test_trails_fly_the_way_they_are_called() -> None:
    for direction, axis, sign in (("left", 1, -1), ("right", 1, 1), ("up", 2, -1)):
        frames = traversal(grey(16, 0, 0 * ellipse()), 3, Traversal("white", "slow", direction)).frames
        light = frames.mean(axis=(axis, 3))  # along one side of the frame, [T, N]
        change = np.diff(light, axis=0)  # light that moves on comes where it is darker further on
        moved = -(change * np.gradient(light, axis=1)[:-1]).mean() / change.var()
        assert sign * moved > 0.08, direction


def test_trails_pass_behind_the_subject_and_before_it() -> None:
    mask = ellipse(axes=(30, 34))
    inside, outside = cv2.erode(mask, np.ones((9, 9))) > 0, cv2.dilate(mask, np.ones((9, 9))) == 0
    solid, faint = (traversal(grey(20, 0, mask * share), 3, Traversal()).matte > 0.4 for share in (1.0, 0.3))
    assert 0.1 * faint[:, inside].mean() < solid[:, inside].mean() < 0.87 * faint[:, inside].mean()
    assert 0.9 < solid[:, outside].mean() / faint[:, outside].mean() < 1.1


def test_faster_trails_move_further() -> None:
    change = [
        np.abs(np.diff(traversal(grey(8), 3, Traversal("white", speed)).frames.astype(float), axis=0)).mean()
        for speed in ("slow", "medium", "fast")
    ]
    assert change[0] < change[1] < change[2]


def test_bubbles_rise_and_faster_ones_rise_faster() -> None:
    rates = []
    for speed in ("slow", "medium", "fast"):
        light = bubbles(grey(8), 3, Bubbles("heavy", "medium", speed)).frames.astype(np.float32).mean(-1)
        rates.append(float(np.median([cv2.phaseCorrelate(a, b)[0][1] for a, b in zip(light, light[1:], strict=False)])))
    assert 0 > rates[0] > rates[1] > rates[2]


def test_bigger_bubbles_are_bigger() -> None:
    largest = []
    for size in ("small", "medium", "big"):
        out = bubbles(grey(1), 3, Bubbles("light", size)).matte[0]
        _, _, stats, _ = cv2.connectedComponentsWithStats((out > 0).astype(np.uint8))
        largest.append(stats[1:, cv2.CC_STAT_HEIGHT].max())
    assert largest[0] < largest[1] < largest[2]


def test_a_bubble_shimmers_in_many_colours_and_lets_the_scene_through() -> None:
    out = bubbles(grey(1), 3, Bubbles("medium", "big"))
    rim = out.frames[0][out.matte[0] > 0.8].astype(int)
    assert all((rim[:, c] - rim[:, (c + 1) % 3] > 30).any() for c in range(3)), "red, green and blue"
    inside = (out.matte[0] > 0.2) & (out.matte[0] < 0.32)
    assert inside.mean() > 0.02 and np.abs(out.frames[0][inside].astype(int) - 70).mean() < 25
