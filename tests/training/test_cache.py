"""Laws of what is kept: it is what would be made, under a key that changes with all that it depends on."""

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.pairs import clip, pair, save
from media.make import Made
from refrain.data.cache import Cache, key_of
from refrain.data.clips import clips_of, packed, unpacked
from refrain.data.layer import write_layer
from refrain.data.pair import Pair
from refrain.data.store import Store
from refrain.editing.compose import see
from refrain.errors import BadInput, Unsupported
from refrain.models.load import Host, host
from refrain.training.buckets import Shape, buckets
from refrain.training.cache import (
    Filled,
    Makers,
    fill,
    identity,
    mask_in,
    pair_keys,
    seen_in,
    states_in,
    verify,
    words_key,
)
from tiny_embedded import CARD, save_tiny_embedded

SHAPE = Shape(5, 64, 64)
KNOWN = {"split": "train", "frames": 5, "width": 64, "height": 64, "fps": 8.0}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = save_tiny_embedded(tmp_path_factory.mktemp("tiny"))
    return host(folder, torch.float32, torch.device("cpu"))


@pytest.fixture(scope="module")
def makers(tiny: Host) -> Makers:
    return Makers.of(tiny.codec, tiny.words, tiny.card)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two pairs; the first has a mask and two wordings."""
    folder = tmp_path_factory.mktemp("store")
    mask = save(folder, "mask.mp4", clip(77))
    made = Store.create(folder)
    made.add([pair(folder, 1, mask=mask, wordings=("red snow",), **KNOWN), pair(folder, 2, **KNOWN)])
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, store: Store, makers: Makers) -> tuple[Cache, list[Filled]]:
    """A filled cache, and what was heard of it."""
    cache, heard = Cache(tmp_path_factory.mktemp("cache")), list[Filled]()
    fill(cache, makers, buckets(store, CARD, (5,)), heard.append)
    return cache, heard


@pytest.fixture
def cache(tmp_path: Path, whole: tuple[Cache, list[Filled]]) -> Cache:
    """A filled cache to spoil."""
    return Cache(shutil.copytree(whole[0].folder, tmp_path / "cache"))


def test_what_is_kept_is_what_is_seen_in_use(cache: Cache, store: Store, makers: Makers) -> None:
    items = [held(cache, makers, store, each) for each in store.pairs]
    seen, clean = seen_in(items)
    for n, each in enumerate(store.pairs):
        source, target = (frames.at((64, 64))[None] for frames in clips_of(store, each, 5))
        expected = see(makers.codec, source, CARD)
        assert seen.coarse is not None and expected.coarse is not None
        torch.testing.assert_close(seen.full[n], expected.full[0], rtol=0, atol=0)
        torch.testing.assert_close(seen.coarse[n], expected.coarse[0], rtol=0, atol=0)
        torch.testing.assert_close(clean[n], makers.codec.encode(target)[0], rtol=0, atol=0)
    for text in ("", "red snow", "make it 2"):
        item = cache.get(words_key(makers.names, text))
        assert item is not None
        torch.testing.assert_close(states_in(item), makers.words.encode([text])[0], rtol=0, atol=0)
    assert [mask_in(item, SHAPE) is None for item in items] == [False, True]


def test_a_killed_run_makes_only_what_is_missing(
    whole: tuple[Cache, list[Filled]], cache: Cache, store: Store, makers: Makers
) -> None:
    assert [filled.done for filled in whole[1]] == [3, 5, 6, 7, 8, 9]
    assert whole[1][-1] == Filled(9, 9, 9)  # two sources, two targets, a mask, four texts
    cache.path(pair_keys(makers.names, store, store.pairs[1], SHAPE)["target"]).unlink()
    assert fill(cache, makers, buckets(store, CARD, (5,)), begin=0.5) == Filled(9, 9, 1)


def test_all_that_an_item_depends_on_changes_its_key(tmp_path: Path, store: Store, makers: Makers, tiny: Host) -> None:
    one = store.pairs[0]
    other = replace(one, target=store.pairs[1].target)
    codec = identity(tiny.codec)
    first = next(p for p in tiny.codec.parameters() if p.numel())  # type: ignore[attr-defined]
    with torch.no_grad():
        first.view(-1)[0] += 1
        moved = replace(makers.names, codec=identity(tiny.codec))
        first.view(-1)[0] -= 1
    assert identity(tiny.codec) == codec
    keys = pair_keys(makers.names, store, one, SHAPE)
    for names, each, shape, changed in (
        (makers.names, other, SHAPE, {"target"}),
        (makers.names, replace(one, source=store.pairs[1].source), SHAPE, {"source"}),
        (makers.names, replace(one, mask=other.target), SHAPE, {"mask"}),
        (makers.names, replace(one, target=None, layer=one.target), SHAPE, {"target"}),
        (makers.names, one, Shape(1, 64, 64), {"source", "target", "mask"}),
        (makers.names, one, Shape(5, 32, 64), {"source", "target", "mask"}),
        (moved, one, SHAPE, {"source", "target"}),
        (replace(makers.names, dtype=torch.bfloat16), one, SHAPE, {"source", "target"}),
        (replace(makers.names, coarse=(1, 1, 1)), one, SHAPE, {"source"}),
        (makers.names, replace(one, instruction="another"), SHAPE, set()),
    ):
        found = pair_keys(names, store, each, shape)
        assert {part for part in keys if found[part] != keys[part]} == changed
    assert words_key(makers.names, "a") != words_key(makers.names, "b")
    assert words_key(makers.names, "a") != words_key(replace(makers.names, words="others"), "a")


def test_a_clip_that_changes_has_another_key(tmp_path: Path, makers: Makers) -> None:
    made = pair(tmp_path, 1)
    store = Store.create(tmp_path)
    before = pair_keys(makers.names, store, made, SHAPE)
    save(tmp_path, "1b.mp4", clip(5))
    os.utime(tmp_path / "1b.mp4", ns=(1, 1))
    after = pair_keys(makers.names, store, made, SHAPE)
    assert after["target"] != before["target"] and after["source"] == before["source"]


@pytest.mark.parametrize("name", ["source", "target", "mask"])
def test_a_clip_that_is_gone_is_told_with_its_line(tmp_path: Path, makers: Makers, name: str) -> None:
    made = Store.create(tmp_path)
    made.add([pair(tmp_path, 1, **KNOWN), pair(tmp_path, 2, mask=save(tmp_path, "mask.mp4", clip(77)), **KNOWN)])
    gone: Path = getattr(made.pairs[1], name)
    gone.unlink()
    with pytest.raises(BadInput, match=f"line 2 .*its {name} .*{gone.name} is missing"):
        pair_keys(makers.names, made, made.pairs[1], SHAPE)


def test_what_has_no_weights_cannot_be_known_again() -> None:
    with pytest.raises(Unsupported, match="without weights"):
        identity(Made())


def test_verifying_finds_what_is_not_as_it_was(cache: Cache, store: Store, makers: Makers) -> None:
    found = buckets(store, CARD, (5,))
    assert verify(cache, makers, found) == []
    spoilt, gone = (pair_keys(makers.names, store, each, SHAPE)["target"] for each in store.pairs)
    item = cache.get(spoilt)
    assert item is not None
    cache.put(spoilt, {**item, "target": item["target"] + 1})
    cache.path(gone).unlink()
    assert sorted(verify(cache, makers, found, share=1)) == sorted([spoilt, gone])


def test_a_mask_is_one_bit_a_pixel() -> None:
    mask = torch.rand(3, 5, 13) > 0.5
    assert packed(mask).shape == (3, 5, 2)
    assert torch.equal(unpacked(packed(mask), 13), mask)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="disk is full: .* has no room for .* start again, for what is cached is kept"):
        Cache(tmp_path).put(key_of({"a": 1}), {"x": torch.zeros(4)})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_damaged_item_is_named(tmp_path: Path) -> None:
    cache, key = Cache(tmp_path), key_of({"a": 1})
    cache.put(key, {"x": torch.zeros(4)})
    cache.path(key).write_bytes(b"torn")
    with pytest.raises(BadInput, match="damaged .* delete it"):
        cache.get(key)
    assert cache.get(key_of({"b": 1})) is None


WRITER = """
import sys, torch
from pathlib import Path
from refrain.data.cache import Cache, key_of
cache = Cache(sys.argv[1])
for n in range(60):
    cache.put(key_of({"n": n}), {"x": torch.full((500,), float(n))})
    held = cache.get(key_of({"n": n}))
    assert held is not None and held["x"].eq(n).all()
