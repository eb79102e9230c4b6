"""Every recipe that is shipped runs, and what it makes can be used: a few steps on tiny models and a tiny set."""

import ast
from pathlib import Path

import pytest

from cli.conftest import Run, run  # noqa: F401
from data.pairs import clip, pair
from guarantees.house import ROOT
from refrain.attention import Isa
from refrain.data.store import Store
from refrain.editing.editor import Editor
from refrain.editing.request import Edit, EffectUse
from refrain.models.lora import base_of, outline, shipped
from refrain.models.protocols import Card
from refrain.training.journal import read
from tiny import save_tiny
from tiny_embedded import save_tiny_embedded

RECIPES = ROOT / "recipes"
FACTS = {"frames": 5, "width": 64, "height": 64, "fps": 8.0}
SMALL = ("--set", "frames=5", "--set", "pixels=4096")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs, the last held out."""
    folder = tmp_path_factory.mktemp("pairs")
    splits = ("train", "train", "validation")
    Store.create(folder).add(pair(folder, n, split=split, **FACTS) for n, split in enumerate(splits))
    return folder


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text-to-video Wan that has no card."""
    return save_tiny(tmp_path_factory.mktemp("wan") / "base")


@pytest.fixture(scope="module")
def general(tmp_path_factory: pytest.TempPathFactory, wan: Path, pairs: Path) -> Path:
    """What the first stage made of it."""
    from refrain.cli.main import main

    folder = tmp_path_factory.mktemp("general") / "run"
    more = ("--data", f"{pairs}:3", "--model", wan, "--steps", 2, *SMALL)
    assert main([str(a) for a in ("train", RECIPES / "wan_general.py", folder, *more, "-q", "--debug")]) == 0
    return folder / "model"


def test_the_first_stage_makes_a_checkpoint_that_edits(general: Path) -> None:
    card = Card.load(general)
    assert (card.rule, card.coarse, card.align, card.clean_embedding) == ("isolated", (1, 2, 2), "corner", True)
    answer = Editor.from_pretrained(general).edit(Edit("make it snow", clip(3), short_side=64, steps=1))
    assert len(answer.clip) == 5
    assert [path.name for path in sorted((general.parent / "samples").iterdir())] == ["000002-0.mp4"]
    assert read(general.parent)[-1].validation["loss"] > 0


@pytest.mark.slow
def test_the_second_stage_makes_an_effect_that_is_worn(general: Path, pairs: Path, tmp_path: Path, run: Run) -> None:  # noqa: F811
    more = (
        "--data",
        pairs,
        "--model",
        general,
        "--steps",
        2,
        *SMALL,
        "--set",
        "tokens=target",
        "--set",
        "effect=flame",
    )
    assert run("train", RECIPES / "wan_effect.py", tmp_path / "run", *more).status == 0
    card = outline(tmp_path / "run" / "effect.safetensors")
    assert card is not None
    assert (card.effect, card.rank, card.tokens, card.base, card.steps) == ("flame", 32, "target", "wan-general", 2)
    use = EffectUse(tmp_path / "run" / "effect.safetensors", box=(0, 0, 0.5, 1))
    asked = Edit("make it snow", clip(3), short_side=64, steps=1, effects=(use,))
    assert Editor.from_pretrained(general).edit(asked).record["effects"]


@pytest.mark.slow
def test_sparse_attention_is_learnt_with_in_two_stages(wan: Path, pairs: Path, tmp_path: Path, run: Run) -> None:  # noqa: F811
    recipe, more = RECIPES / "wan_isa.py", ("--data", pairs, "--steps", 1, *SMALL, "--set", "accumulate=2")
    assert run("train", recipe, tmp_path / "one", *more, "--model", wan).status == 0
    first = tmp_path / "one" / "model"
    assert run("train", recipe, tmp_path / "two", *more, "--model", first, "--set", "second=yes").status == 0
    assert read(tmp_path / "two")[0].rate == pytest.approx(1e-6)
    editor = Editor.from_pretrained(tmp_path / "two" / "model", attention=Isa.published())
    assert editor.card.rule == "full"
    assert len(editor.edit(Edit("make it snow", clip(3), short_side=64, steps=1)).clip) == 5


@pytest.mark.slow
def test_effects_that_may_ship_are_taught_one_by_one_into_files_of_their_names(tmp_path: Path, run: Run) -> None:  # noqa: F811
    model = save_tiny_embedded(tmp_path / "tiny")
    Store.create(tmp_path / "pairs").add(
        pair(tmp_path / "pairs", n, clip(n, 33), clip(n + 9, 33), split=split, **{**FACTS, "frames": 33})
        for n, split in enumerate(("train", "train", "validation"))
    )
    more = ("--data", tmp_path / "pairs", "--model", model, "--steps", 2, "--set", "side=64", "--set", "names=a, b")
    asked = ("train", RECIPES / "shipped_effects.py", tmp_path / "run", *more)
    assert run(*asked).status == 0
    assert list(shipped(tmp_path / "run" / "effects")) == ["a", "b"]
    card = outline(tmp_path / "run" / "effects" / "b.safetensors")
    assert card is not None and (card.effect, card.tokens, card.base_hash) == ("b", "target", base_of(model)[1])


RUN = [path for path in sorted(RECIPES.glob("*.py")) if "__main__" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("recipe", RUN, ids=lambda path: path.stem)
def test_a_recipe_opens_with_what_it_costs(recipe: Path) -> None:
    said = ast.get_docstring(ast.parse(recipe.read_text(encoding="utf-8"))) or ""
    assert f"recipes/{recipe.name}" in said and "Hardware:" in said and "Hours:" in said
