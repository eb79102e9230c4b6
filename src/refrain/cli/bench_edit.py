"""A whole edit, as an artist runs it: read, edit, write, in a process of its own; seconds by stage and peak memory."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from refrain.cli.bench_peak import in_a_child, peak_bytes


@dataclass(frozen=True)
class Errand:
    """What is edited. clip: a file, or None for a rendered scene of `frames` frames of `size` (rows, columns)."""

    clip: str | None
    frames: int
    size: tuple[int, int]
    instruction: str
    model: str
    steps: int | None
    device: str


@dataclass(frozen=True)
class Figures:
    """seconds: by stage, imports (`start`) and weights (`load`) included; busy: of the processor, all threads
    together; peak: bytes of the whole process.
    """

    seconds: dict[str, float]
    busy: float
    peak: int
    frames: int
    size: tuple[int, int]
    model_size: tuple[int, int]
    steps: int

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def measure(errand: Errand) -> Figures:
    """Do the errand and say what it took. A rendered clip is made beforehand and not counted."""
    with tempfile.TemporaryDirectory() as folder:
        clip = errand.clip
        if clip is None:
            clip = str(Path(folder) / "clip.mp4")
            in_a_child(_render, errand, clip)
        return in_a_child(_edit, errand, clip, str(Path(folder) / "out.mp4"), time.time())


def _render(errand: Errand, path: str) -> None:
    from refrain.cli.sample import FPS, from_bytes
    from refrain.data.scenes import render_scene
    from refrain.media import Clip

    Clip.of(from_bytes(render_scene(3, errand.frames, errand.size).frames), FPS).write(path)


def _edit(errand: Errand, path: str, out: str, asked: float) -> Figures:
    """`asked`: the time of day when this process was asked for, so that its start is counted."""
    spent: dict[str, float] = {}
    last = asked

    def passed(stage: str) -> None:
        nonlocal last
        spent[stage], last = time.time() - last, time.time()

    from refrain.editing.editor import Editor
    from refrain.editing.request import Edit
    from refrain.media import Clip

    passed("start")
    clip = Clip.read(path)
    passed("read")
    editor = Editor.from_pretrained(errand.model, device=errand.device)
    passed("load")
    result = editor.edit(Edit(errand.instruction, clip, steps=errand.steps))
    whole = time.time() - last
    stages: dict[str, float] = {f"edit: {stage}": seconds for stage, seconds in result.record["seconds"].items()}
    last += whole
    spent |= {**stages, "edit: other": whole - sum(stages.values())}
    result.clip.write(out)
    passed("write")
    rows, columns = result.record["model_size"]
    return Figures(
        spent, time.process_time(), peak_bytes(), len(clip), clip.size, (rows, columns),
        result.record["sampling"]["steps"],
    )  # fmt: skip
