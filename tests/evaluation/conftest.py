"""What tests of runs share: a tiny model, and small benchmarks in published forms."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from refrain.editing.editor import Editor
from refrain.evaluation.benchmarks import imgedit, msebench
from refrain.evaluation.case import Case
from refrain.evaluation.generate import Manner, generate
from refrain.evaluation.record import Answer, cause, entered
from refrain.media import Clip
from tiny_embedded import save_tiny_embedded

WORDS = ("make it snow", "heavy fog", "put a hat on it", "red tint")  # the third is refused by the tiny model


def picture(path: Path, level: float, size: tuple[int, int] = (64, 64)) -> Path:
    """A grey picture, -1 black and 1 white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Clip.of(torch.full((1, 3, *size), level), 25).write(path)
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def editor(model: Path) -> Editor:
    return Editor.from_pretrained(model)


@pytest.fixture
def basic(tmp_path: Path) -> Path:
    """ImgEdit's form: four edits of three pictures; the source of the last one is absent."""
    said = {f"{n}": {"id": f"{min(n, 2)}.png", "prompt": WORDS[n], "edit_type": "style"} for n in range(3)}
    said["3"] = {"id": "absent.png", "prompt": "red tint", "edit_type": "add"}
    (tmp_path / "basic.json").write_text(json.dumps(said))
    for n in range(3):
        picture(tmp_path / f"{n}.png", 0.2 * n)
    return tmp_path / "basic.json"


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """MSE-Bench's form: two sessions; the third turn of the second one is refused."""
    rows = [
        {"image": "a.png", "context": ["make it snow", "heavy fog", "red tint", "rain", "make it snow"]},
        {"image": "a.png", "context": ["make it snow", "heavy fog", "put a hat on it", "rain", "heavy fog"]},
    ]
    (tmp_path / "sessions.json").write_text(json.dumps(rows))
    picture(tmp_path / "a.png", 0.0)
    return tmp_path / "sessions.json"


def cause_of(
    editor: Editor, file: Path, seed: int = 0, limit: int | None = None
) -> tuple[Sequence[Case], dict[str, Any]]:
    """The cases of a file and the cause of a run of them."""
    benchmark = msebench.BENCHMARK if file.name == "sessions.json" else imgedit.BENCHMARK
    cases = benchmark.read(file)[:limit]
    asked = Manner(seed=seed).told()
    return cases, cause(benchmark, file, cases, "strict", "tiny", made=editor.cause(), arguments=asked)


def answered(folder: Path, editor: Editor, file: Path, resume: bool = False, seed: int = 0) -> list[Answer]:
    """Make a run, or go on with it; the answers that were given this time."""
    cases, why = cause_of(editor, file, seed)
    with entered(folder, why, cases, resume) as run:
        return list(generate(run, editor, Manner(seed=seed), lambda *_: lambda _: None))
