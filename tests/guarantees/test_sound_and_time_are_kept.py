"""An edited file plays like its source: as many frames, the same times, size, turn and length, and the same sound."""

from fractions import Fraction
from pathlib import Path

import pytest

from media.make import Made, packets, video
from refrain import Clip, Edit, Editor
from tiny_embedded import save_tiny_embedded

EVEN = tuple(range(14))  # thirteen frames: more than one window of the tiny model
UNEVEN = (0, 3, 4, 9, 10, 11, 15, 22, 23, 24)


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return Editor.from_pretrained(save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.mark.parametrize("ticks", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("turned", [0, 90])
@pytest.mark.parametrize("lossless", [False, True])
def test_every_way_of_writing(
    ticks: tuple[int, ...], turned: int, lossless: bool, tmp_path: Path, editor: Editor
) -> None:
    made = Made(size=(70, 106), base=Fraction(1, 24), ticks=ticks, sound="aac", turned=turned)
    video(tmp_path / "in.mp4", made)
    source = Clip.read(tmp_path / "in.mp4")
    editor.edit(Edit("make it snow", source)).clip.write(tmp_path / "out.mp4", lossless=lossless)
    answer = Clip.read(tmp_path / "out.mp4")
    assert len(answer) == len(ticks) - 1
    assert (answer.times, answer.duration, answer.size) == (source.times, source.duration, source.size)
    assert packets(tmp_path / "out.mp4") == packets(tmp_path / "in.mp4") != []
    assert any((a != b).any() for a, b in zip(answer.planes, source.planes)), "nothing was edited"
