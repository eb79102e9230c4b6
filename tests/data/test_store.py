"""Laws of the store: what is written is read, what is wrong is named by its line, and what is torn does no harm."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.pairs import bare, clip, pair, save
from refrain.data.layer import layer_of, rebuilt, write_layer
from refrain.data.pair import Pair, split_of
from refrain.data.store import PAIRS, Store
from refrain.errors import BadInput
from refrain.media import Clip

FULL = {
    "mask": Path("m.mp4"), "wordings": ("please", "do"), "reverse": "undo", "caption": "snow",
    "source_caption": "a bed",
    "fps": 23.976, "frames": 81, "width": 832, "height": 480, "effect": "snow", "parameters": {"speed": [1, 2.5]},
    "seed": 0, "generator": "effects 1", "scores": {"clip": 0.3}, "licence": "CC0", "provenance": "rendered",
    "split": "test", "task": "effect",
}  # fmt: skip


def told(error: "pytest.ExceptionInfo[BadInput]") -> str:
    assert str(error.value).count("\n") == 0
    return str(error.value)


def lines(folder: Path, *records: str) -> Store:
    (folder / PAIRS).write_text("".join(record + "\n" for record in records), encoding="utf-8")
    return Store.open(folder)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    full = {key: tmp_path / value if isinstance(value, Path) else value for key, value in FULL.items()}
    given = [bare(tmp_path, 1), bare(tmp_path / "sub", 2, **full)]
    Store.create(tmp_path).add(given)
    assert list(Store.open(tmp_path)) == given
    assert [found.line for found in Store.open(tmp_path / PAIRS)] == [1, 2]


def test_a_folder_can_be_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    store = Store.create(old)
    store.add([bare(old, 1)])
    mark = store.fingerprint()
    old.rename(new)
    assert Store.open(new).pairs[0].source == new / "a.mp4"
    assert Store.open(new).fingerprint() == mark


def test_an_unreadable_line_1731_is_named(tmp_path: Path) -> None:
    records = [bare(tmp_path, n).written(tmp_path) for n in range(1800)]
    records[1730] = records[1730][:-20]
    store = lines(tmp_path, *records)
    with pytest.raises(BadInput, match="line 1731: it is not readable JSON") as error:
        _ = store.pairs
    assert "mend it" in told(error)
    assert next(iter(store)).id == "pair0"  # what comes before can be read


WRONG = [
    ({"id": None}, "has no id"),
    ({"source": ""}, "has no source"),
    ({"target": None}, "neither a target nor a layer"),
    ({"layer": "l.mkv"}, "both a target and a layer"),
    ({"instuction": "x"}, "instuction, which is no field"),
    ({"frames": 4.5}, "frames is 4.5, which is not a whole number"),
    ({"fps": float("nan")}, "fps is nan"),
    ({"fps": True}, "fps is True"),
    ({"width": -3}, "width is -3"),
    ({"wordings": "x"}, "wordings is 'x'"),
    ({"scores": []}, "scores is"),
    ({"caption": 5}, "caption is 5"),
    ({"split": "dev"}, "split is 'dev'"),
    ({"source": "a\0b"}, "source is"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_a_record_that_is_no_pair_is_refused(tmp_path: Path, change: dict[str, object], sentence: str) -> None:
    record = {**json.loads(bare(tmp_path, 1).written(tmp_path)), **change}
    store = lines(tmp_path, bare(tmp_path, 0).written(tmp_path), json.dumps(record))
    with pytest.raises(BadInput, match="line 2") as error:
        list(store)
    assert sentence in told(error)


@given(st.text(max_size=30))
def test_no_text_is_more_than_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Pair.read(text, Path("."))


def test_an_id_stands_once(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    store.add([bare(tmp_path, 1), bare(tmp_path, 2), bare(tmp_path, 1)])
    with pytest.raises(BadInput, match=r"line 3 \(pair1\): line 1 has the same id"):
        list(store)


def test_pairs_of_one_parent_are_of_one_split(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    store.add([bare(tmp_path, 1, parent="p", split="train"), bare(tmp_path, 2, parent="p", split="test")])
    with pytest.raises(BadInput, match="pairs of one parent stay together"):
        list(store)


def test_splits_are_drawn_from_parents_in_their_shares() -> None:
    found = [split_of(f"clip {n}") for n in range(4000)]
    assert {split: found.count(split) / 4000 for split in set(found)} == pytest.approx(
        {"train": 0.9, "validation": 0.05, "test": 0.05}, abs=0.015
    )
    assert split_of("clip 7") == split_of("clip 7")


@pytest.mark.parametrize("cut", [1, 5, 100])
def test_a_torn_last_line_is_dropped(tmp_path: Path, cut: int) -> None:
    store = Store.create(tmp_path)
    store.add([bare(tmp_path, 1), bare(tmp_path, 2)])
    text = store.path.read_bytes()
    store.path.write_bytes(text[:-cut])
    whole = cut == 1  # only the end of line is lost
    assert [found.id for found in Store.open(tmp_path)] == ["pair1", "pair2"][: 2 if whole else 1]
    Store.open(tmp_path).add([bare(tmp_path, 3)])
    assert [found.id for found in Store.open(tmp_path)] == ["pair1", *(["pair2"] if whole else []), "pair3"]


def test_a_fingerprint_changes_with_any_word(tmp_path: Path) -> None:
    marks = set()
    for n, facts in enumerate([{}, {"instruction": "make it not so"}, {"scores": {"clip": 0.1}}, {"seed": 1}]):
        store = Store.create(tmp_path / str(n))
        store.add([bare(tmp_path / str(n), 1, **facts)])
        marks.add(store.fingerprint())
    assert len(marks) == 4


def test_a_sound_store_has_no_faults_and_clips_are_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.create(tmp_path)
    store.add([pair(tmp_path, 1), pair(tmp_path, 2, frames=5, width=64, height=64, fps=8.0)])
    assert store.check() == []
    monkeypatch.setattr(Clip, "read", lambda *_: pytest.fail("decoded again"))
    assert Store.open(tmp_path).check() == []
    assert Store.open(tmp_path).facts(store.pairs[0]).frames == 5


def test_pairs_that_are_not_alike_are_told_all_at_once(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    short, wide, fast = clip(1, frames=4), clip(2, size=(64, 80)), clip(3, fps=12)
    missing = replace(pair(tmp_path, 5), target=tmp_path / "gone.mp4")
    broken = pair(tmp_path, 6)
    assert broken.target is not None
    broken.target.write_bytes(b"no clip")
    store.add([pair(tmp_path, n, target=target) for n, target in ((1, short), (2, wide), (3, fast))])
    store.add([pair(tmp_path, 4, frames=9), missing, broken])
    with store.path.open("a", encoding="utf-8") as file:
        file.write("[]\n")
    faults = store.check()
    assert [fault.split("pairs.jsonl ")[1].split(":")[0] for fault in faults] == [
        *(f"line {n} (pair{n})" for n in range(1, 7)), "line 7"
    ]  # fmt: skip
    words = ["5 frames and 4", "64x64 and 80x64", "8 and 12 frames", "record and the clip say 9 frames", "is missing"]
    assert [word for word, fault in zip(words, faults) if word not in fault] == []
    assert "cannot be read" in faults[5]
    with pytest.raises(BadInput, match=r"line 1 \(pair1\): its source and its target have 5 frames and 4"):
        store.clips(next(iter(store)))


def test_twenty_faults_are_enough(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    store.add(bare(tmp_path, n) for n in range(30))
    assert len(store.check()) == 20


@pytest.mark.parametrize(("name", "size"), [("yuv420p", (64, 64)), ("yuv420p", (63, 64)), ("gbrp", (64, 64))])
def test_a_target_comes_back_from_its_layer_to_the_bit(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    source, target = clip(1, size=size, name=name), clip(2, size=size, name=name)
    save(tmp_path, "s.mkv", source)
    write_layer(source, target, tmp_path / "l.mkv")
    store = Store.create(tmp_path)
    store.add([Pair("a", "a", tmp_path / "s.mkv", None, "x", layer=tmp_path / "l.mkv")])
    before, after = store.clips(store.pairs[0])
    for found, expected in zip((*before.planes, *after.planes), (*source.planes, *target.planes)):
        assert np.array_equal(found, expected)


def test_a_layer_is_flat_where_nothing_changed_and_small(tmp_path: Path) -> None:
    source = clip(1, frames=9)
    planes = [plane.copy() for plane in source.planes]
    planes[0][:, :16, :16] += 3
    target = source.with_planes(planes)
    layer = layer_of(source, target)
    assert set(np.unique(layer.planes[0][:, 16:])) == {128}
    assert set(np.unique(layer.planes[0][:, :16, :16])) == {131}
    save(tmp_path, "target.mp4", target)
    write_layer(source, target, tmp_path / "layer.mp4")
    assert (tmp_path / "layer.mp4").stat().st_size < (tmp_path / "target.mp4").stat().st_size / 5
    assert all(map(np.array_equal, rebuilt(source, layer).planes, target.planes))


def test_a_layer_of_another_kind_is_refused() -> None:
    with pytest.raises(BadInput, match="needs the source's own pixel format"):
        layer_of(clip(1), clip(1, name="yuv444p"))
