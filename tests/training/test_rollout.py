"""Laws of lessons that meet the model's own answers: a faultless model meets the truth, any other what it drew."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d

from editing.lines import knowing, lesson, words
from refrain.editing.compose import Seen
from refrain.editing.turns import Line
from refrain.models.embedded import weights
from refrain.models.embedded.codec import LinearCodec
from refrain.sequence import Sequence
from refrain.training.lesson import NOTHING, Lesson, TaughtTurn, loss_of_lesson, rows_of
from refrain.training.pointing import Pointing
from refrain.training.rollout import asked_of, preserved, rolled_out
from rows import COLUMNS, FRAMES, ROWS, latents

LEFT, RIGHT = slice(0, COLUMNS // 2), slice(COLUMNS // 2, COLUMNS)


class Blocks:
    """A codec that shows the first three channels of a latent as a block of 8 x 8 pixels."""

    channels, frames_per_latent, pixels_per_latent = 4, 4, 8

    def encode(self, frames: Tensor) -> Tensor:
        blocks = avg_pool3d(frames[:, ::4].transpose(1, 2), (1, 8, 8))  # [B, 3, T, y, x]
        return torch.cat((blocks, 0 * blocks[:, :1]), 1)

    def decode(self, latents: Tensor, first: bool = True) -> Tensor:
        pixels = latents[:, :3].repeat_interleave(8, 3).repeat_interleave(8, 4)  # [B, 3, t, Y, X]
        times = torch.tensor([1, *[4] * (latents.shape[2] - 1)])
        return pixels.repeat_interleave(times, 2).transpose(1, 2).clamp(-1, 1)


def saying(change: Callable[[int, Tensor], Tensor]) -> Any:
    """A model that changes the picture that stands by what `change` says of the question's number and that picture."""

    def prepare(row: Sequence, memory: bool) -> Any:
        assert memory
        base = row.target.base
        assert base is not None
        return SimpleNamespace(velocity=lambda noise, t: noise - base - change(row.target.beat // 2, base))

    return SimpleNamespace(card=knowing().card, prepare=prepare, forget=lambda: None)


def halves() -> Lesson:
    """Three turns: the first changes the left half, the second the right one, the third the left one again."""
    picture, turns = latents(1), []
    source = Seen(picture, None)
    for n, half in enumerate((LEFT, RIGHT, LEFT)):
        picture = picture.clone()
        picture[..., half] = latents(10 + n)[..., half]
        turns.append(TaughtTurn({"picture": words(n)}, {"picture": Seen(picture, None)}))
    return Lesson(source, tuple(turns))


def true_of(taught: Lesson) -> list[Tensor]:
    return [turn.found["picture"].full for turn in taught.turns]


def test_a_model_without_fault_meets_the_true_lesson() -> None:
    taught = halves()
    met = rolled_out(saying(lambda n, base: true_of(taught)[n] - base), Blocks(), taught, torch.Generator())
    for turn, true in zip(met.turns, true_of(taught)):
        torch.testing.assert_close(turn.found["picture"].full, true)
        torch.testing.assert_close(turn.after.full, true)
    assert met.turns[0].words is taught.turns[0].words and met.source is taught.source


def test_what_a_model_fails_to_do_stays_undone_and_only_what_is_asked_is_taught() -> None:
    taught = halves()
    met = rolled_out(saying(lambda n, base: torch.zeros_like(base)), Blocks(), taught, torch.Generator())
    source = taught.source.full
    for n, (turn, half) in enumerate(zip(met.turns, (LEFT, RIGHT, LEFT))):
        assert n == 2 or torch.allclose(turn.after.full, source)
        other = RIGHT if half == LEFT else LEFT
        target = turn.found["picture"].full
        assert torch.equal(target[..., half], true_of(taught)[n][..., half])
        assert torch.allclose(target[..., other], source[..., other]), "nothing that was not asked for"


def test_later_turns_are_changes_of_what_came_and_see_it() -> None:
    taught, drawn = halves(), latents(50)
    met = rolled_out(saying(lambda n, base: drawn - base if n == 0 else 0 * base), Blocks(), taught, torch.Generator())
    row, clean = rows_of(met, knowing(), torch.Generator(), NOTHING)
    assert [target.base is met.turns[n - 1].after.full for n, target in enumerate(row.targets) if n] == [True, True]
    torch.testing.assert_close(row.targets[1].base, drawn)
    answers = [s.content for s in row if s.kind == "answer" and s.content is not None]
    assert len(answers) == 2 and all(torch.equal(said, t.after.full) for said, t in zip(answers, met.turns))
    assert all(x is turn.found["picture"].full for x, turn in zip(clean, met.turns))


def board() -> tuple[LinearCodec, Tensor, Tensor, Tensor]:
    """A codec of the package, where a square [y, x] stands across places, two tiled grounds [1, 1, 3, y, x]."""
    codec = LinearCodec.from_pretrained(Path(next(iter(weights.__path__))) / "vae")
    thing = torch.zeros(64, 64, dtype=torch.bool)
    thing[12:37, 12:37] = True

    def ground(seed: int, colour: tuple[float, float, float]) -> Tensor:
        tiles = torch.tensor(colour)[:, None, None] + 0.15 * latents(seed, 1, 8, 8)[0, :3, 0]
        return tiles.repeat_interleave(8, 1).repeat_interleave(8, 2)[None, None]

    return codec, thing, ground(1, (-0.7, -0.6, 0.1)), ground(2, (0.6, 0.5, -0.2))


def within(one: Tensor, other: Tensor, where: Tensor) -> float:
    """How far two pictures differ on average where [y, x] says."""
    return float((one - other).abs()[..., where].mean())


def test_what_stands_before_a_new_background_is_to_stay_as_it_stood_though_it_was_drawn_badly() -> None:
    codec, thing, dark, light = board()
    red = torch.tensor([0.9, -0.9, -0.9])[:, None, None]
    true, wanted = (torch.where(thing, red, ground) for ground in (dark, light))
    stood = torch.where(thing, 0.6 * red + 0.4 * dark, dark)  # the old ground shows through
    found = codec.decode(asked_of(codec, *(codec.encode(one) for one in (wanted, true, stood))))
    inner = torch.zeros_like(thing)
    inner[14:35, 14:35] = True  # whole latents would change half of it
    assert within(stood, wanted, inner) > 0.3 and within(found, stood, inner) < 0.1
    assert within(found, wanted, ~thing) < 0.03


GREY = torch.tensor([0.3, 0.6, 0.1])


def grey(picture: Tensor) -> Tensor:
    """A picture [..., 3, y, x] without its colours."""
    return torch.einsum("...cyx,c->...yx", picture, GREY).unsqueeze(-3).expand_as(picture)


@pytest.mark.parametrize("back", [False, True])
def test_a_look_is_one_of_what_stood_faults_and_all(back: bool) -> None:
    codec, thing, dark, _ = board()
    red = torch.tensor([0.9, -0.9, 0.9])[:, None, None]
    true = torch.where(thing, red, dark)
    stood = torch.where(thing, 0.5 * red + 0.5 * dark, dark)  # half drawn
    coloured, half = true, stood
    if back:
        true, stood, wanted = grey(true), grey(stood), true
    else:
        wanted = grey(true)
    assert within(grey(half), grey(coloured), thing) > 0.2
    found = codec.decode(asked_of(codec, *(codec.encode(one) for one in (wanted, true, stood))))
    assert within(grey(found), grey(half), thing) < 0.08, "about as dark as it stood"
    assert within(found, wanted, ~thing) < 0.03


def test_a_look_puts_right_what_is_a_shade_off() -> None:
    codec, thing, dark, _ = board()
    red = torch.tensor([0.9, -0.9, 0.9])[:, None, None]
    true = torch.where(thing, red, dark)
    stood = torch.where(thing, 0.9 * red + 0.1 * dark, dark)
    latent, before, now = (codec.encode(one) for one in (grey(true), true, stood))
    assert within(grey(stood), grey(true), thing) > 0.03
    assert within(codec.decode(asked_of(codec, latent, before, now)), codec.decode(latent), thing) < 0.005


def test_what_was_drawn_of_a_thing_beyond_its_edge_is_to_go_with_it() -> None:
    codec, thing, dark, _ = board()
    red = torch.tensor([0.9, -0.9, -0.9])[:, None, None]
    true, stood = torch.where(thing, red, dark), dark.clone()
    stood[..., 10:39, 10:39] = red  # two pixels too wide
    wanted, before, now = (codec.encode(one) for one in (dark, true, stood))
    plain, found = codec.decode(wanted), codec.decode(asked_of(codec, wanted, before, now))
    everywhere = torch.ones_like(thing)
    assert within(codec.decode(now), plain, everywhere) > 0.1 and within(found, plain, everywhere) < 0.01


def test_a_murmur_is_put_back_and_a_change_is_kept_where_it_is() -> None:
    before = 0.3 * latents(3, rows=16, columns=16)
    after = before + 0.001
    assert torch.equal(preserved(Blocks(), before, after), before)
    after = after.clone()
    after[:, :, :, :2, :2] += 1.0
    kept = preserved(Blocks(), before, after)
    assert torch.equal(kept[:, :, :, :2, :2], after[:, :, :, :2, :2])
    assert torch.equal(kept[:, :, :, 8:, 8:], before[:, :, :, 8:, 8:])


@pytest.mark.parametrize("prediction", ["change", "velocity"])
def test_it_answers_by_one_step_from_noise_whatever_the_network_predicts(prediction: str) -> None:
    wan, taught = knowing(prediction=prediction), lesson([(False, 0), (False, 0)])
    came = rolled_out(wan, Blocks(), taught, torch.Generator().manual_seed(4)).turns[0].after.full
    source = taught.source.full
    noise = torch.randn(source.shape, generator=torch.Generator().manual_seed(4))
    line = Line.begin(taught.source, wan.card)
    output = wan.prepare(line.ask(taught.turns[0].words["picture"], base=source).row, memory=False).output(noise, 1.0)
    answer = source + output if prediction == "change" else noise - output
    torch.testing.assert_close(came, preserved(Blocks(), source, answer))
    assert not torch.equal(came, source)


def test_pointing_hears_of_the_passes_that_learn_alone() -> None:
    wan = knowing()
    net = wan.experts[0].transformer
    pointing = Pointing(net.proj_out, 1, 16, 1.0)
    taught = lesson([(False, 1), (False, 0)])
    where = torch.ones(1, 1, 4 * FRAMES - 3, 8 * ROWS, 8 * COLUMNS)
    told = Lesson(taught.source, tuple(TaughtTurn(t.words, t.found, t.references, where) for t in taught.turns))
    met = rolled_out(wan, Blocks(), told, torch.Generator().manual_seed(0))
    assert not torch.equal(met.turns[0].after.full, taught.source.full)
    loss_of_lesson(wan, met, torch.Generator().manual_seed(1), drops=NOTHING, pointing=pointing).backward()
    assert pointing.line.weight.grad is not None and bool(torch.isfinite(pointing.line.weight.grad).all())
