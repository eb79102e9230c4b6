"""Laws of the Wan denoiser: what it refuses, what it predicts, and that each segment's content counts."""

from dataclasses import replace

import pytest
import torch

from refrain.attention import Isa
from refrain.errors import BadInput, Unsupported
from refrain.models.change import saying
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import Expert, Seen, WanDenoiser
from refrain.sequence import Segment, Sequence
from rows import denoiser, laid, latents, one_turn, said, second_turn, some


def test_kinds_that_a_checkpoint_does_not_know_are_refused() -> None:
    wan = denoiser()
    wan.card = replace(wan.card, kinds=("text", "source", "target"))
    with pytest.raises(Unsupported, match=r"not trained on answer, reference segments, only on text, source, target\."):
        wan.prepare(second_turn())


def test_full_refuses_memory_and_later_answers() -> None:
    wan = denoiser(rule="full")
    with pytest.raises(Unsupported, match="nothing can be remembered"):
        wan.prepare(one_turn(), memory=True)
    row = Sequence([said(0, 1), laid("source", 0, 1), laid("target", 0, 2), laid("answer", 1, 3)])
    with pytest.raises(Unsupported, match="later answers"):
        wan.prepare(row, memory=False)


def test_full_remembers_nothing_where_nothing_is_clean() -> None:
    row = Sequence([said(0, 1), laid("target", 0, 2)])
    x = latents(5)
    on, off = (denoiser(rule="full").prepare(row, memory=memory) for memory in (True, False))
    assert torch.equal(on.velocity(x, 0.5), off.velocity(x, 0.5))


def test_experts_and_their_boundary_come_together() -> None:
    one = denoiser().experts[0]
    with pytest.raises(BadInput, match="boundary"):
        WanDenoiser((one, one), Card())
    with pytest.raises(BadInput, match="boundary"):
        WanDenoiser((one,), Card(), boundary=0.9)
    with pytest.raises(BadInput, match="empty prompt"):
        WanDenoiser((one,), Card(context_words="empty"))


def test_the_first_expert_serves_from_the_boundary_upwards() -> None:
    assert [denoiser(2).expert(t) for t in (1.0, 0.5, 0.49, 0.0)] == [0, 0, 1, 1]


def test_words_that_are_missing_are_asked_for() -> None:
    row = Sequence([said(0, 1), laid("source", 2, 2), laid("target", 2, 3)])
    with pytest.raises(BadInput, match="Beat 2 has no words"):
        denoiser().prepare(row)


def test_latents_that_do_not_fit_their_positions_are_refused() -> None:
    source = laid("source", 0, 1)
    short = Segment("source", 0, source.positions[:-6], content=source.content)
    with pytest.raises(BadInput, match="6 positions but its latents"):
        denoiser().prepare(Sequence([said(0, 1), short, laid("target", 0, 2)])).velocity(latents(0), 0.5)


@torch.no_grad()
@pytest.mark.parametrize("place", [1, 2])
def test_every_segment_counts(place: int) -> None:
    row, wan, x = one_turn(), denoiser(), latents(5)
    other = list(row.segments)
    content = other[place].content
    assert content is not None
    other[place] = replace(other[place], content=content + 1)
    a, b = (wan.prepare(r).velocity(x, 0.5) for r in (row, Sequence(other)))
    assert (a - b).abs().max() > 1e-4


def twice(content: torch.Tensor | None) -> torch.Tensor | None:
    return None if content is None else torch.cat([content, content])


@torch.no_grad()
def test_a_batch_is_its_examples() -> None:
    x, rows = latents(5).expand(2, -1, -1, -1, -1) + some(2, 1, 1, 1, 1, seed=6), [one_turn() for _ in range(3)]
    pair = Sequence([replace(s, content=twice(s.content)) for s in rows[2]])
    wan, t = denoiser(), torch.tensor([0.2, 0.9])
    alone = torch.cat([wan.prepare(rows[n]).velocity(x[n : n + 1], t[n : n + 1]) for n in (0, 1)])
    together = [wan.prepare(pair, memory=memory).velocity(x, t) for memory in (True, False)]
    for both in together:
        torch.testing.assert_close(both, alone, atol=1e-5, rtol=0)


def based() -> Sequence:
    row = one_turn()
    return Sequence([*row.segments[:-1], replace(row.target, base=latents(8))])


def test_a_change_has_no_velocity_at_time_zero() -> None:
    prepared = denoiser(prediction="change").prepare(based())
    for t in (0.0, torch.tensor([0.0])):
        with pytest.raises(BadInput, match="noise time 0"):
            prepared.velocity(latents(5), t)


