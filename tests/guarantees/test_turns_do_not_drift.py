"""Ten turns of "keep it as it is": the tenth differs from the source by no more than the first."""

from pathlib import Path

import numpy as np
import pytest
import torch

from editing.sessions import KEEP, KNOWS_TURNS, moving, murmuring, photo, same
from refrain import Clip, Editor, Session
from refrain.editing.edit import answer
from refrain.editing.request import Edit
from tiny_embedded import CARD


@pytest.mark.parametrize("source", [moving(5, (64, 96)), photo()], ids=["clip", "picture"])
@pytest.mark.parametrize("facts", [{}, KNOWS_TURNS], ids=["state before", "all turns"])
def test_what_a_model_murmurs_does_not_add_up(facts: dict, source: Clip, tmp_path: Path) -> None:
    """A model that answers with its source and a little noise leaves planes and latents as they were, to the bit."""
    editor = murmuring(tmp_path / "m", **facts)
    session = Session.create(tmp_path / "s", source, editor)
    seen = session.turn(0).state().seen((), editor.device)
    heard = answer(Edit(KEEP, source, short_side=CARD.short_side), editor, lambda progress: None, seen)
    assert not torch.equal(heard.latents, seen.full), "the model is silent, so nothing is tried here"
    for seed in range(10):
        session.ask(KEEP, seed=seed, steps=1)
    first, last = session.turn(0), session.turn(10)
    assert same(last.clip, first.clip)
    before, after = first.state(), last.state()
    assert torch.equal(before.full, after.full)
    assert before.coarse is not None and after.coarse is not None and torch.equal(before.coarse, after.coarse)


@pytest.mark.slow
def test_the_embedded_model_keeps_what_it_is_told_to_keep(tmp_path: Path) -> None:
    from refrain.cli.sheet import scenes

    source = next(iter(scenes(1, 0, 5)))
    session = Session.create(tmp_path / "s", source, Editor.from_pretrained(), short_side=96)
    for _ in range(10):
        session.ask("keep it as it is")
    apart = [far(turn.clip, source) for turn in session.turns]
    assert apart[10] <= apart[1]


def far(clip: Clip, source: Clip) -> float:
    """The mean difference of luma, in grey levels."""
    return float(np.abs(clip.planes[0].astype(np.int32) - source.planes[0].astype(np.int32)).mean())
