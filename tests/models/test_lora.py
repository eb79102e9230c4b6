"""LoRAs by peft, on chosen tokens of a row: what they touch, what they leave alone, and what is remembered of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from refrain.attention import Dense, Isa
from refrain.errors import BadInput, Unsupported
from refrain.models.lora import FEED_FORWARD, TARGETS, LoraCard, Worn, attach, detach, merge, read, save, worn
from refrain.models.wan.block import Run, feed, project, word_keys
from refrain.models.wan.denoiser import WanDenoiser
from refrain.models.wan.hearing import Spot
from refrain.models.wan.rope import rotation
from refrain.models.wan.touch import Touch, linear
from refrain.sequence import grid
from rows import denoiser, latents, one_turn, second_turn, some
from tiny import tiny_transformer

LEFT = torch.tensor([True, True, False] * 4)  # of the target's 12 tokens


def awake(wan: WanDenoiser, tokens: Any = "all", name: str = "default", seed: int = 0, **more: Any) -> dict[str, Any]:
    """Attach a LoRA that changes something."""
    found = attach(wan.experts[0].transformer, 3, tokens=tokens, name=name, **more)
    for n, (key, p) in enumerate(found.items()):
        if "lora_B" in key:
            nn.init.normal_(p, std=0.2, generator=torch.Generator().manual_seed(100 * seed + n))
    return found


def velocity(wan: WanDenoiser, memory: bool = True, **more: Any) -> Tensor:
    with torch.no_grad():
        return wan.prepare(one_turn(), memory=memory, **more).velocity(latents(5), 0.5)


def test_a_fresh_lora_changes_nothing_and_one_that_is_taken_off_leaves_no_trace() -> None:
    wan = denoiser()
    net = wan.experts[0].transformer
    names, before = [name for name, _ in net.named_modules()], velocity(wan)
    attach(net, 3)
    assert torch.equal(velocity(wan), before)
    attach(net, 2, name="other", tokens="target")
    detach(net)
    detach(net, "other")
    assert [name for name, _ in net.named_modules()] == names
    assert torch.equal(velocity(wan), before)


@pytest.mark.parametrize("tokens", ["all", "target", "clean"])
@pytest.mark.parametrize("words", ["prompt", "none"])
@pytest.mark.parametrize("targets", [TARGETS, FEED_FORWARD])
def test_memory_is_exact_under_a_lora(tokens: str, words: str, targets: tuple[str, ...]) -> None:
    wan = denoiser(context_words=words)
    plain = velocity(wan)
    awake(wan, tokens, targets=targets)
    on, off = (velocity(wan, memory) for memory in (True, False))
    torch.testing.assert_close(on, off, atol=2e-6, rtol=0)
    assert (on - plain).abs().max() > 1e-3


@pytest.mark.parametrize("targets", [TARGETS, FEED_FORWARD])
def test_what_clean_tokens_say_is_the_bases_own_under_a_lora_on_the_target_alone(targets: tuple[str, ...]) -> None:
    """Not to rounding but bit for bit, and it is found again: nothing clean is computed anew."""
    wan = denoiser()
    row = one_turn()
    with torch.no_grad():
        prepared = wan.prepare(row)
        prepared.velocity(latents(5), 0.5)
        kept = len(wan.memory)
        awake(wan, "target", targets=targets)
        again = wan.prepare(row)
        again.velocity(latents(5), 0.5)
        assert len(wan.memory) == kept + 1  # the words, as the target hears them
        clean = dict(again._remember(0))
        wan.forget()
        del prepared, again
        anew = wan.prepare(one_turn())._remember(0)
    for n, held in clean.items():
        assert all(torch.equal(a, b) for a, b in zip(held.tensors(), anew[n].tensors()))


def test_a_lora_on_all_or_clean_tokens_is_part_of_what_is_remembered() -> None:
    for tokens in ("all", "clean"):
        wan = denoiser()
        row = one_turn()
        with torch.no_grad():
            prepared = wan.prepare(row)
            before = prepared._remember(0)
            awake(wan, tokens)
            after = prepared._remember(0)
        n = next(iter(before))
        keys = [kept[n].tensors()[2] for kept in (before, after)]  # of the second block
        assert (keys[0] - keys[1]).abs().max() > 1e-4


def test_all_tokens_one_by_one_are_what_peft_does_to_all_of_them() -> None:
    wan = denoiser()
    awake(wan, "all", "a", 1)
    awake(wan, "all", "b", 2)
    layer = wan.experts[0].transformer.blocks[0].attn1.to_q
    x = some(2, 6, 24)
    both = (Touch("a"), Touch("b", torch.arange(6)))
    torch.testing.assert_close(linear(layer, x, both), layer(x), atol=1e-6, rtol=0)


def test_tokens_outside_a_spot_get_exactly_the_bases_projections() -> None:
    wan = denoiser()
    block, by = wan.experts[0].transformer.blocks[0], rotation(grid(2, 2, 3), 12)
    x, time, states = some(1, 12, 24), some(1, 6, 24, seed=1), some(1, 5, 24, seed=2)
    with torch.no_grad():
        plain = project(block, x, [Run(0, 12, time, [word_keys(block, states)])], by)
        awake(wan, "target")
        block = wan.experts[0].transformer.blocks[0]
        words = [word_keys(block, states, ())]
        spot = (Touch("default", LEFT.nonzero().flatten()),)
        touched = project(block, x, [Run(0, 12, time, words, touches=spot)], by)
    for before, after in zip(plain[:3], touched[:3]):
        assert torch.equal(before[:, ~LEFT], after[:, ~LEFT])
        assert (before[:, LEFT] - after[:, LEFT]).abs().amax(dim=(2, 3)).min() > 1e-4


@pytest.mark.parametrize("spec", [Dense(), Isa(keep=1 / 4, tile=2)])
@pytest.mark.parametrize("tokens", ["all", "target", "clean"])
def test_gradients_are_those_of_the_merged_weights_also_when_blocks_are_computed_again(tokens: Any, spec: Any) -> None:
    """dL/dB = scale dL/dW Aᵀ, over the tokens that are touched; checkpointing changes nothing."""

    def learnt(checkpointing: bool) -> dict[str, Tensor]:
        wan = denoiser(context_words="none")
        named = awake(wan, tokens)
        wan.checkpointing = checkpointing
        out = wan.prepare(one_turn(), spec, memory=False).velocity(latents(5), torch.tensor([0.5]))
        out.square().mean().backward()
        assert not any(p.grad is not None for p in wan.experts[0].transformer.parameters() if not p.requires_grad)
        return {key: p.grad for key, p in named.items() if p.grad is not None}

    plain, again = learnt(False), learnt(True)
    assert plain.keys() == again.keys()
    assert all(torch.allclose(plain[key], again[key], atol=1e-7) for key in plain)
    moved = {key for key, grad in plain.items() if grad.abs().max() > 0}
    assert "blocks.0.attn1.to_v.lora_A.weight" in moved
    assert ("blocks.0.attn2.to_q.lora_A.weight" in moved) == (tokens != "clean")  # clean tokens hear no words here


def test_the_gradient_of_a_lora_is_the_slope_of_the_loss() -> None:
    wan = denoiser()
    named = awake(wan, "target")
    key = "blocks.1.attn1.to_v.lora_B.weight"

    def loss() -> Tensor:
        return wan.prepare(one_turn(), memory=False).velocity(latents(5), torch.tensor([0.5])).square().sum()

    loss().backward()
    way, step = some(*named[key].shape, seed=3), 1e-2
    expected = (named[key].grad * way).sum()
    with torch.no_grad():
        named[key].add_(way, alpha=step)
        above = loss()
        named[key].add_(way, alpha=-2 * step)
        below = loss()
    torch.testing.assert_close((above - below) / (2 * step), expected, rtol=2e-2, atol=1e-3)


@torch.no_grad()
def test_merged_weights_are_base_plus_scaled_product_and_answer_alike() -> None:
    wan = denoiser()
    net = wan.experts[0].transformer
    weight = net.blocks[0].attn1.to_q.weight.clone()
    named = awake(wan, "all", alpha=6)
    before = velocity(wan)
    a, b = (named[f"blocks.0.attn1.to_q.lora_{which}.weight"].clone() for which in "AB")
    merge(net)
    torch.testing.assert_close(net.blocks[0].attn1.to_q.weight, weight + 2 * b @ a, atol=1e-6, rtol=0)
    torch.testing.assert_close(velocity(wan), before, atol=1e-5, rtol=0)
    attach(net, 2, tokens="target")  # the next stage stands on what was merged
    torch.testing.assert_close(velocity(wan), before, atol=1e-5, rtol=0)


def test_a_lora_on_the_target_alone_is_not_merged() -> None:
    wan = denoiser()
    awake(wan, "target")
    with pytest.raises(BadInput, match="touch all"):
        merge(wan.experts[0].transformer)


def test_two_spots_side_by_side_do_not_hear_each_others_words() -> None:
    """The words of one half, as they are heard, do not depend on the other's adapter; nor do its tokens hear them."""
    wan = denoiser(rule="isolated")
    awake(wan, "target", "a", 1)
    awake(wan, "target", "b", 2)
    one, other, third = (some(1, n, 32, seed=n) for n in (4, 6, 7))

    def queries(right: Tensor, unmute: bool) -> Tensor:
        """What leaves block 0, where self-attention is put out, so that only words tell."""
        out = wan.experts[0].transformer.blocks[0].attn1.to_out[0].base_layer
        out.weight.data.mul_(float(unmute))
        spots = (Spot("a", LEFT, one), Spot("b", ~LEFT, right))
        row = wan.prepare(one_turn(), memory=False, spots=spots)
        seen: list[Tensor] = []
        wan.watch = lambda told: seen.append(told.q)
        with torch.no_grad():
            row.velocity(latents(5), 0.5)
        wan.watch = None
        return seen[1][:, -12:]  # the queries of block 1

    for name in ("a", "b"):
        nn.init.zeros_(wan.experts[0].transformer.blocks[0].attn1.to_out[0].lora_B[name].weight)
    first, second = queries(other, False), queries(third, False)
    assert torch.equal(first[:, LEFT], second[:, LEFT])
    assert (first[:, ~LEFT] - second[:, ~LEFT]).abs().amax(dim=(2, 3)).min() > 1e-4


