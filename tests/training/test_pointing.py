"""Laws of pointing: what is covered, where its gradients go, and that it leaves nothing behind."""

from dataclasses import replace

import pytest
import torch

from editing.lines import Plan, knowing, lesson
from refrain.editing.compose import Window
from refrain.training.lesson import NOTHING, Lesson, loss_of_lesson
from refrain.training.objective import loss
from refrain.training.pointing import Pointing, covered
from training.test_objective import WINDOWS, Means, batch, make

PLAN: Plan = [(True, 0), (False, 0)]


def test_what_fills_one_token_of_one_frame_covers_it_and_no_other() -> None:
    where = torch.zeros(1, 2, 9, 32, 48)  # latents 0, 1, 2; 2 x 3 tokens of 16 pixels
    where[0, 1, 6, 16:, 32:] = 1  # frame 6 is in latent 2
    for window, latents in ((Window(0, 3), 3), (Window(2, 3, 1), 1)):
        said = covered(where, window, 16).unflatten(1, (latents, 2, 3))  # [1, t, y, x, 2]
        assert said.sum() == 1 and said[0, -1, 1, 2, 1] == 1


def test_half_a_token_is_half_covered() -> None:
    where = torch.zeros(1, 1, 1, 16, 16)
    where[..., :8] = 1
    assert covered(where, Window(0, 1), 16).tolist() == [[[0.5]]]


def test_closely_each_part_of_a_token_is_told_and_its_parts_are_the_whole() -> None:
    where = torch.zeros(1, 2, 1, 32, 48)
    where[0, 1, 0, 20:24, 36:40] = 1  # of the last token's parts of 4 pixels the second, down and across
    told = covered(where, Window(0, 1), 16, 4).unflatten(2, (2, 4, 4))  # [1, 2 x 3, K, 4, 4]
    assert told.sum() == 1 and told[0, 5, 1, 1, 1] == 1
    torch.testing.assert_close(told.mean((3, 4)), covered(where, Window(0, 1), 16))


@pytest.mark.parametrize("window", WINDOWS)
def test_the_network_learns_where_a_thing_is_from_pointing_alone(window: Window) -> None:
    denoiser = make()
    net = denoiser.experts[0].transformer
    names = set(net.state_dict())
    pointing = Pointing(net.proj_out, 1, 16, 1.0)
    where = torch.zeros(2, 1, 9, 32, 32)
    where[0, :, :, :16], where[1, :, :, :, 16:] = 1, 1
    learning = torch.optim.Adam([*net.parameters(), *pointing.named().values()], lr=1e-2)
    costs: list[float] = []
    for _ in range(30):
        loss(denoiser, Means(), batch(window), torch.Generator().manual_seed(7))
        wrong = pointing.cost([where], window)
        wrong.backward()
        learning.step()
        learning.zero_grad()
        costs.append(float(wrong.detach()))
    assert costs[0] == pytest.approx(0.693, abs=0.2) and costs[-1] < 0.3 * costs[0]
    assert set(net.state_dict()) == names  # nothing of it is saved with the model


def test_every_target_of_a_lesson_is_pointed_at_and_what_says_nothing_of_where_costs_nothing() -> None:
    wan = knowing(rule="block_causal")
    net, taught = wan.experts[0].transformer, lesson(PLAN)
    pointing = Pointing(net.proj_out, 2, 4, 0.5)
    plain = loss_of_lesson(wan, taught, torch.Generator().manual_seed(3), drops=NOTHING)
    assert len(pointing._given) == 4, "both masks and the picture of one turn, the picture of the other"
    pointing._given.clear()
    silent = loss_of_lesson(wan, taught, torch.Generator().manual_seed(3), drops=NOTHING, pointing=pointing)
    assert torch.equal(plain, silent)
    frames, rows, columns = (taught.source.full.shape[n] for n in (2, 3, 4))
    where = torch.zeros(1, 2, 4 * frames - 3, 2 * rows, 2 * columns)  # a token is 2 x 2 latents
    told = Lesson(taught.source, (replace(taught.turns[0], where=where), taught.turns[1]))
    asked = loss_of_lesson(wan, told, torch.Generator().manual_seed(3), drops=NOTHING, pointing=pointing)
    with torch.no_grad():  # the line says its bias, and nothing is there
        torch.testing.assert_close(asked - plain, 0.5 * torch.nn.functional.softplus(pointing.line.bias).mean())


@pytest.mark.parametrize("closely", [0, 2])
def test_a_target_that_is_told_fewer_kinds_is_asked_for_the_first_of_them(closely: int) -> None:
    wan = knowing(rule="block_causal")
    net, taught = wan.experts[0].transformer, lesson(PLAN)
    frames, rows, columns = (taught.source.full.shape[n] for n in (2, 3, 4))
    where = torch.zeros(1, 1, 4 * frames - 3, 2 * rows, 2 * columns)
    told = Lesson(taught.source, tuple(replace(turn, where=where) for turn in taught.turns))
    pointing = Pointing(net.proj_out, 3, 4, 1.0, closely)
    loss_of_lesson(wan, told, torch.Generator().manual_seed(3), drops=NOTHING, pointing=pointing).backward()
    line = pointing.line
    assert line.bias.grad is not None and line.bias.grad[0] != 0 and not line.bias.grad[1:3].any()
    assert line.bias.grad[3:19].all() and len(line.bias) == 3 + 16 * closely and not line.bias.grad[19:].any()
