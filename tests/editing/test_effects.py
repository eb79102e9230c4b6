"""Effects in an edit: each in its region and time, with its own words, and nothing of it where it weighs nothing."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from editing.loras import lora
from refrain.editing.compose import Window, spots_of, windows
from refrain.editing.edit import answer
from refrain.editing.editor import Editor
from refrain.editing.regions import apart, count_passes, passes, region
from refrain.editing.request import Edit, EffectUse, require_understood
from refrain.errors import BadInput, BadWeights, Unsupported
from refrain.media import Clip
from refrain.models.outline import Outline
from refrain.models.wan.hearing import Spot
from tiny_embedded import CARD, save_tiny_embedded

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


@given(st.tuples(*[st.integers(1, 9)] * 3), st.floats(0.05, 0.95), st.floats(0.1, 30))
def test_regions_side_by_side_cover_all_tokens_and_share_at_most_what_cannot_be_cut(
    size: tuple[int, int, int], cut: float, at: float
) -> None:
    left, right = (region(size, box, None, 4) for box in ((0, 0, cut, 1), (cut, 0, 1, 1)))
    before, after = (region(size, None, frames, 4) for frames in ((0, at), (at, math.inf)))
    for one, other in ((left, right), (before, after)):
        assert one is not None and other is not None
        assert bool((one | other).all()) and bool(one.any()) and bool(other.any())
    assert left is not None and right is not None
    if 1 <= round(cut * size[2]) < size[2]:
        assert not bool((left & right).any())


def test_a_time_is_the_latents_whose_middle_lies_in_it() -> None:
    """Latent 0 is frame 0; latent 1 frames 1 to 4, latent 2 frames 5 to 8."""

    def latents(*frames: float) -> list[int]:
        found = region((3, 1, 1), None, (frames[0], frames[1]), 4)
        assert found is not None
        return found.flatten().nonzero().flatten().tolist()

    assert latents(0, math.inf) == [0, 1, 2]
    assert latents(0, 3) == [0, 1]
    assert latents(3, 9) == [2]
    assert latents(1, 2) == [1]  # none has its middle there: the one that holds it
    assert region((3, 1, 1), None, None, 4) is None


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return Editor.from_pretrained(save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="module")
def clip() -> Clip:
    frames = torch.rand(9, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Clip.of(frames, 8)


def edited(editor: Editor, clip: Clip, *effects: EffectUse, **more: Any) -> torch.Tensor:
    """The frames of an edit, without what preserve puts back."""
    ask = Edit("make it snow", clip, preserve=False, effects=effects, **{"steps": 1, **more})
    return editor.edit(ask).clip.frames


def test_what_weighs_nothing_is_not_there_and_what_was_worn_is_taken_off(
    editor: Editor, clip: Clip, tmp_path: Path
) -> None:
    path = lora(editor, tmp_path / "a.safetensors")
    plain = edited(editor, clip)
    assert torch.equal(edited(editor, clip, EffectUse(path, 0.0, LEFT, words="heavy fog")), plain)
    assert not torch.equal(edited(editor, clip, EffectUse(path, 1.0, LEFT)), plain)
    assert torch.equal(edited(editor, clip), plain)
    net: Any = editor.denoiser.experts[0].transformer  # type: ignore
    assert not hasattr(net, "peft_config") and not any("lora" in name for name, _ in net.named_modules())


def test_an_effect_in_a_box_says_its_own_words_there_and_the_record_tells(
    editor: Editor, clip: Clip, tmp_path: Path
) -> None:
    path = lora(editor, tmp_path / "a.safetensors")
    own, same = (EffectUse(path, 1.0, LEFT, (0.2, 0.8), words) for words in (None, "heavy fog"))
    other = EffectUse(path, 1.0, LEFT, (0.2, 0.8), "red rain")
    one, two, three = (edited(editor, clip, use) for use in (own, same, other))
    assert torch.equal(one, two) and not torch.equal(one, three)
    ask = Edit("make it snow", clip, steps=1, effects=(own, EffectUse(path, 0.5)))
    told: Any = editor.edit(ask).record["effects"]
    assert [(e["weight"], e["box"], e["span"], e["words"]) for e in told] == [
        (1.0, list(LEFT), [0.2, 0.8], "heavy fog"),
        (0.5, None, None, None),
    ]
    assert len(told[0]["hash"]) == 64
    assert "effects" not in editor.edit(Edit("make it snow", clip, steps=1)).record


def test_two_effects_in_two_halves_are_told_apart_whatever_their_order(
    editor: Editor, clip: Clip, tmp_path: Path
) -> None:
    a, b = (lora(editor, tmp_path / f"{n}.safetensors", seed=n) for n in (1, 2))
    left, right = EffectUse(a, 1.0, LEFT, words="heavy fog"), EffectUse(b, 1.0, RIGHT, words="red rain")
    one, two = edited(editor, clip, left, right), edited(editor, clip, right, left)
    torch.testing.assert_close(one, two, atol=1e-4, rtol=0)
    assert (one - edited(editor, clip, left)).abs().max() > 1e-2


def test_effects_that_lie_apart_are_each_what_they_are_alone_and_the_rest_is_the_edit_without_them(
    editor: Editor, tmp_path: Path
) -> None:
    """In every window of a clip of three, on latents, and while a third effect is on the whole clip."""
    frames = torch.rand(33, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clip = Clip.of(frames, 8)
    a, b, c = (lora(editor, tmp_path / f"{n}.safetensors", seed=n) for n in (1, 2, 3))
    left = EffectUse(a, 1.0, (0.0, 0.0, 0.34, 1.0), words="heavy fog")
    right = EffectUse(b, 1.0, (0.67, 0.0, 1.0, 1.0), span=(0.0, 2.0), words="red rain")
    over = EffectUse(c, 0.5)

    def latents(*effects: EffectUse) -> torch.Tensor:
        asked = Edit("make it snow", clip, steps=2, guidance=2.0, short_side=64, effects=(*effects, over))
        return answer(asked, editor, lambda told: None).latents

    asked, cuts = Edit("make it snow", clip, effects=(left, over, right)), windows(9, editor.card)
    assert len(cuts) > 2 and cuts[-1].start > 4, "so that the right one is over by then"
    assert count_passes(asked, (9, 4, 6), 4, cuts)[::2] == (3, 2)
    both, first, second, neither = latents(left, right), latents(left), latents(right), latents()
    assert both.shape[2:] == (9, 8, 12)
    within = region((9, 4, 6), (0.67, 0.0, 1.0, 1.0), (0.0, 16.0), 4)
    assert within is not None
    there = within.repeat_interleave(2, 1).repeat_interleave(2, 2)
    here = torch.zeros_like(there)
    here[:, :, :4] = True
    for mine, alone in ((here, first), (there, second), (~here & ~there, neither)):
        torch.testing.assert_close(both[..., mine], alone[..., mine], atol=1e-6, rtol=0)
    assert (both[..., here] - neither[..., here]).abs().max() > 1e-2
    assert (both[..., there] - neither[..., there]).abs().max() > 1e-2


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3)), max_size=5))
def test_each_token_is_drawn_by_one_part_and_effects_that_share_one_are_drawn_together(
    stretches: list[tuple[int, int]],
) -> None:
    spots = tuple(
        Spot(str(n), region((1, 1, 8), (a / 8, 0, (a + b) / 8, 1), None, 4)) for n, (a, b) in enumerate(stretches)
    )
    parts = apart((*spots, Spot("everywhere")))
    assert all(part.spots[-1].tokens is None and len(part.spots) == len(spots) + 1 for part in parts)
    if len(parts) == 1:
        assert parts[0].tokens is None and parts[0].spots[:-1] == spots
        return
    assert torch.stack([part.tokens.long() for part in parts if part.tokens is not None]).sum(dim=0).tolist() == [
        [[1] * 8]
    ]
    for part in parts:
        for spot, kept in zip(spots, part.spots):
            assert spot.tokens is not None and kept.tokens is not None and part.tokens is not None
            mine = bool((spot.tokens & part.tokens).any())
            assert torch.equal(kept.tokens, spot.tokens if mine else torch.zeros_like(spot.tokens))
            assert not mine or bool((part.tokens | ~spot.tokens).all())


def test_parts_are_drawn_once_until_they_begin_and_not_at_all_after_their_end() -> None:
    def at(first: int, stop: int) -> Spot:
        tokens = torch.zeros(12, 1, 1, dtype=torch.bool)
        tokens[first:stop] = True
        return Spot(f"{first}", tokens)

    cuts = [Window(0, 3), Window(3, 6, 1), Window(6, 9, 1), Window(9, 12, 1)]
    early, late, rest = 0, 1, 2
    assert passes(apart((at(1, 2), at(7, 9))), cuts) == [
        [early, late, late],  # the late one is still the edit without effects
        [-1, late, late],
        [-1, late, rest],
        [-1, -1, rest],
    ]
    assert passes(apart((at(4, 5),)), cuts) == [[0]] * 4 and passes(apart(()), cuts) == [[0]] * 4
    assert passes(apart((at(0, 6), at(6, 12))), cuts) == [[0, 1], [0, 1], [-1, 1], [-1, 1]]


def test_a_long_clip_is_touched_in_the_windows_that_the_time_reaches_and_nowhere_else(editor: Editor) -> None:
    tokens = torch.zeros(7, 2, 2, dtype=torch.bool)
    tokens[4:] = True
    words = torch.zeros(1, 2, 3)
    spots = (Spot("a", tokens, words), Spot("b"))
    first, second = (spots_of(spots, Window(*edges)) for edges in ((0, 3), (3, 5)))
    assert first[0].tokens is not None and not bool(first[0].tokens.any())
    assert second[0].tokens is not None and second[0].tokens.tolist() == [False] * 4 + [True] * 4
    assert second[0].words is words and second[1].tokens is None
    assert all(spot.words is None for spot in spots_of(spots, Window(3, 5), asked=False))


def test_a_window_out_of_the_effects_time_is_the_window_without_it(editor: Editor, tmp_path: Path) -> None:
    """The first window of a long clip ends before the effect begins; nothing is to be seen of it there."""
    frames = torch.rand(33, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    clip, path = Clip.of(frames, 8), lora(editor, tmp_path / "a.safetensors")
    with_, without = edited(editor, clip, EffectUse(path, 1.0, span=(3.0, 4.0))), edited(editor, clip)
    assert torch.equal(with_[:5], without[:5])
    assert not torch.equal(with_[25:], without[25:])


def test_a_lora_on_all_tokens_works_on_the_whole_clip_and_is_refused_in_a_part(
    editor: Editor, clip: Clip, tmp_path: Path
) -> None:
    path = lora(editor, tmp_path / "a.safetensors", "all")
    assert not torch.equal(edited(editor, clip, EffectUse(path)), edited(editor, clip))
    for use in (EffectUse(path, box=LEFT), EffectUse(path, span=(0, 1)), EffectUse(path, words="heavy fog")):
        with pytest.raises(Unsupported, match="touches clean tokens too"):
            edited(editor, clip, use)


def test_a_lora_of_another_base_or_out_of_the_clips_time_is_refused(editor: Editor, clip: Clip, tmp_path: Path) -> None:
    other = lora(editor, tmp_path / "other.safetensors", base="flux", base_hash="00")
    with pytest.raises(BadWeights, match="was trained on flux, and this tiny has other weights"):
        edited(editor, clip, EffectUse(other))
    edited(editor, clip, EffectUse(other), any_base=True)
    own = lora(editor, tmp_path / "own.safetensors")
    with pytest.raises(BadInput, match="There is no frame from 5 s to 6 s"):
        edited(editor, clip, EffectUse(own, span=(5, 6)))
    with pytest.raises(BadInput, match="outside the stretch that is edited"):
        edited(editor, clip, EffectUse(own, span=(0.8, 1.0)), stop=0.5)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"weight": math.nan}, "weight is a number"),
        ({"box": (0.5, 0, 0.5, 1)}, "shares of the frame"),
        ({"box": (0, 0, 200, 100)}, "shares of the frame"),
        ({"span": (2, 1)}, "from before to"),
        ({"words": " "}, "empty"),
    ],
)
def test_a_use_that_makes_no_sense_is_refused(wrong: Any, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        EffectUse("a.safetensors", **wrong)


def test_what_calls_an_effect_is_understood_where_the_effect_is_in_use() -> None:
    words = frozenset({"snow"})
    with pytest.raises(BadInput, match="does not understand"):
        require_understood("add Zaubertrank now", CARD, words)
    require_understood("add Zaubertrank now", CARD, words, ("zaubertrank",))
    with pytest.raises(BadInput, match="does not understand"):
        require_understood("add Zaubertrank now", CARD, words, ("",))


def test_who_is_not_understood_is_told_which_model_would() -> None:
    for asked, model, other in (
        ("remove the star", "embedded", "embedded-sessions"),
        ("make it snow", "embedded-sessions", "embedded"),
    ):
        outline = Outline.of(model)
        with pytest.raises(BadInput, match=f"The model {other} understands it: --model {other}\\.$"):
            require_understood(asked, outline.card, outline.vocabulary)
        with pytest.raises(BadInput, match=r'"\.$'):
            require_understood("sing", outline.card, outline.vocabulary)
