"""Laws of the objective: its value for a network that says nothing, where its gradients go, and whose row it lays."""

import pytest
import torch
from torch import Tensor

from editing.test_compose import Means
from refrain.editing.compose import Window, compose, see
from refrain.errors import BadInput, Unsupported
from refrain.flow import draw_times, noised
from refrain.models.change import saying
from refrain.models.lora import FEED_FORWARD, TARGETS, attach
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import Expert, WanDenoiser
from refrain.training import objective
from refrain.training.objective import USUAL, Batch, Encoded, Weighing, loss, loss_of
from rows import some
from tiny import tiny_transformer

CHANNELS = Means.channels
FACTS = {
    "kinds": ("text", "source", "answer", "target"),
    "coarse": (1, 2, 2),
    "key_frames": 1,
    "history": 1,
    "window": 2,
}
WINDOWS = [Window(0, 2), Window(2, 3, 1)]


def make(silent: bool = False, **facts: object) -> WanDenoiser:
    net = tiny_transformer(channels=CHANNELS)
    if silent:
        with torch.no_grad():
            net.proj_out.weight.zero_()
            net.proj_out.bias.zero_()
    torch.manual_seed(1)
    clean = torch.nn.Conv3d(CHANNELS, 24, (1, 2, 2), (1, 2, 2))
    return WanDenoiser((Expert(net, clean),), Card(context_words="none", **FACTS, **facts))  # type: ignore[arg-type]


def batch(window: Window, words: Tensor | None = None) -> Batch:
    source, target = (some(2, 9, 3, 32, 32, seed=n).clamp(-1, 1) for n in (1, 2))
    return Batch(source, target, some(2, 5, 32, seed=3) if words is None else words, window)


