"""`refrain train`: a run is begun, stopped, gone on with, and never written over; what it makes is worn by an edit."""

import json
from pathlib import Path

import pytest
import torch

from cli.conftest import Run
from data.pairs import pair
from refrain.cli.main import main
from refrain.cli.train import read, set_of, share_of
from refrain.data.store import Store
from refrain.errors import BadInput
from refrain.models import lora
from refrain.training import journal

FACTS = {"frames": 5, "width": 64, "height": 64, "fps": 8.0, "effect": "dragon"}
RECIPE = '''"""A tiny recipe."""
from dataclasses import replace
from refrain.training.recipe import Given, Recipe, learn
from refrain.training.stage import Stage

STAGE = Stage(steps=4, rate=1e-3, warmup=0, optimiser="adamw", every=2, validate_every=4, sample_every=4)

def run(given: Given, rank: int = 2, drop: float = 0.1, slow: bool = False, words: str = "") -> None:
    def step(done):
        given.step(done)
        if slow and done.step == 2 and not (given.folder / "again").exists():
            (given.folder / "again").touch()
            raise KeyboardInterrupt
    recipe = Recipe(replace(STAGE, drop=drop), rank=rank, tokens="target", lengths=(5,), area=4096)
    learn(recipe, replace(given, step=step), triggers=("dragon",))
'''


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets of pairs, one of them with a pair held out."""
    folder = tmp_path_factory.mktemp("sets")
    Store.create(folder / "a").add(pair(folder / "a", n, split="train", **FACTS) for n in (1, 2))
    Store.create(folder / "b").add(
        pair(folder / "b", n, split=s, **FACTS) for n, s in ((3, "train"), (4, "validation"))
    )
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.py"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, recipe: Path, sets: Path, model: Path) -> Path:
    """A run that was never stopped, of three parts of one set and one of the other."""
    folder = tmp_path_factory.mktemp("done") / "run"
    data = ("--data", sets / "a:3", "--data", sets / "b")
    assert main([str(a) for a in ("train", recipe, folder, *data, "--model", model, "--quiet")]) == 0
    return folder


def test_what_a_run_makes_is_worn_by_an_edit(done: Path, clip: Path, out: Path, model: Path, run: Run) -> None:
    card = lora.outline(done / "effect.safetensors")
    assert card is not None
    assert (card.effect, card.rank, card.tokens, card.triggers) == ("dragon", 2, "target", ("dragon",))
    assert (card.base, card.recipe, card.steps) == ("tiny", "tiny", 4)
    edit = ("edit", clip, "let a dragon fly", "-o", out / "out.mp4", "--model", model)
    assert run(*edit).status == 2, "the model alone does not know it"
    assert run(*edit, "--effect", done / "effect.safetensors").status == 0


def test_a_run_leaves_a_journal_samples_and_what_was_asked(done: Path, sets: Path) -> None:
    steps = journal.read(done)
    assert [step.step for step in steps] == [0, 1, 2, 3] and steps[-1].validation["loss"] > 0
    assert [path.name for path in (done / "samples").iterdir()] == ["000004-0.mp4"]
    said = json.loads((done / "run.json").read_text(encoding="utf-8"))
    assert said["data"] == [f"{(sets / 'a').resolve()}:3", f"{(sets / 'b').resolve()}:1"]


@pytest.mark.slow
def test_a_stopped_run_goes_on_as_if_it_had_not(
    done: Path, recipe: Path, sets: Path, model: Path, tmp_path: Path, run: Run
) -> None:
    folder = tmp_path / "run"
    data = ("--data", sets / "a:3", "--data", sets / "b", "--cache", done / "cache")
    ran = run("train", recipe, folder, *data, "--model", model, "--set", "slow=yes")
    assert ran.status == 130 and "--resume" in ran.err
    again = run("train", recipe, folder, *data, "--model", model)
    assert again.status == 2 and "holds a run" in again.err
    other = run("train", recipe, folder, "--resume", "--set", "rank=4")
    assert other.status == 2 and "recipe.rank was 2, is 4" in other.err
    assert run("train", recipe, folder, "--resume").status == 0, "as it was asked at first"
    one, other = (lora.read(each / "effect.safetensors") for each in (done, folder))
    assert one.card == other.card
    assert all(torch.equal(x, y) for layer, two in one.pairs.items() for x, y in zip(two, other.pairs[layer]))


def test_what_cannot_be_is_said_in_one_sentence(recipe: Path, tmp_path: Path, run: Run) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("x = 1\n", encoding="utf-8")
    for arguments, told in (
        ((tmp_path / "no.py", tmp_path / "run"), "is no recipe"),
        ((bad, tmp_path / "run"), "no function `run(given)`"),
        ((recipe, tmp_path / "run"), "--data"),
        ((recipe, tmp_path / "run", "--resume"), "no run to go on with"),
        ((recipe, tmp_path / "run", "--steps", 0), "--steps"),
    ):
        ran = run("train", *arguments)
        assert ran.status == 2 and told in ran.err and len(ran.err.splitlines()) == 1, ran.err


def test_settings_are_the_arguments_of_run(recipe: Path) -> None:
    begin = read(recipe)
    assert set_of(begin, recipe, ["rank=4", "drop=0.5", "slow=no", "words=a=b"]) == {
        "rank": 4,
        "drop": 0.5,
        "slow": False,
        "words": "a=b",
    }
    for wrong in ("rank", "rang=4", "rank=four", "slow=perhaps"):
        with pytest.raises(BadInput, match="--set"):
            set_of(begin, recipe, [wrong])


def test_a_share_follows_the_set(tmp_path: Path) -> None:
    (tmp_path / "odd:2").mkdir()
    assert share_of("pairs:3") == (Path("pairs"), 3.0) and share_of("pairs:0.5") == (Path("pairs"), 0.5)
    assert share_of("pairs") == (Path("pairs"), 1.0)
    assert share_of(str(tmp_path / "odd:2")) == (tmp_path / "odd:2", 1.0), "a set may have a colon in its name"
    with pytest.raises(BadInput, match="above 0"):
        share_of("pairs:0")