"""


@pytest.mark.slow
def test_two_processes_share_a_cache(tmp_path: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(Path(key_of.__code__.co_filename).parents[2])!r})\n{WRITER}"
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE) for _ in "ab"]
    assert [(each.communicate()[1], each.returncode) for each in running] == [(b"", 0)] * 2
    cache = Cache(tmp_path)
    assert all(cache.get(key_of({"n": n}))["x"].eq(n).all() for n in range(60))  # type: ignore[index]
    assert not list(tmp_path.rglob("*.part"))


def test_a_target_kept_as_a_layer_is_encoded_as_the_target(tmp_path: Path, makers: Makers) -> None:
    source, target = clip(1), clip(2)
    write_layer(source, target, tmp_path / "l.mp4")
    save(tmp_path, "s.mp4", source)
    save(tmp_path, "t.mp4", target)
    store = Store.create(tmp_path)
    kept = Pair("a", "a", tmp_path / "s.mp4", None, "x", layer=tmp_path / "l.mp4", **KNOWN)  # type: ignore[arg-type]
    plain = replace(kept, id="b", target=tmp_path / "t.mp4", layer=None)
    store.add([kept, plain])
    cache = Cache(tmp_path / "cache")
    fill(cache, makers, buckets(store, CARD, (5,)))
    one, two = (held(cache, makers, store, each) for each in store.pairs)
    assert torch.equal(one["target"], two["target"])


def test_the_edits_of_one_clip_share_its_source(tmp_path: Path, store: Store, makers: Makers) -> None:
    one, two = store.pairs
    again = Store.create(tmp_path)
    again.add([replace(one, mask=None), replace(two, source=one.source, parent=one.parent)])
    filled = fill(Cache(tmp_path / "cache"), makers, buckets(again, CARD, (5,)))
    assert filled.total == filled.made == 3 + 4  # a source, two targets; four texts


def held(cache: Cache, makers: Makers, store: Store, pair: Pair) -> dict[str, torch.Tensor]:
    """All that is kept of a pair."""
    found = [cache.get(key) for key in pair_keys(makers.names, store, pair, SHAPE).values()]
    return {name: tensor for item in found if item is not None for name, tensor in item.items()}