def test_memory_is_exact_under_spots_and_words_of_their_own() -> None:
    wan = denoiser()
    awake(wan, "target", "a", 1)
    awake(wan, "target", "b", 2)
    over = torch.arange(12) > 5
    for spots in (
        (Spot("a", LEFT, some(1, 4, 32, seed=4)), Spot("b", over, some(1, 6, 32, seed=5))),
        (Spot("a"), Spot("b", over, some(1, 6, 32, seed=5))),
        (Spot("a", LEFT), Spot("b", over)),
    ):
        on, off = (velocity(wan, memory, spots=spots) for memory in (True, False))
        torch.testing.assert_close(on, off, atol=2e-6, rtol=0)


@pytest.mark.parametrize("targets", [TARGETS, FEED_FORWARD])
def test_spots_over_everything_are_no_spots(targets: tuple[str, ...]) -> None:
    wan = denoiser()
    awake(wan, "target", "a", 1, targets=targets)
    awake(wan, "target", "b", 2, targets=targets)
    whole = torch.ones(12, dtype=torch.bool)
    torch.testing.assert_close(velocity(wan, spots=(Spot("a"), Spot("b", whole))), velocity(wan), atol=1e-6, rtol=0)


@torch.no_grad()
def test_outside_its_spot_a_feed_forward_is_the_bases_own() -> None:
    wan = denoiser()
    ffn, x = wan.experts[0].transformer.blocks[0].ffn, some(1, 12, 24)
    plain = ffn(x)
    awake(wan, "target", targets=FEED_FORWARD)
    touched = feed(wan.experts[0].transformer.blocks[0].ffn, x, (Touch("default", LEFT.nonzero().flatten()),))
    torch.testing.assert_close(touched[:, ~LEFT], plain[:, ~LEFT], atol=1e-6, rtol=0)
    assert (touched[:, LEFT] - plain[:, LEFT]).abs().amax(dim=2).min() > 1e-4


