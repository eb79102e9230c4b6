"""Turns are timed on equal rows, and what is remembered answers as what is computed anew."""

from pathlib import Path

import pytest

from refrain.cli.bench_session import Course, measure
from refrain.errors import BadInput, Unsupported
from tiny_embedded import save_tiny_embedded


@pytest.mark.parametrize("coarse", [False, True])
def test_with_and_without_memory_the_answers_are_the_same(coarse: bool) -> None:
    course = Course((64, 64), turns=3, steps=2, width=64, layers=1, coarse=coarse)
    figures = measure(course, 1, True, lambda stage: None)
    each = 4 if coarse else 16  # tokens of a picture that stands; the target has 16
    assert [(f.turn, f.tokens) for f in figures] == [(n, n * each + 16) for n in (1, 2, 3)]
    for figure in figures:
        assert figure.without is not None and figure.apart is not None and figure.apart < 1e-4
        assert min(*figure.with_, *figure.without) > 0
    alone = measure(course, 1, False, lambda stage: None)
    assert all(figure.without is None and figure.apart is None for figure in alone)


def test_what_cannot_be_timed_is_one_sentence(tmp_path: Path) -> None:
    single = str(save_tiny_embedded(tmp_path / "single"))
    with pytest.raises(Unsupported, match="single remembers no turns"):
        measure(Course((64, 64), model=single), 1, False, lambda stage: None)
    with pytest.raises(BadInput, match="multiples of 32"):
        measure(Course((50, 64)), 1, False, lambda stage: None)
    with pytest.raises(BadInput, match="--width"):
        measure(Course((64, 64), width=100), 1, False, lambda stage: None)
