"""The questions of the exam, written as the benchmark `rendered` reads them (`benchmarks.rendered`)."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from refrain.errors import BadInput
from refrain.evaluation.benchmarks.rendered import MATTE, QUESTIONS, SOURCE, TRUTH
from refrain.evaluation.effects.exam import Problem, digest
from refrain.evaluation.frames import write_matte
from refrain.media import Clip, PixelFormat
from refrain.media.clip import MADE
from refrain.media.write import appearing


def write(problems: Sequence[Problem], folder: Path) -> None:
    """Write sources, true answers and mattes without loss, and the list of questions last: a folder without it is none.

    Raises BadInput for a folder that is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is there and not empty; give a new folder, so that no two exams are mixed.")
    for name in (SOURCE, TRUTH, MATTE):
        (folder / name).mkdir(parents=True)
    lines: list[str] = []
    named = digest(problems)
    for one in problems:
        name = f"{one.effect}-{one.number % 1000}"
        _write(one.shot.frames, one.shot.fps, folder / SOURCE / f"{name}.mp4")
        _write(one.example.target, one.shot.fps, folder / TRUTH / f"{name}.mp4")
        matte = np.where(one.example.matte > 0, np.maximum(one.example.matte, 1 / 255), 0)  # no edit rounds to none
        write_matte(matte, folder / MATTE / name)
        said = {"id": name, "effect": one.effect, "instruction": one.example.instruction, "digest": named}
        lines.append(json.dumps(said) + "\n")
    with appearing(folder / QUESTIONS) as aside:
        aside.write_text("".join(lines), encoding="utf-8")


def _write(frames: np.ndarray, fps: float, path: Path) -> None:
    """4:4:4, so that colours of the edit do not run into what should stay."""
    signed = torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(127.5).sub(1)  # [T, 3, Y, X]
    Clip.of(signed, fps, PixelFormat.named("yuv444p", tags=MADE)).write(path, lossless=True)