@torch.no_grad()
def test_a_target_amid_the_row_is_touched_where_it_stands() -> None:
    """second_turn's target has a reference after it; the LoRA must follow its place."""
    wan = denoiser(rule="block_causal")
    awake(wan, "target")
    on, off = (
        wan.prepare(second_turn(), memory=m, spots=(Spot("default", LEFT),)).velocity(latents(5), 0.5)
        for m in (True, False)
    )
    torch.testing.assert_close(on, off, atol=2e-6, rtol=0)


@torch.no_grad()
def test_in_half_precision_memory_is_exact_to_rounding() -> None:
    def run(memory: bool) -> Tensor:
        wan = denoiser()
        wan.experts[0].transformer.bfloat16()
        awake(wan, "target")
        return velocity(wan, memory, spots=(Spot("default", LEFT),))

    torch.testing.assert_close(run(True), run(False), atol=3e-2, rtol=0)


@torch.no_grad()
def test_a_lora_of_one_of_two_experts_is_worn_by_that_one_alone(tmp_path: Path) -> None:
    made = denoiser()
    awake(made, "target")
    save(tmp_path / "a.safetensors", made.experts[0].transformer, LoraCard(1, 1, expert=1))
    wan = denoiser(2)
    row, words = one_turn(), some(1, 4, 32, seed=4)

    def both(*names: str) -> list[Tensor]:
        prepared = wan.prepare(row, spots=tuple(Spot(name, LEFT, words) for name in names))
        return [prepared.velocity(latents(5), t) for t in (0.9, 0.1)]

    plain = both()
    with worn(wan, (Worn(read(tmp_path / "a.safetensors")),)) as names:
        assert [hasattr(one.transformer, "peft_config") for one in wan.experts] == [False, True]
        assert (both(*names)[1] - plain[1]).abs().max() > 1e-3
    assert all(torch.equal(a, b) for a, b in zip(both(), plain))


