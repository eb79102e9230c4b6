"""Whatever noise and noise time the target has, what is computed of clean segments is the same to the bit.

A black box: all that goes into attention and comes out of it is watched, in rows computed whole, without memory.
"""

import pytest
import torch

import refrain.models.wan.denoiser as door
from refrain.sequence import Sequence
from rows import Watch, denoiser, latents, one_turn, second_turn


def clean_rows(row: Sequence, rule: str, seed: int, t: float, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Queries, keys, values and answers of every clean token in every block."""
    watch = Watch(door.attend)
    with monkeypatch.context() as patched:
        patched.setattr(door, "attend", watch)
        denoiser(rule=rule).prepare(row, memory=False).velocity(latents(seed), t)
    clean = torch.cat([torch.full((len(s),), not s.noisy) for s in row.without_words()])
    return [part[:, clean] for call in watch.calls for part in call]


@pytest.mark.parametrize("row", [one_turn, second_turn])
@pytest.mark.parametrize("rule", ["isolated", "block_causal"])
@torch.no_grad()
def test_noise_and_time_leave_no_trace(row, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = clean_rows(row(), rule, 5, 1.0, monkeypatch)
    assert len(first) == 2 * 4
    for seed, t in ((6, 1.0), (5, 0.25), (7, 0.01)):
        assert all(torch.equal(a, b) for a, b in zip(first, clean_rows(row(), rule, seed, t, monkeypatch)))


@torch.no_grad()
def test_under_full_noise_is_seen_so_the_test_above_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (clean_rows(one_turn(), "full", seed, 1.0, monkeypatch) for seed in (5, 6))
    assert not all(torch.equal(a, b) for a, b in zip(first, second))
