"""What asks for an answer (words, references, masks, the source) stands one beat earlier and never sees it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guarantees.test_no_target_sees_its_answer import sessions
from refrain.sequence import RULES, Segment, Sequence, grid
from rows import denoiser, laid, latents, reach, said


@given(sessions(), st.sampled_from(["isolated", "block_causal"]))
def test_in_no_layout_does_an_answer_reach_its_question(row: Sequence, rule: str) -> None:
    for question in (s for s in row if s.beat % 2 == 0):
        assert not any(s.kind == "answer" and s.beat > question.beat for s in reach(question, row, RULES[rule]))


@pytest.mark.parametrize("rule", ["isolated", "block_causal"])
@torch.no_grad()
def test_what_is_remembered_of_the_question_knows_no_answer(rule: str) -> None:
    """Keys and values of source and reference are the same to the bit, whatever the answer between them and later."""

    def remembered(seed: int) -> list[torch.Tensor]:
        asked = [said(0, 1), laid("source", 0, 2), laid("reference", 0, 3)]
        answer = Segment("answer", 1, grid(2, 2, 3), content=latents(seed))
        prepared = denoiser(rule=rule).prepare(Sequence([*asked, answer, said(2, 4), laid("target", 2, 0)]))
        prepared.velocity(latents(5), 0.5)
        kept = prepared._remember(0)
        return [part for i in (0, 1) for layer in kept[i].layers for part in layer]

    assert all(torch.equal(a, b) for a, b in zip(remembered(20), remembered(30)))