def test_what_cannot_be_attached_or_placed_is_refused() -> None:
    wan = denoiser()
    net = wan.experts[0].transformer
    with pytest.raises(BadInput, match="no linear layer attn3"):
        attach(net, 2, targets=("attn3",))
    with pytest.raises(BadInput, match="rank of 1 or more"):
        attach(net, 0)
    attach(net, 2)
    with pytest.raises(BadInput, match="already"):
        attach(net, 2)
    with pytest.raises(BadInput, match="no adapter 'b'"):
        detach(net, "b")
    with pytest.raises(BadInput, match="no active adapter 'b'"):
        wan.prepare(one_turn(), spots=(Spot("b"),))
    with pytest.raises(Unsupported, match="clean tokens too"):
        wan.prepare(one_turn(), spots=(Spot("default", LEFT),))
    attach(net, 2, tokens="target", name="c")
    with pytest.raises(BadInput, match="12 tokens"):
        wan.prepare(one_turn(), spots=(Spot("c", LEFT[:5]),))


def test_the_same_seed_gives_the_same_lora_and_torchs_own_numbers_are_left_alone() -> None:
    nets = [tiny_transformer(channels=4) for _ in range(2)]
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    one, other = (attach(net, 2, seed=3) for net in nets)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[key], other[key]) for key in one)
