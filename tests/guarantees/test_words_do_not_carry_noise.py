"""Words are clean: they never see noise, so they cannot hand it on to what reads them."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import refrain.models.wan.expert as door
from guarantees.test_no_target_sees_its_answer import sessions
from refrain.sequence import RULES, Sequence
from rows import denoiser, latents, reach, second_turn


@given(sessions(), st.sampled_from(["isolated", "block_causal"]))
def test_where_words_stand_in_the_row_no_noise_reaches_them(row: Sequence, rule: str) -> None:
    for words in (s for s in row if s.kind == "text"):
        assert not any(s.noisy for s in reach(words, row, RULES[rule]))


@pytest.mark.parametrize("rule", sorted(RULES))
@torch.no_grad()
def test_where_words_are_heard_across_their_keys_and_values_know_no_noise(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[torch.Tensor]] = []
    keys = door.word_keys

    def listening(*given: Any) -> tuple[torch.Tensor, torch.Tensor]:
        heard[-1] += keys(*given)
        return keys(*given)

    monkeypatch.setattr(door, "word_keys", listening)
    prepared = denoiser(rule=rule).prepare(second_turn(), memory=False)
    for seed, t in ((5, 1.0), (6, 0.3)):
        heard.append([])
        prepared.velocity(latents(seed), t)
    first, second = heard
    assert len(first) == len(second) > 0
    assert all(torch.equal(a, b) for a, b in zip(first, second))
