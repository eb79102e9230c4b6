"""Laws of a long clip: each window is computed once, the words once, and answers go on where they ended."""

from dataclasses import replace

import pytest
import torch

from editing.test_compose import CARD, seen
from refrain.attention import Dense
from refrain.editing.compose import windows
from refrain.editing.edit import denoise
from refrain.editing.solve import Solver
from refrain.editing.walk import Walk
from refrain.sequence import Segment
from rows import denoiser, some


@pytest.mark.parametrize("words", ["none", "prompt"])
@torch.no_grad()
def test_a_long_clip_computes_each_window_once_and_the_words_once(words: str) -> None:
    """Across steps, windows and guidance branches keys of clean tokens and words are projected as seldom as can be."""
    wan = denoiser(context_words=words)
    wan.card = card = replace(CARD, context_words=words)
    steps, calls = 3, list[tuple[str, int]]()
    for name, part in wan.experts[0].transformer.named_modules():
        if name.endswith("to_k"):
            part.register_forward_pre_hook(lambda _, given, name=name: calls.append((name, given[0].shape[1])))
    clip, walk = seen(7), Walk(steps, guidance=3.0, until=0.0, shift=1.0, solver="euler", grid="even", seed=0)
    spoken = (some(1, 5, 32, seed=4), some(1, 3, 32, seed=5))
    answer = denoise(Solver(wan, card, walk, Dense()), clip, spoken, lambda progress: None)

    assert answer.shape == clip.full.shape
    cuts = windows(7, card)
    assert [(c.start, c.stop) for c in cuts] == [(0, 3), (3, 5), (5, 7)]
    count = {n: calls.count(("blocks.0.attn1.to_k", n)) for n in {n for name, n in calls if "attn1" in name}}
    branches = 1 if words == "none" else 2
    if words == "none":
        assert count == {18 + 24: 1, 72: 2 * steps, 24 + 12 + 24: 2, 48: 2 * 2 * steps}
    else:  # the history hears the words of its own beat in both branches, so it is computed once
        assert count == {42: branches, 72: 2 * steps, 24 + 12 + 24: 2, 12 + 24: 2, 48: 2 * 2 * steps}
    heard = [n for name, n in calls if name == "blocks.0.attn2.to_k"]
    assert sorted(heard) == [3, 5]


@torch.no_grad()
def test_the_end_of_a_window_stands_before_the_next_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    wan = denoiser()
    wan.card = CARD
    rows = []
    prepare = wan.prepare
    monkeypatch.setattr(wan, "prepare", lambda row, *rest: (rows.append(row), prepare(row, *rest))[1])
    walk = Walk(2, guidance=1.0, until=0.0, shift=1.0, solver="euler", grid="even", seed=0)
    spoken = (some(1, 5, 32), some(1, 3, 32))
    answer = denoise(Solver(wan, CARD, walk, Dense()), seen(7), spoken, lambda progress: None)
    histories: list[Segment] = [s for row in rows for s in row if s.kind == "answer"]
    assert [row.target.beat for row in rows] == [0, 2, 4]
    for stop, history in zip((3, 5), histories):
        assert history.content is not None
        assert torch.equal(history.content, answer[:, :, stop - 1 : stop])
