"""What the verbs are tried on: a tiny model, a short clip with sound, and a way to run the command in this process."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from media.make import NTSC, Made, video
from refrain.cli.main import main
from tiny_embedded import save_tiny_embedded

FRAMES, ROWS, COLUMNS = 13, 70, 106


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def record(self) -> dict[str, Any]:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that changes everything at random."""
    return save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with sound; its sides are no multiples of anything."""
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    video(path, Made(size=(ROWS, COLUMNS), base=1 / NTSC, ticks=tuple(range(FRAMES + 1)), sound="aac"))
    return path


@pytest.fixture
def clip(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil, in a folder of its own."""
    (tmp_path / "in").mkdir()
    return Path(shutil.copy(made, tmp_path / "in" / "in.mp4"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder to write to."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command as a user would, and say how it ended."""

    def ran(*arguments: object) -> Ran:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        return Ran(status, said.out, said.err)

    return ran
