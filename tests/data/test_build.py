"""A set of pairs is what was asked, exact where nothing changes, whole after a kill, and the same on more workers."""

import errno
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.pairs import clip, save
from refrain.data.build import Asked, build
from refrain.data.effects import EFFECTS
from refrain.data.store import Store
from refrain.errors import BadInput
from refrain.media import Clip

SMALL: Any = {"size": (32, 48), "frames": 3}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".facts.jsonl")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("effects", [(), ("fire",), ("fire", "snow"), ("fire", "snow", "rain", "fog", "keep")])
def test_effects_come_equally_often_and_one_in_ten_to_twenty_changes_nothing(effects: tuple[str, ...]) -> None:
    asked = Asked(1, effects=effects, seed=3)
    drawn = Counter(asked.effect(place) for place in range(2000))
    assert set(drawn) == {*(effects or EFFECTS), "keep"}
    assert 0.05 <= drawn["keep"] / 2000 <= 0.1
    others = [n for name, n in drawn.items() if name != "keep"]
    assert max(others) - min(others) <= 13


@pytest.mark.slow
def test_where_the_matte_is_0_target_and_source_are_one(tmp_path: Path) -> None:
    store, made = build(Asked(6, each=3, masks=True, effects=("ball", "rings", "bubbles"), **SMALL), tmp_path)
    assert made == 6 and not store.check() and len({pair.parent for pair in store}) == 2
    touched = 0
    for pair in store:
        source, target = store.clips(pair)
        assert pair.mask is not None
        same = Clip.read(pair.mask).planes[0] == 16
        assert np.array_equal(source.planes[0][same], target.planes[0][same])
        beside = np.pad(~same, ((0, 0), (1, 1), (1, 1)))
        near = np.any([np.roll(beside, (y, x), (1, 2)) for y in (-1, 0, 1) for x in (-1, 0, 1)], 0)[:, 1:-1:2, 1:-1:2]
        for old, new in zip(source.planes[1:], target.planes[1:]):
            assert np.array_equal(old[~near], new[~near])
        touched += not same.all()
        assert len({pair.instruction, *pair.wordings}) >= 2 or pair.effect == "keep"
        assert pair.seed is not None and pair.reverse and pair.caption and pair.licence and pair.generator
        assert pair.parent.startswith("scene ") and int(pair.parent.split()[1]) < 100_000
    assert touched >= 4


def test_whole_targets_are_what_layers_rebuild(tmp_path: Path) -> None:
    few: Any = {"effects": ("snow",), "each": 2, **SMALL}
    kept, _ = build(Asked(2, **few), tmp_path / "a")
    whole, _ = build(Asked(2, targets=True, **few), tmp_path / "b")
    for one, other in zip(kept, whole, strict=True):
        assert other.layer is None and one.target is None
        for a, b in zip(kept.clips(one), whole.clips(other), strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes))


def test_what_is_whole_is_not_made_again_and_more_may_be_asked_for(tmp_path: Path) -> None:
    build(Asked(3, each=2, **SMALL), tmp_path / "a")
    first = tmp_path / "a" / "plates" / "000000" / "source.mp4"
    before = first.stat().st_mtime_ns
    assert build(Asked(3, each=2, **SMALL), tmp_path / "a")[1] == 0
    build(Asked(6, each=2, **SMALL), tmp_path / "a")
    assert first.stat().st_mtime_ns == before
    build(Asked(6, each=2, **SMALL), tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    with pytest.raises(BadInput, match="another seed"):
        build(Asked(6, each=2, seed=1, **SMALL), tmp_path / "a")


@pytest.mark.slow
def test_the_set_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 2):
        build(Asked(5, each=2, masks=True, **SMALL), tmp_path / str(workers), workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


@pytest.mark.slow
def test_a_kill_leaves_nothing_half_done(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from pathlib import Path; from refrain.data.build import Asked, build\n"
        f"build(Asked(40, each=2, size=(32, 48), frames=3), Path({str(tmp_path / 'a')!r}))"
    )
    child = subprocess.Popen([sys.executable, "-c", program])
    until = time.monotonic() + 120
    while not (tmp_path / "a" / "plates" / "000001").is_dir() and time.monotonic() < until:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    begun = [path for path in (tmp_path / "a" / "plates").iterdir() if not path.name.startswith(".")]
    assert 2 <= len(begun) < 20 and all(not Store.open(path).check() for path in begun)
    assert len(Store.open(tmp_path / "a").pairs) <= 2 * len(begun)
    wanted = 2 * len(begun) + 2
    assert build(Asked(wanted, each=2, **SMALL), tmp_path / "a")[1] == 2
    build(Asked(wanted, each=2, **SMALL), tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone is told to keep memory")
@pytest.mark.slow
def test_a_worker_asks_for_the_memory_of_a_picture_once() -> None:
    program = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "import resource; import numpy as np; from refrain.data.build.run import keep_freed; keep_freed()\n"
        "def pages(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def paint(): return (np.ones((480, 832, 3), np.float32) * 2).sum()\n"
        "paint(); before = pages(); [paint() for _ in range(20)]; print(pages() - before)"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(asked.stdout) < 200  # one picture alone has 1,170 pages


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("refrain.media.write.encode", full)
    with pytest.raises(BadInput, match="No space left on device"):
        build(Asked(1, **SMALL), tmp_path)
    assert not list((tmp_path / "plates").iterdir()) and not Store.open(tmp_path).pairs


def test_clips_are_cut_into_stretches_and_their_masks_are_taken(tmp_path: Path) -> None:
    walk = save(tmp_path / "in", "walk.mp4", clip(1, frames=8, size=(64, 80)))
    white = clip(2, frames=8, size=(64, 80))
    for plane, value in zip(white.planes, (16, 128, 128)):
        plane[:] = value
    white.planes[0][:, 16:48, 40:72] = 235
    save(tmp_path / "in", "walk.mask.mp4", white)
    asked = Asked(
        4, each=2, effects=("recolour",), masks=True, fps=8, clips=(walk,), licence="CC0", size=(32, 40), frames=4
    )
    store, _ = build(asked, tmp_path / "out")
    pairs = store.pairs
    assert {pair.parent for pair in pairs} == {pairs[0].parent} and pairs[0].licence == "CC0"
    assert pairs[0].source != pairs[2].source and "frames 4 to 7" in str(pairs[2].provenance)
    shown = Clip.read(pairs[0].mask or "").planes[0] > 16
    assert shown[:, 10:22, 22:34].mean() > 0.8 and not shown[:, :, :17].any()
    with pytest.raises(BadInput, match="2 stretches"):
        build(Asked(5, each=2, fps=8, clips=(walk,), **{**SMALL, "frames": 4}), tmp_path / "more")


def test_what_cannot_be_made_is_refused() -> None:
    for asked, said in (
        ({"count": 0}, "count"),
        ({"count": 1, "size": (33, 48)}, "even"),
        ({"count": 1, "effects": ("snwo",)}, "snow"),
        ({"count": 1, "fps": 0}, "a second"),
    ):
        with pytest.raises(BadInput, match=said):
            Asked(**asked)  # type: ignore[arg-type]
