"""Laws of memory: nothing is computed twice that need not be, nothing stale is ever used, and its size is foretold."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from peft import LoraConfig

from refrain.attention import Dense, Isa, Spec
from refrain.attention.isa import known, statistics
from refrain.attention.tiles import Tiles
from refrain.errors import BadInput
from refrain.models.wan import asked
from refrain.models.wan.asked import Room
from refrain.models.wan.denoiser import Row, WanDenoiser
from refrain.sequence import Segment, Sequence
from rows import FRAMES, WORDS, denoiser, laid, latents, one_turn, said, second_turn, some

TARGET = FRAMES * 2 * 3  # tokens
LORA = LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v", "to_out.0"])


@contextmanager
def counted(wan: WanDenoiser) -> Iterator[Counter[tuple[str, int]]]:
    """How often each projection is called, by name and number of tokens, in all experts and blocks together."""
    calls: Counter[tuple[str, int]] = Counter()
    handles = []
    for one in wan.experts:
        for name, part in one.transformer.named_modules():
            kind = name.split(".", 2)[-1] if name.startswith("blocks.") else name
            if kind in {"attn1.to_k", "attn1.to_q", "attn2.to_k", "ffn", "condition_embedder.text_embedder"}:
                watch: Callable[..., None] = lambda _, given, kind=kind: calls.update([(kind, given[0].shape[1])])  # noqa: E731
                handles.append(part.register_forward_pre_hook(watch))
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def clean_tokens(row: Sequence) -> int:
    return sum(len(s) for s in row.without_words() if not s.noisy)


# -- nothing is computed twice -----------------------------------------------------------------------------------------


@torch.no_grad()
def test_across_steps_only_the_target_is_computed() -> None:
    wan, row = denoiser(context_words="none"), one_turn()
    clean = clean_tokens(row)
    with counted(wan) as calls:
        prepared = wan.prepare(row)
        for n in range(5):
            prepared.velocity(latents(n), 1 - n / 5)
    assert calls == {
        ("attn1.to_q", clean): 2,
        ("attn1.to_k", clean): 2,
        ("ffn", clean): 1,  # of the last block only keys and values are wanted
        ("attn1.to_q", TARGET): 2 * 5,
        ("attn1.to_k", TARGET): 2 * 5,
        ("ffn", TARGET): 2 * 5,
        ("attn2.to_k", WORDS): 2,
        ("condition_embedder.text_embedder", WORDS): 1,
    }


@torch.no_grad()
def test_across_steps_only_the_target_is_laid_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[int] = []
    real = statistics.means_of

    def counting(k: torch.Tensor, v: torch.Tensor, tiles: Tiles, order: int = 0) -> statistics.Means:
        laid.append(len(tiles.back))
        return real(k, v, tiles, order)

    monkeypatch.setattr(known, "means_of", counting)
    wan, row = denoiser(context_words="none"), one_turn()
    prepared = wan.prepare(row, Isa(keep=1 / 4, tile=2))
    prepared.velocity(latents(0), 0.9)
    laid.clear()
    for n in range(3):
        prepared.velocity(latents(n), 0.5)
    assert laid == [TARGET] * 2 * 3


@pytest.mark.parametrize(("words", "times"), [("none", 1), ("empty", 1), ("prompt", 2)])
@torch.no_grad()
def test_guidance_shares_what_does_not_hear_its_words(words: str, times: int) -> None:
    wan, row = denoiser(context_words=words), one_turn()
    with counted(wan) as calls:
        asked, unasked = wan.prepare(row), wan.prepare(row.reworded(some(1, 3, 32, seed=7)))
        for n in range(3):
            asked.velocity(latents(n), 0.5)
            unasked.velocity(latents(n), 0.5)
    assert calls["attn1.to_k", clean_tokens(row)] == 2 * times
    assert calls["attn2.to_k", 3] == calls["attn2.to_k", WORDS] == 2


@torch.no_grad()
def test_a_later_row_recalls_the_segments_that_it_shares() -> None:
    """A new prompt, and under `isolated` even another row around the same segment."""
    wan, first = denoiser(context_words="none"), one_turn()
    source = first.segments[1]
    with counted(wan) as calls:
        wan.prepare(first).velocity(latents(5), 0.5)
        before = Counter(calls)
        again = wan.prepare(Sequence([said(4, 8), laid("target", 4, 0), source]))
        assert len(again._kept) == 1
        again.velocity(latents(6), 0.5)
    assert set(calls - before) & {("attn1.to_k", len(source)), ("attn1.to_k", clean_tokens(first))} == set()


@torch.no_grad()
def test_a_row_holds_what_it_shares_when_the_others_are_gone() -> None:
    wan, words = denoiser(context_words="none"), some(1, WORDS, 32, seed=1)

    def row(n: int) -> Sequence:
        spoken = Segment("text", 2 * n, torch.zeros(WORDS, 3), content=words)
        return Sequence([spoken, laid("source", 2 * n, n), laid("target", 2 * n, n + 5)])

    with counted(wan) as calls:
        for n in range(4):
            asked, unasked = wan.prepare(row(n)), wan.prepare(row(n).reworded(some(1, 3, 32, seed=n)))
            asked.velocity(latents(n), 0.5)
            unasked.velocity(latents(n), 0.5)
    assert calls["attn2.to_k", WORDS] == 2


@torch.no_grad()
def test_each_expert_remembers_once() -> None:
    wan, row = denoiser(2, context_words="none"), one_turn()
    with counted(wan) as calls:
        prepared = wan.prepare(row)
        for t in (1.0, 0.7, 0.5, 0.3, 0.1, 0.6):
            prepared.velocity(latents(5), t)
    assert calls["attn1.to_k", clean_tokens(row)] == 2 * 2
    assert calls["attn1.to_k", TARGET] == 2 * 6


@torch.no_grad()
def test_what_a_segment_sees_is_found_once_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a step of a long line costs what its attention costs."""
    wan, causes, cause = denoiser(rule="block_causal"), list[int](), Row._cause
    monkeypatch.setattr(Row, "_cause", lambda row, i, weights: (causes.append(i), cause(row, i, weights))[1])
    prepared = wan.prepare(second_turn())
    prepared.velocity(latents(0), 1.0)
    assert sorted(causes) == sorted(2 * prepared.clean)  # when it is prepared, and when it is first asked
    for n in range(3):
        prepared.velocity(latents(n), 0.5)
    assert len(causes) == 2 * len(prepared.clean)


