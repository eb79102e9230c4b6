"""Our rendered effects: the questions of the exam (`evaluation.effects.exam`) on disk, so that any system can be asked.

`refrain evaluate effects --write FOLDER` makes one: `questions.jsonl` with `id`, `effect`, `instruction`, `digest` (of
the whole exam) and, without loss, `source/ID.mp4`, `truth/ID.mp4`, and `matte/ID`, a folder of grey frames that say how
far every pixel is edited. Answers are named as the clips are, so `score rendered FOLDER FOLDER/source` is what a system
gets that returns its source.
"""

from pathlib import Path

from refrain.evaluation.case import Benchmark, Case, collected

from .entries import Entry, entries, inside, table

QUESTIONS, SOURCE, TRUTH, MATTE = "questions.jsonl", "source", "truth", "matte"


def read(path: Path) -> tuple[Case, ...]:
    """The cases of such a folder, or of its list. Raises BadInput."""
    file = table(path, QUESTIONS)
    return collected((_case(entry, file.parent) for entry in entries(file)), file)


def _case(entry: Entry, folder: Path) -> Case:
    name, effect = entry.text("id"), entry.text("effect")
    return Case(
        id=name,
        source=inside(folder / SOURCE, f"{name}.mp4", f"{entry.where}, id"),
        instructions=(entry.text("instruction"),),
        category=effect,
        parent=name,
        masks=(folder / MATTE / name,),
        truth=(folder / TRUTH / f"{name}.mp4",),
        extra=entry.rest("id", "instruction"),
    )


BENCHMARK = Benchmark(
    id="rendered",
    title="Rendered effects",
    kind="video",
    obtain="refrain evaluate effects --write FOLDER",
    licence="Apache-2.0",
    source="docs/evaluation_rendered.md",
    read=read,
    answer=lambda case, turn: f"{case.id}.mp4",
    soft=True,
)
