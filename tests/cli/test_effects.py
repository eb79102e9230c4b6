"""`refrain effects`: what can be rendered is listed, renders on any clip, and is refused by name."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cli.conftest import COLUMNS, FRAMES, ROWS, Run
from refrain.data.effects import EFFECTS
from refrain.media import Clip


def test_the_list_names_every_effect(run: Run) -> None:
    ran = run("effects", "list")
    assert ran.status == 0 and all(name in ran.out for name in EFFECTS)


def test_a_render_keeps_the_clip_beside_the_effect(clip: Path, out: Path, run: Run) -> None:
    done, matte = out / "ball.mkv", out / "matte.mp4"
    ran = run("effects", "render", clip, "ball", "--set", "colour=blue", "-o", done, "--matte", matte, "--lossless")
    assert ran.status == 0 and "colour blue" in ran.err
    before, after, changed = Clip.read(clip), Clip.read(done), Clip.read(matte)
    assert len(after) == len(changed) == FRAMES and after.size == (ROWS, COLUMNS) and after.sound is not None
    assert np.array_equal(after.planes[0][:, :20], before.planes[0][:, :20]), "a ball is not in the sky"
    assert not np.array_equal(after.planes[0], before.planes[0])


def test_a_mask_says_what_the_subject_is(clip: Path, out: Path, run: Run) -> None:
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[20:60, 10:40] = 255
    cv2.imwrite(str(out / "mask.png"), mask)
    ran = run("effects", "render", clip, "recolour", "--mask", out / "mask.png", "-o", out / "x.mkv", "--lossless")
    assert ran.status == 0 and "guessed" not in ran.err
    before, after = Clip.read(clip), Clip.read(out / "x.mkv")
    differs = (before.planes[0] != after.planes[0]).any(0)
    assert differs[22:58, 12:38].any() and not differs[:, 42:].any()


def test_what_cannot_be_rendered_is_refused_by_name(clip: Path, out: Path, run: Run) -> None:
    for arguments, said in (
        (("rigns",), "rings"),
        (("rings", "--set", "colour=brown"), "golden"),
        (("rings", "--set", "taste=sweet"), "no parameter"),
        (("snow", "--from", "99"), "the clip lasts"),
        (("rings", "--subject", "the dog", "--detector", out / "none"), "--detector a folder"),
        (("rings", "--subject", "the dog", "--mask", clip), "not both"),
    ):
        ran = run("effects", "render", clip, *arguments, "-o", out / "no.mp4")
        assert ran.status == 2 and said in ran.err and ran.err.strip().count("\n") == 0
    assert not list(out.iterdir())


@pytest.mark.slow
def test_the_gallery_shows_every_effect(out: Path, run: Run) -> None:
    ran = run("effects", "gallery", "-o", out / "all.png", "--frames", "2", "--columns", "8")
    picture = cv2.imread(str(out / "all.png"))
    assert ran.status == 0 and picture is not None and picture.shape[0] > 100 * (len(EFFECTS) // 8)
