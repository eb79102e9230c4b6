"""Laws of batches: what a step learns from depends on the seed and its number alone, and is what is seen in use."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.pairs import clip, pair
from refrain.data.clips import clips_of
from refrain.data.store import Store
from refrain.editing.compose import Window
from refrain.errors import BadInput
from refrain.media import Clip
from refrain.models.load import Host, host
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import WanDenoiser
from refrain.training.batches import Reading, ahead, batches, draw_window, worded
from refrain.training.objective import Batch, Encoded, loss, loss_of
from refrain.training.stage import Stage
from tiny_embedded import CARD, save_tiny_embedded

KNOWN = {"split": "train", "frames": 5, "width": 64, "height": 64, "fps": 8.0}
STAGE = Stage(steps=12, drop=0.3, seed=4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = save_tiny_embedded(tmp_path_factory.mktemp("tiny"))
    return host(folder, torch.float32, torch.device("cpu"))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Store, float]]:
    """Three pairs of one shape, one of them with two wordings, and one pair of another shape in a store of its own."""
    folder = tmp_path_factory.mktemp("stores")
    made = [Store.create(folder / name) for name in "ab"]
    made[0].add(pair(folder / "a", n, wordings=("red snow",) if n == 1 else (), **KNOWN) for n in (1, 2, 3))
    wide = [clip(seed, size=(64, 96)) for seed in (8, 9)]
    made[1].add([pair(folder / "b", 9, *wide, split="train")])
    return [(made[0], 3.0), (made[1], 1.0)]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return Reading(tmp_path_factory.mktemp("cache"), batch=2, lengths=(5,))


def equal(one: Encoded, two: Encoded) -> bool:
    tensors = zip((one.seen.full, one.clean, one.words), (two.seen.full, two.clean, two.words))
    return (one.ids, one.window) == (two.ids, two.window) and all(torch.equal(a, b) for a, b in tensors)


def test_a_resumed_run_meets_the_batches_it_would_have_met(
    tiny: Host, stores: list[tuple[Store, float]], reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(batches(stores, CARD, tiny.codec, tiny.words, STAGE, reading)(range(24)))
    assert len(whole) == 24
    monkeypatch.setattr(Clip, "read", lambda *_: pytest.fail("what is kept needs no clip"))
    resumed = list(batches(stores, CARD, tiny.codec, tiny.words, STAGE, replace(reading, ahead=0))(range(9, 24, 2)))
    assert all(map(equal, whole[9::2], resumed))
    drawn = Counter(name for batch in whole for name in batch.ids)
    assert drawn["pair9"] / sum(drawn.values()) == pytest.approx(0.25, abs=0.1)
    assert all(len({tuple(x.shape) for x in (b.clean, b.seen.full)}) == 1 for b in whole)
    other = list(batches(stores, CARD, tiny.codec, tiny.words, replace(STAGE, seed=5), reading)(range(24)))
    assert [b.ids for b in other] != [b.ids for b in whole]


def test_the_cause_changes_with_the_data(tiny: Host, stores: list[tuple[Store, float]], reading: Reading) -> None:
    def cause(asked: list[tuple[Store, float]], how: Reading = reading) -> dict[str, str]:
        return batches(asked, CARD, tiny.codec, tiny.words, STAGE, how).cause

    first, (a, b) = cause(stores), stores
    assert cause(stores, replace(reading, ahead=0)) == first
    others = [cause([a]), cause([(a[0], 2.0), b]), cause(stores, replace(reading, batch=1))]
    assert all(other != first for other in others)


def test_a_batch_costs_what_its_clips_and_words_cost(
    tiny: Host, stores: list[tuple[Store, float]], reading: Reading
) -> None:
    assert isinstance(tiny.denoiser, WanDenoiser)
    pairs = {p.id: (store, p) for store, _ in stores for p in store.pairs}
    kept = next(batches(stores, CARD, tiny.codec, tiny.words, replace(STAGE, drop=1), reading)(range(1)))
    size = (kept.clean.shape[3] * 8, kept.clean.shape[4] * 8)
    clips = [[each.at(size) for each in clips_of(*pairs[name], 5)] for name in kept.ids]
    source, target = (torch.stack([each[n] for each in clips]) for n in (0, 1))
    plain = Batch(source, target, tiny.words.encode([""] * len(clips)), kept.window)
    with torch.no_grad():
        found = loss_of(tiny.denoiser, kept, torch.Generator().manual_seed(1))
        expected = loss(tiny.denoiser, tiny.codec, plain, torch.Generator().manual_seed(1))
    torch.testing.assert_close(found, expected)


def test_words_are_dropped_in_their_share_and_wordings_take_turns() -> None:
    said = Counter(worded(np.random.default_rng(n), ("a", "b"), 0.2) for n in range(2000))
    assert {text: count / 2000 for text, count in said.items()} == pytest.approx(
        {"": 0.2, "a": 0.4, "b": 0.4}, abs=0.03
    )


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(2, 6), st.integers(0, 2))
def test_windows_lie_in_the_clip_and_know_their_history(seed: int, latents: int, window: int, history: int) -> None:
    card = Card(window=window, history=min(history, window - 1))
    try:
        found = draw_window(np.random.default_rng(seed), latents, card)
    except BadInput:
        assert latents > window
        return
    assert 0 <= found.start < found.stop <= latents
    assert found.history in (0, card.history)
    assert found.start >= found.history and (found.history > 0 or found.start == 0)
    assert found.stop - found.start <= window - found.history


def test_windows_begin_a_clip_and_go_on_in_it() -> None:
    card = Card(window=3, history=1)
    found = {draw_window(np.random.default_rng(n), 5, card) for n in range(300)}
    assert {Window(0, 3), Window(1, 3, 1), Window(2, 4, 1), Window(3, 5, 1)} <= found


def test_a_store_without_share_is_refused(tiny: Host, stores: list[tuple[Store, float]], reading: Reading) -> None:
    for given_stores in ([], [(stores[0][0], 0.0)]):
        with pytest.raises(BadInput, match="share above 0"):
            batches(given_stores, CARD, tiny.codec, tiny.words, STAGE, reading)


def test_reading_ahead_changes_nothing_and_stops_with_its_reader() -> None:
    assert list(ahead(range(50), 3)) == list(range(50))

    def broken() -> Iterator[int]:
        yield 1
        raise BadInput("no more")

    reader = ahead(broken(), 2)
    assert next(reader) == 1
    with pytest.raises(BadInput, match="no more"):
        next(reader)
    endless = ahead(iter(int, 1), 2)
    next(endless)
    assert reading_threads()
    endless.close()  # type: ignore[attr-defined]
    for thread in reading_threads():
        thread.join(10)
    assert not reading_threads()


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "refrain-ahead"]


@pytest.mark.slow
def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "docs/data.md", "exec"), {})  # noqa: S102
    assert "step=1" in capsys.readouterr().out
