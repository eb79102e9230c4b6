"""While something is drawn it can be looked at: the last look is the answer, and who does not look pays nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from editing.sessions import KNOWS_TURNS, WORDS, changing, moving
from refrain.editing.edit import answer
from refrain.editing.editor import Editor
from refrain.editing.request import Edit, Progress
from refrain.editing.session.session import Session
from refrain.editing.solve import noting
from refrain.flow import SOLVERS, times
from refrain.models.protocols import Codec
from tiny_embedded import CARD


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return changing(tmp_path_factory.mktemp("model") / "tiny")


class Counting:
    """A codec that counts how often it decodes."""

    def __init__(self, codec: Codec) -> None:
        self.codec, self.decoded = codec, 0

    def __getattr__(self, name: str):
        return getattr(self.codec, name)

    def decode(self, *given, **more):
        self.decoded += 1
        return self.codec.decode(*given, **more)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("frames", [1, 5, 13])  # 13: two windows
def test_after_the_last_step_of_a_window_the_look_is_the_answer(editor: Editor, solver: str, frames: int) -> None:
    asked = replace(editor, card=replace(CARD, sampling=replace(CARD.sampling, solver=solver)))
    seen: list[tuple[Progress, torch.Tensor]] = []
    done = answer(
        Edit(WORDS, moving(frames)), asked, lambda told: seen.append((told, told.look())) if told.look else None
    )
    steps = CARD.sampling.steps
    ends = [shown for told, shown in seen if told.done % steps == 0]
    starts = range(0, done.latents.shape[2], CARD.window)
    assert len(ends) == len(starts) == len(seen) // steps
    for start, shown in zip(starts, ends, strict=True):
        part = done.latents[:, :, start : start + CARD.window]
        middle = part.shape[2] // 2
        wanted = editor.codec.decode(part[:, :, middle : middle + 1], start == 0 and middle == 0)[0]
        torch.testing.assert_close(shown, wanted, rtol=0, atol=1e-4)
        assert shown.shape[1] == 3 and len(shown) <= 4 and shown.abs().max() <= 1


def test_nothing_is_decoded_for_those_who_do_not_look_and_looking_changes_no_pixel(editor: Editor) -> None:
    ways = (lambda told: None, lambda told: told.look() if told.look else None)
    answers, decoded = [], []
    for listen in ways:
        codec = Counting(editor.codec)
        answers.append(answer(Edit(WORDS, moving(5)), replace(editor, codec=codec), listen))
        decoded.append(codec.decoded)
    assert decoded == [2, 2 + CARD.sampling.steps], "the source and the answer are decoded, and what was looked at"
    assert torch.equal(answers[0].latents, answers[1].latents)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_on_a_straight_path_every_look_is_the_end_of_it(solver) -> None:
    clean, noise = torch.randn(2, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    velocity, seen = noting(lambda x, t: noise - clean)
    looks: list[torch.Tensor] = []
    solver(velocity, noise, times(6), lambda done, of, x: looks.append(seen()))
    assert len(looks) == 6
    for look in looks:
        torch.testing.assert_close(look, clean, rtol=0, atol=1e-5)


def test_masks_on_the_way_can_be_looked_at_too(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", moving(1), changing(tmp_path / "m", **KNOWS_TURNS))
    looks: list[torch.Tensor] = []
    turn = session.ask(WORDS, None, lambda told: looks.append(told.look()) if told.look else None, chain=True)
    steps = CARD.sampling.steps
    assert len(looks) == 3 * steps  # here, there, the picture
    mask = looks[steps - 1].mean(1, keepdim=True) / 2 + 0.5
    torch.testing.assert_close(mask, turn.masks["here"], rtol=0, atol=0.01)
