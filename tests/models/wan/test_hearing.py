"""What the tokens of a target hear: under spots, the words and adapters of those spots; elsewhere, the row's."""

import torch
from torch import Tensor

from refrain.models.wan.hearing import Spot, hearing
from refrain.models.wan.touch import Reach
from rows import some

ROW, ONE, OTHER = (some(1, n, 8, seed=n) for n in (2, 3, 4))
A, B = torch.tensor([1, 1, 0, 0]).bool(), torch.tensor([0, 1, 1, 0]).bool()
BOTH: dict[str, Reach] = {"a": "target", "b": "target"}


def heard(spots: tuple[Spot, ...], active: dict[str, Reach] = BOTH) -> dict[int, list[tuple[int, tuple[str, ...]]]]:
    """For each token the words that it hears, by their number, and the adapters on them."""
    names = {id(words): n for n, words in enumerate((ROW, ONE, OTHER))}
    found: dict[int, list[tuple[int, tuple[str, ...]]]] = {}
    for tokens, voices in hearing(True, ROW, active, spots, torch.device("cpu")).parts:
        for token in range(4) if tokens is None else tokens.tolist():
            found[token] = sorted((names[id(voice.states)], voice.adapters) for voice in voices)
    return found


def test_each_token_hears_the_words_of_its_spots_each_as_its_own_adapter_has_them() -> None:
    assert heard((Spot("a", A, ONE), Spot("b", B, OTHER))) == {
        0: [(1, ("a",))],
        1: [(1, ("a",)), (2, ("b",))],
        2: [(2, ("b",))],
        3: [(0, ())],
    }


def test_effects_without_words_of_their_own_add_up_on_the_rows_words() -> None:
    assert heard((Spot("a", A), Spot("b"))) == {
        0: [(0, ("a", "b"))],
        1: [(0, ("a", "b"))],
        2: [(0, ("b",))],
        3: [(0, ("b",))],
    }


def test_an_adapter_without_a_spot_acts_on_all_that_is_said() -> None:
    active: dict[str, Reach] = {**BOTH, "whole": "all", "context": "clean"}
    found = heard((Spot("a", A, ONE), Spot("b", B, ONE)), active)
    assert found == {
        0: [(1, ("whole", "a"))],
        1: [(1, ("whole", "a", "b"))],
        2: [(1, ("whole", "b"))],
        3: [(0, ("whole",))],
    }


def test_clean_tokens_hear_the_base_unless_an_adapter_is_for_them() -> None:
    for active, names in ((BOTH, ()), ({**BOTH, "c": "clean"}, ("c",))):
        told = hearing(False, ROW, active, (), torch.device("cpu"))  # type: ignore[arg-type]
        ((tokens, (voice,)),) = told.parts
        assert tokens is None and voice.adapters == names
        assert told.touches is not None and [touch.name for touch in told.touches] == list(names)


def test_where_every_adapter_touches_everything_peft_is_left_to_itself() -> None:
    told = hearing(True, ROW, {"a": "all"}, (), torch.device("cpu"))
    ((_, (voice,)),) = told.parts
    assert told.touches is None and voice.touches is None


def test_silence_is_touched_all_the_same() -> None:
    touched = hearing(False, None, {"c": "clean"}, (), torch.device("cpu"))
    assert touched.parts == () and touched.touches is not None
    tokens: list[Tensor | None] = [touch.tokens for touch in touched.touches]
    assert tokens == [None]