@torch.no_grad()
@pytest.mark.parametrize("t", [0.01, 0.5, 1.0])
def test_the_velocity_of_a_change_leads_to_base_and_change(t: float) -> None:
    prepared, x = denoiser(prediction="change", spread=0.6).prepare(based()), latents(5)
    base = prepared.row.target.base
    assert base is not None
    arrived = x - t * prepared.velocity(x, t)
    torch.testing.assert_close(arrived, base + prepared.output(x, t), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_silent_network_says_the_best_linear_guess_of_the_change() -> None:
    wan, x, t = denoiser(prediction="change", spread=0.6), latents(5), 0.3
    out = wan.experts[0].transformer.proj_out
    out.weight.zero_()
    out.bias.zero_()
    prepared = wan.prepare(based())
    guess = saying(torch.tensor(t), 0.6).keep * (x - (1 - t) * prepared.base(x))
    torch.testing.assert_close(prepared.output(x, t), guess)


@torch.no_grad()
def test_without_a_base_the_base_is_zero() -> None:
    wan, x, row = denoiser(prediction="change"), latents(5), one_turn()
    zero = Sequence([*row.segments[:-1], replace(row.target, base=torch.zeros_like(x))])
    assert torch.equal(wan.prepare(row).velocity(x, 0.5), wan.prepare(zero).velocity(x, 0.5))


def test_the_state_is_the_noise_and_the_answer_is_the_state() -> None:
    prepared, x = denoiser().prepare(one_turn()), latents(5)
    assert prepared.state(x) is x
    assert prepared.answer(x) is x


@torch.no_grad()
def test_clean_tokens_have_the_embedding_they_were_given() -> None:
    wan, x = denoiser(), latents(5)
    net = wan.experts[0].transformer
    other = torch.nn.Conv3d(4, 24, (1, 2, 2), (1, 2, 2))
    apart = WanDenoiser((Expert(net, other),), wan.card)
    a, b = (one.prepare(one_turn()).velocity(x, 0.5) for one in (wan, apart))
    assert (a - b).abs().max() > 1e-4
    alone = Sequence([said(0, 1), laid("target", 0, 0)])
    assert torch.equal(wan.prepare(alone).velocity(x, 0.5), apart.prepare(alone).velocity(x, 0.5))


@torch.no_grad()
def test_whoever_watches_is_shown_every_self_attention() -> None:
    wan, row, seen = denoiser(), one_turn(), list[Seen]()
    wan.watch = seen.append
    prepared = wan.prepare(row)
    prepared.velocity(latents(5), 0.5)
    assert [(one.layer, one.t) for one in seen] == [(0, 0.0), (0, 0.5), (1, 0.5)]  # the last clean block asks nothing
    for one in seen:
        one.plan.check(one.q, one.k, one.v)
        assert one.plan.queries == ((2,) if one.t else (0, 1))


@pytest.mark.parametrize("memory", [True, False])
@torch.no_grad()
def test_each_example_of_a_batch_has_the_attention_of_its_own_noise_time(memory: bool) -> None:
    x, rows = latents(5).expand(2, -1, -1, -1, -1) + some(2, 1, 1, 1, 1, seed=6), [one_turn() for _ in range(3)]
    pair = Sequence([replace(s, content=twice(s.content)) for s in rows[2]])
    wan, t, spec = denoiser(), torch.tensor([0.2, 0.9]), Isa(keep=1 / 4, tile=2, dense_time=0.5)
    alone = torch.cat([wan.prepare(rows[n], spec, memory).velocity(x[n : n + 1], t[n : n + 1]) for n in (0, 1)])
    both = wan.prepare(pair, spec, memory).velocity(x, t)
    torch.testing.assert_close(both, alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_clean_segments_ask_at_noise_time_zero() -> None:
    wan, seen = denoiser(rule="block_causal"), list[Seen]()
    wan.watch = seen.append
    wan.prepare(one_turn(), Isa(keep=1 / 4, tile=2, dense_time=0.5), memory=False).velocity(latents(5), 0.9)
    assert [(one.layer, one.t, one.plan.queries) for one in seen] == [
        (layer, t, asks) for layer in (0, 1) for t, asks in ((0.0, (0, 1)), (0.9, (2,)))
    ]


def gated(numbers: int, open_: float) -> WanDenoiser:
    wan = denoiser(rule="block_causal")
    torch.manual_seed(3)
    gates = torch.nn.ModuleList(torch.nn.Linear(24, numbers) for _ in range(2))
    for gate in gates:
        torch.nn.init.constant_(gate.bias, open_)
        if not open_:
            torch.nn.init.zeros_(gate.weight)
    return WanDenoiser((replace(wan.experts[0], gates=gates),), wan.card)


@pytest.mark.parametrize("numbers", [1, 2])
@torch.no_grad()
def test_a_learned_gate_adds_coarse_attention_and_one_of_zero_adds_none(numbers: int) -> None:
    spec, x = Isa(keep=1 / 4, tile=2), latents(5)
    plain = denoiser(rule="block_causal").prepare(second_turn(), spec).velocity(x, 0.5)
    with_gate = replace(spec, coarse_gate=True)
    for open_ in (0.0, 2.0):
        on, off = (gated(numbers, open_).prepare(second_turn(), with_gate, m).velocity(x, 0.5) for m in (True, False))
        torch.testing.assert_close(on, off, atol=2e-6, rtol=0)
        assert ((on - plain).abs().max() > 1e-3) == bool(open_)


def test_a_gate_that_was_not_learnt_is_refused() -> None:
    with pytest.raises(Unsupported, match="no gates.safetensors"):
        denoiser().prepare(one_turn(), Isa.published(coarse_gate=True))
