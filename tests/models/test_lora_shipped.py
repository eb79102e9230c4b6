"""Effects that come with the embedded model: a bare name is one of them, and each fits the model beside it."""

from pathlib import Path

import pytest

from refrain.errors import BadInput
from refrain.models.lora import base_of, outline, shipped
from refrain.models.lora.shipped import located
from refrain.models.outline import EMBEDDED


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    for name in ("petals", "neon", "glitch"):
        (tmp_path / f"{name}.safetensors").touch()
    return tmp_path


def test_a_bare_name_is_a_shipped_effect_and_a_file_is_itself(effects: Path, tmp_path: Path) -> None:
    assert list(shipped(effects)) == ["glitch", "neon", "petals"]
    assert located("neon", effects) == effects / "neon.safetensors"
    assert located(effects / "neon.safetensors", effects) == effects / "neon.safetensors"


def test_a_file_comes_before_a_shipped_effect(effects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neon").touch()
    assert located("neon", effects) == Path("neon")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("petal", "did you mean petals"),
        ("Neon", "did you mean neon"),
        ("zzz", "there are glitch, neon, petals"),
        ("neon.safetensors", "There is no LoRA file neon.safetensors"),
        ("mine/neon", "There is no LoRA file mine/neon"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest_names(named: str, told: str, effects: Path) -> None:
    with pytest.raises(BadInput, match=told):
        located(named, effects)


def test_none_is_told_where_none_comes_with_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there are none"):
        located("neon", tmp_path)


def test_shipped_effects_fit_the_model_that_they_lie_beside() -> None:
    for name in shipped():
        card = outline(name)
        assert card is not None and card.base_hash == base_of(EMBEDDED)[1]
        assert card.effect == name and card.words and card.triggers and card.tokens == "target"