def drawn(window: Window) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Clean latents and base of the window, noise and times, as `loss` draws them with seed 7."""
    given, generator = batch(window), torch.Generator().manual_seed(7)
    clean, base = (Means().encode(clip)[:, :, window.start : window.stop] for clip in (given.target, given.source))
    noise = torch.randn(clean.shape, generator=generator)
    return clean, base, noise, draw_times(generator, 2)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_silent_velocity_costs_the_size_of_the_velocity(window: Window) -> None:
    clean, _, noise, _ = drawn(window)
    found = loss(make(silent=True), Means(), batch(window), torch.Generator().manual_seed(7))
    torch.testing.assert_close(found, (noise - clean).square().mean())


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("spread", [1.0, 0.4])
def test_a_silent_change_costs_what_the_best_linear_guess_misses(window: Window, spread: float) -> None:
    """In units of what the network has to say: of size one at every noise time."""
    clean, base, noise, t = drawn(window)
    t = t[:, None, None, None, None]
    power = ((1 - t) * spread) ** 2 + t**2
    guess = (1 - t) * spread**2 / power * (noised(clean, noise, t[:, 0, 0, 0, 0]) - (1 - t) * base)
    expected = ((clean - base - guess) ** 2 * power / (t * spread) ** 2).mean()
    wan = make(silent=True, prediction="change", spread=spread)
    torch.testing.assert_close(loss(wan, Means(), batch(window), torch.Generator().manual_seed(7)), expected)


def test_for_changes_of_the_usual_size_it_is_one_at_every_time() -> None:
    change, noise = 0.4 * some(200_000), some(200_000, seed=1)
    for t in (0.05, 0.3, 0.7, 0.99):
        how = saying(torch.tensor(t), 0.4)
        missed = change - how.keep * ((1 - t) * change + t * noise)
        assert float((missed / how.rest).square().mean()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("loudness", [0.1, 1.0, 10.0])
def test_with_a_floor_it_is_the_share_of_the_change_that_is_missing(loudness: float) -> None:
    card, t, noise, floor = Card(prediction="change"), torch.tensor([0.9, 0.99]), some(2, 4, 1, 4, 4, seed=1), 0.3
    base, change = some(2, 4, 1, 4, 4, seed=2), loudness * some(2, 4, 1, 4, 4, seed=3).sign()  # alike everywhere
    for said, share in ((0.0, 1.0), (0.5, 0.25), (1.0, 0.0)):
        found = objective.wrong(said * change, base + change, base, noise, t, card, Weighing(floor))
        power = torch.tensor(loudness**2)
        torch.testing.assert_close(found, share * power / (power + floor), atol=1e-6, rtol=1e-5)
    with pytest.raises(Unsupported, match="leave out the weighing"):
        objective.wrong(change, change, base, noise, t, Card(), Weighing(floor))


def test_with_a_floor_what_was_to_stay_weighs_the_more_the_larger_the_change() -> None:
    card, t, noise, floor = Card(prediction="change"), torch.tensor([0.99]), some(1, 4, 1, 4, 4, seed=1), 0.3

    def slipped(loudness: float, column: int) -> torch.Tensor:
        """Three columns of four change; what is said of one column is wrong."""
        change, slip = torch.zeros(2, 1, 4, 1, 4, 4)
        change[..., :3], slip[..., column] = loudness, 0.2
        return objective.wrong(change + slip, change, torch.zeros_like(change), noise, t, card, Weighing(floor))

    usual = (USUAL * floor / 0.75) ** 0.5
    torch.testing.assert_close(slipped(0.9 * usual, 0), slipped(0.9 * usual, 3))
    changes = [slipped(loud * usual, 0) for loud in (1, 2, 4)]
    assert changes[0] > changes[1] > changes[2]
    for loud in (1, 2, 4):  # as the square of how much larger than usual the change is
        power = USUAL * floor * loud**2
        torch.testing.assert_close(slipped(loud * usual, 3), torch.tensor(0.2**2 / 4 * loud**4 / (power + floor)))


def test_what_a_channel_is_worth_counts_in_the_change_and_in_what_it_lacks() -> None:
    worth, floor = torch.tensor([4.0, 1.0, 0.25, 0.0]), 0.3
    change, apart = some(2, 4, 1, 4, 4, seed=2), some(2, 4, 1, 4, 4, seed=3).square()
    apart[:, 3] *= 100  # worth nothing
    each = worth[:, None, None, None]
    found, same = Weighing(floor, worth).of(apart, change), Weighing(floor).of(each * apart, each.sqrt() * change)
    torch.testing.assert_close(found, same)
    torch.testing.assert_close(Weighing(floor, torch.ones(4)).of(apart, change), Weighing(floor).of(apart, change))


@pytest.mark.parametrize("window", WINDOWS)
def test_gradients_reach_the_words_and_the_embedding_of_clean_tokens(window: Window) -> None:
    wan, words = make(), some(2, 5, 32, seed=3).requires_grad_()
    loss(wan, Means(), batch(window, words), torch.Generator().manual_seed(7)).backward()
    one = wan.experts[0]
    silent = [name for name, p in one.transformer.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert all(name.startswith("condition_embedder.image") for name in silent)
    for grad in (words.grad, *(p.grad for p in one.clean_embedding.parameters())):
        assert grad is not None
        assert grad.abs().max() > 0


@pytest.mark.parametrize("prediction", ["velocity", "change"])
@pytest.mark.parametrize("window", WINDOWS)
@torch.no_grad()
def test_what_is_learnt_is_the_row_that_is_used(prediction: str, window: Window) -> None:
    """The loss, computed anew from `see`, `compose` and the velocity of a row with memory."""
    wan, given = make(prediction=prediction), batch(window)
    clean, _, noise, t = drawn(window)
    seen, answers = see(Means(), given.source, wan.card), Means().encode(given.target)
    history = answers[:, :, window.start - 1 : window.start] if window.history else None
    row = wan.prepare(compose(given.words, seen, window, wan.card, history, beat=2 * bool(history is not None)))
    x = noised(clean, noise, t)
    wrong = (row.velocity(x, t) - (noise - clean)).square().mean(dim=(1, 2, 3, 4))
    if prediction == "change":  # the error of the change is t times that of the velocity
        wrong = wrong * t**2 / saying(t, wan.card.spread).rest ** 2
    found = loss(wan, Means(), given, torch.Generator().manual_seed(7))
    torch.testing.assert_close(found, wrong.mean(), rtol=1e-4, atol=1e-6)


def test_rows_are_laid_by_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    laid = []
    monkeypatch.setattr(objective, "compose", lambda *args, **named: (laid.append(args), compose(*args, **named))[1])
    for window in WINDOWS:
        loss(make(), Means(), batch(window), torch.Generator().manual_seed(7))
    assert [args[2] for args in laid] == WINDOWS


def test_a_history_must_lie_in_the_clip() -> None:
    with pytest.raises(BadInput, match="no history of 2"):
        loss(make(), Means(), batch(Window(1, 3, 2)), torch.Generator().manual_seed(7))


@torch.no_grad()
def test_the_same_seed_gives_the_same_loss() -> None:
    one, two, three = (
        float(loss(make(), Means(), batch(WINDOWS[0]), torch.Generator().manual_seed(n))) for n in (7, 7, 8)
    )
    assert one == two != three


@pytest.mark.parametrize("window", WINDOWS)
@torch.no_grad()
def test_latents_cost_what_their_frames_cost(window: Window) -> None:
    wan, given = make(), batch(window)
    seen, clean = see(Means(), given.source, wan.card), Means().encode(given.target)
    kept = Encoded(seen, clean, given.words, window, ("a", "b")).to("cpu", torch.float32)
    found, expected = (
        loss_of(wan, kept, torch.Generator().manual_seed(7)),
        loss(wan, Means(), given, torch.Generator().manual_seed(7)),
    )
    assert torch.equal(found, expected)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_lora_on_the_target_learns_the_same_where_clean_tokens_stand_still(window: Window) -> None:
    """Loss and gradients, those of keys and values of words among them."""

    def learnt(still: bool) -> tuple[Tensor, dict[str, Tensor]]:
        wan, given = make(), batch(window)
        named = attach(wan.experts[0].transformer, 2, targets=TARGETS + FEED_FORWARD, tokens="target")
        for n, weight in enumerate(named.values()):
            torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(n))
        kept = Encoded(see(Means(), given.source, wan.card), Means().encode(given.target), given.words, window)
        found = loss_of(wan, kept, torch.Generator().manual_seed(7), still=still)
        found.backward()
        return found.detach(), {key: weight.grad for key, weight in named.items() if weight.grad is not None}

    (plain, wanted), (found, grads) = learnt(False), learnt(True)
    torch.testing.assert_close(found, plain)
    assert grads.keys() == wanted.keys() and any("attn2.to_v" in key for key in grads)
    for key, grad in wanted.items():
        torch.testing.assert_close(grads[key], grad, atol=1e-6, rtol=1e-4)