@torch.no_grad()
def test_what_is_remembered_is_laid_and_looked_through_once_and_then_the_target_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wan, lengths = denoiser(context_words="none"), list[int]()
    monkeypatch.setattr(asked, "check_numbers", lambda named: lengths.append(named["k"].shape[1]))
    answers = list[torch.Tensor]()
    for small in (asked.SMALL, 0):  # room for every block, and for one
        monkeypatch.setattr(asked, "SMALL", small)
        wan.forget()
        prepared, counts = wan.prepare(one_turn()), list[Counter[bool]]()
        for n in range(3):
            lengths.clear()
            answers.append(prepared.velocity(latents(n), 1 - n / 5))
            counts.append(Counter(length == TARGET for length in lengths))
        clean = len(prepared.clean)
        again = 0 if small else 2 * clean  # blocks that take turns find others' keys there
        assert [count[True] + count[False] for count in counts[1:]] == [2 + again] * 2
    assert all(torch.equal(one, other) for one, other in zip(answers[:3], answers[3:]))


@torch.no_grad()
def test_room_takes_no_nan_and_no_part_at_another_place_for_its_own() -> None:
    a, b, c = (some(1, length, 2, 4, seed=length) for length in (3, 5, 5))
    room = Room(1)
    for parts in ([a, b], [b, a], [b, a, c], [a, c, b], [a, b]):
        k, v = room.laid(0, [(x, -x) for x in parts])
        assert torch.equal(k, torch.cat(parts, 1)) and torch.equal(v, -torch.cat(parts, 1))
    with pytest.raises(BadInput, match="v holds NaN"):
        room.laid(0, [(a, a), (c.clone(), c * torch.nan)])


@torch.no_grad()
def test_who_watches_may_keep_what_was_seen() -> None:
    wan, seen = denoiser(), list[tuple[torch.Tensor, torch.Tensor]]()
    prepared = wan.prepare(second_turn())
    prepared.velocity(latents(0), 1.0)
    wan.watch = lambda one: seen.append((one.k, one.k.clone()))
    for n in range(3):
        prepared.velocity(latents(n), 0.5)
    assert seen and all(torch.equal(held, then) for held, then in seen)
    wan.watch = None
    again = [prepared.velocity(latents(n), 0.5) for n in (0, 1)]
    assert torch.equal(again[0], prepared.velocity(latents(0), 0.5)) and not torch.equal(*again)


@torch.no_grad()
def test_nothing_is_kept_for_rows_that_are_gone() -> None:
    wan = denoiser()
    for n in range(5):
        wan.prepare(second_turn()).velocity(latents(n), 0.5)
    gc.collect()
    each = 3 + 2  # source, answer and reference; the words of either beat
    assert len(wan.memory) <= 2 * each
    wan.forget()
    gc.collect()
    assert len(wan.memory) == 0


# -- nothing stale is used ---------------------------------------------------------------------------------------------


def weight_written(wan: WanDenoiser) -> None:
    wan.experts[0].transformer.blocks[0].attn1.to_k.weight.mul_(1.5)


def weight_replaced(wan: WanDenoiser) -> None:
    part = wan.experts[0].transformer.blocks[0].attn1.to_v.base_layer
    part.weight = torch.nn.Parameter(1.5 * part.weight)


def data_replaced(wan: WanDenoiser) -> None:
    part = wan.experts[0].transformer.blocks[0].attn1.to_v
    part.weight.data = 1.5 * part.weight.data


def adapter_added(wan: WanDenoiser) -> None:
    torch.manual_seed(1)
    wan.experts[0].transformer.add_adapter(LORA, "b")


def adapter_exchanged(wan: WanDenoiser) -> None:
    """Another adapter of the same name: objects of the first are gone when those of the second come."""
    net = wan.experts[0].transformer
    net.delete_adapters("a")
    gc.collect()
    torch.manual_seed(2)
    net.add_adapter(LORA, "a")


def adapter_merged(wan: WanDenoiser) -> None:
    wan.experts[0].transformer.enable_adapters()
    wan.experts[0].transformer.fuse_lora(lora_scale=0.5)


def context_prompt(wan: WanDenoiser) -> None:
    wan.card = replace(wan.card, context_words="empty")


def empty_replaced(wan: WanDenoiser) -> None:
    wan.card = replace(wan.card, context_words="empty")
    wan.empty = some(1, 7, 32, seed=77)


CHANGES: list[Callable[[WanDenoiser], None]] = [
    weight_written,
    weight_replaced,
    data_replaced,
    adapter_added,
    adapter_exchanged,
    lambda wan: wan.experts[0].transformer.set_adapters("a", 0.3),
    lambda wan: wan.experts[0].transformer.set_adapters("a", -1.0),
    lambda wan: wan.experts[0].transformer.set_adapters("a", -2.0),
    lambda wan: wan.experts[0].transformer.disable_adapters(),
    adapter_merged,
    context_prompt,
    empty_replaced,
]


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
@torch.no_grad()
def test_whatever_changes_memory_follows() -> None:
    """One row lives through all changes; after each it says what a row without memory says, and not what it said."""
    wan, x = denoiser(rule="block_causal"), latents(5)
    torch.manual_seed(0)
    wan.experts[0].transformer.add_adapter(LORA, "a")
    row = second_turn()
    prepared = wan.prepare(row)
    last = prepared.velocity(x, 0.5)
    for change in CHANGES:
        change(wan)
        now = prepared.velocity(x, 0.5)
        torch.testing.assert_close(now, wan.prepare(row, memory=False).velocity(x, 0.5), atol=1e-5, rtol=0)
        assert (now - last).abs().max() > 1e-4, change
        last = now


@torch.no_grad()
def test_the_embedding_of_clean_tokens_is_a_cause() -> None:
    wan, x, row = denoiser(), latents(5), one_turn()
    other = torch.nn.Conv3d(4, 24, (1, 2, 2), (1, 2, 2))
    wan = WanDenoiser((replace(wan.experts[0], clean_embedding=other),), wan.card)
    prepared = wan.prepare(row)
    prepared.velocity(x, 0.5)
    other.weight.mul_(2)
    torch.testing.assert_close(
        prepared.velocity(x, 0.5), wan.prepare(row, memory=False).velocity(x, 0.5), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("what", ["content", "words", "positions"])
@torch.no_grad()
def test_tensors_written_in_place_are_seen(what: str) -> None:
    wan, x, row = denoiser(), latents(5), one_turn()
    wan.prepare(row).velocity(x, 0.5)
    source, words = row.segments[1], row.segments[0]
    tensor = {"content": source.content, "words": words.content, "positions": source.positions}[what]
    assert tensor is not None
    tensor += 1
    on, off = (wan.prepare(row, memory=memory).velocity(x, 0.5) for memory in (True, False))
    torch.testing.assert_close(on, off, atol=1e-5, rtol=0)


@torch.no_grad()
def test_another_prompt_is_another_memory_where_clean_tokens_hear_it() -> None:
    wan, x, row = denoiser(), latents(5), one_turn()
    wan.prepare(row).velocity(x, 0.5)
    new = row.reworded(some(1, 3, 32, seed=7))
    on, off = (wan.prepare(new, memory=memory).velocity(x, 0.5) for memory in (True, False))
    torch.testing.assert_close(on, off, atol=1e-5, rtol=0)


# -- its size is foretold ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("spec", [Dense(), Isa(tile=5), Isa(tile=(1, 1, 2), order=1, dense_layers=1)])
@torch.no_grad()
def test_its_size_is_known_before_it_is_made(dtype: torch.dtype, spec: Spec) -> None:
    wan = denoiser()
    wan.experts[0].transformer.to(dtype)
    prepared = wan.prepare(second_turn(), spec)
    foretold = prepared.memory_size()
    assert not prepared._kept
    kept = prepared._remember(0)
    assert foretold == sum(one.size() for one in kept.values()) > 0
    held = [tensor for one in kept.values() for tensor in one.tensors()]
    assert sum(t.untyped_storage().nbytes() for t in held) == foretold  # and none is a view of something larger
